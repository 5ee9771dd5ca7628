// Entry::decode on anything, and each kind's body on anything: no crash, and whatever is taken has
// one encoding only.
#include "base/assert.hpp"
#include "overlay/roster/entry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::roster;
  const weft::ByteView input(data, size);
  if (const auto entry = Entry::decode(input)) {
    WEFT_ASSERT(size <= kMaxEntrySize);
    WEFT_ASSERT(weft::equal(entry->encode(), input));
  }
  if (size == 0) return 0;
  Entry bare;  // the signature would keep a fuzzer away from the bodies
  bare.kind = data[0] % 10;
  bare.body = weft::to_bytes(input.subspan(1));
  const auto body = bare.parse_body();
  if (body && bare.known_kind()) {
    WEFT_ASSERT(static_cast<std::uint64_t>(kind_of(*body)) == bare.kind);
    WEFT_ASSERT(pack(*body) == bare.body);
  }
  return 0;
}
