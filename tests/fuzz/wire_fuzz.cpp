// The msgpack reader on anything: both modes, every kind. Canonical is a subset of lenient,
// skipping always moves, and what canonical reads as integers and byte strings the writer writes
// back.
#include "base/assert.hpp"
#include "base/wire.hpp"

namespace {

using weft::wire::Kind;
using weft::wire::Reader;

// Reads one value with its own function and writes it back; false when there is nothing to compare.
bool rewrite(Reader& reader, weft::wire::Writer& out) {
  switch (reader.peek()) {
    case Kind::Uint:
      if (const auto value = reader.uint()) return out.uint(*value), true;
      return false;
    case Kind::Sint:
      // A non-negative number in signed form is not what the writer would choose.
      if (const auto value = reader.sint(); value && *value < 0) return out.sint(*value), true;
      return false;
    case Kind::Bin:
      if (const auto value = reader.bin(weft::wire::kMaxInput)) return out.bin(*value), true;
      return false;
    case Kind::Str:
      if (const auto value = reader.str(weft::wire::kMaxInput)) return out.str(*value), true;
      return false;
    case Kind::Array:
      if (const auto value = reader.array(64)) return out.array(*value), true;
      return false;
    case Kind::Map:
      if (const auto value = reader.map(64)) return out.map(*value), true;
      return false;
    default:
      return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteView input(data, size);
  auto canonical = Reader::canonical(input);
  auto lenient = Reader::lenient(input);
  while (canonical.skip()) {
    WEFT_ASSERT(lenient.skip());
    WEFT_ASSERT(lenient.remaining() == canonical.remaining());
  }
  for (auto raw = Reader::lenient(input); raw.remaining() > 0;) {
    const auto before = raw.remaining();
    const auto value = raw.raw();
    if (!value) break;
    WEFT_ASSERT(before - raw.remaining() == value->size());
    WEFT_ASSERT(!value->empty());
  }
  auto reader = Reader::canonical(input);
  weft::wire::Writer out;
  while (reader.remaining() > 0 && rewrite(reader, out)) {
    const auto read = input.size() - reader.remaining();
    WEFT_ASSERT(weft::equal(out.bytes(), input.first(read)));
  }
  return 0;
}
