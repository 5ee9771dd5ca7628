#include "base/wire.hpp"

#include <limits>

#include <msgpack.hpp>

#include "base/assert.hpp"
#include "base/text.hpp"

namespace weft::wire {

namespace {

// msgpack-c packs into anything with write(); this lets it append to our Bytes.
struct Sink {
  Bytes& out;
  void write(const char* data, std::size_t size) {
    append(out, {reinterpret_cast<const std::uint8_t*>(data), size});
  }
};

template <class Pack>
void pack_into(Bytes& out, Pack&& pack) {
  Sink sink{out};
  msgpack::packer<Sink> packer(sink);
  pack(packer);
}

std::uint32_t header_size(std::size_t size) {
  WEFT_ASSERT(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

}  // namespace

Writer& Writer::array(std::size_t size) {
  pack_into(out_, [&](auto& p) { p.pack_array(header_size(size)); });
  return *this;
}
Writer& Writer::map(std::size_t size) {
  pack_into(out_, [&](auto& p) { p.pack_map(header_size(size)); });
  return *this;
}
Writer& Writer::uint(std::uint64_t value) {
  pack_into(out_, [&](auto& p) { p.pack_uint64(value); });
  return *this;
}
Writer& Writer::sint(std::int64_t value) {
  pack_into(out_, [&](auto& p) { p.pack_int64(value); });
  return *this;
}
Writer& Writer::boolean(bool value) {
  pack_into(out_, [&](auto& p) { value ? p.pack_true() : p.pack_false(); });
  return *this;
}
Writer& Writer::nil() {
  pack_into(out_, [](auto& p) { p.pack_nil(); });
  return *this;
}
Writer& Writer::bin(ByteView bytes) {
  pack_into(out_, [&](auto& p) {
    p.pack_bin(header_size(bytes.size()));
    p.pack_bin_body(reinterpret_cast<const char*>(bytes.data()), header_size(bytes.size()));
  });
  return *this;
}
Writer& Writer::str(std::string_view text) {
  pack_into(out_, [&](auto& p) {
    const ByteView body = bytes_of(text);
    p.pack_str(header_size(body.size()));
    p.pack_str_body(reinterpret_cast<const char*>(body.data()), header_size(body.size()));
  });
  return *this;
}
Writer& Writer::raw(ByteView already_packed) {
  if (out_.empty()) out_.reserve(already_packed.size() + 96);  // most messages are short
  append(out_, already_packed);
  return *this;
}

Kind Reader::peek() const {
  if (rest_.empty()) return Kind::End;
  const std::uint8_t tag = rest_[0];
  if (tag < 0x80 || (tag >= 0xcc && tag <= 0xcf)) return Kind::Uint;
  if (tag >= 0xe0 || (tag >= 0xd0 && tag <= 0xd3)) return Kind::Sint;
  if (tag < 0x90 || tag == 0xde || tag == 0xdf) return Kind::Map;
  if (tag < 0xa0 || tag == 0xdc || tag == 0xdd) return Kind::Array;
  if (tag < 0xc0 || (tag >= 0xd9 && tag <= 0xdb)) return Kind::Str;
  if (tag == 0xc0) return Kind::Nil;
  if (tag == 0xc2 || tag == 0xc3) return Kind::Bool;
  if (tag >= 0xc4 && tag <= 0xc6) return Kind::Bin;
  return Kind::Other;
}

Result<std::uint64_t> Reader::big_endian(std::size_t width) {
  if (rest_.size() < width + 1) return fail(Errc::Malformed, "msgpack: truncated");
  std::uint64_t value = 0;
  for (std::size_t i = 1; i <= width; ++i) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(width + 1);
  return value;
}

// A length header: `fix` with its mask, or `first` and its wider siblings (`widths` of them; the
// first is 1 byte wide when there are three, else 2).
Result<std::size_t> Reader::header(std::uint8_t fix, std::uint8_t fix_mask, std::uint8_t first,
                                   int widths) {
  if (rest_.empty()) return fail(Errc::Malformed, "msgpack: truncated");
  const std::uint8_t tag = rest_[0];
  if (fix_mask != 0 && (tag & fix_mask) == fix) {
    rest_ = rest_.subspan(1);
    return static_cast<std::size_t>(tag & static_cast<std::uint8_t>(~fix_mask));
  }
  const int step = tag - first;
  if (step < 0 || step >= widths) return fail(Errc::Malformed, "msgpack: another type expected");
  const std::size_t width = (widths == 3 ? 1u : 2u) << step;
  WEFT_TRY(const auto size, big_endian(width));
  const std::uint64_t fix_limit = fix_mask == 0 ? 0 : static_cast<std::uint8_t>(~fix_mask) + 1u;
  const std::uint64_t shorter = step == 0 ? fix_limit : 1ULL << (width * 4);
  if (canonical_ && size < shorter) return fail(Errc::NonCanonical, "msgpack: length not minimal");
  return static_cast<std::size_t>(size);
}

Result<std::size_t> Reader::array(std::size_t limit) {
  WEFT_TRY(const auto size, header(0x90, 0xf0, 0xdc, 2));
  if (size > limit || size > rest_.size()) return fail(Errc::TooLarge, "msgpack: array too long");
  return size;
}

Result<std::size_t> Reader::map(std::size_t limit) {
  WEFT_TRY(const auto size, header(0x80, 0xf0, 0xde, 2));
  if (size > limit || size > rest_.size() / 2) return fail(Errc::TooLarge, "msgpack: map too long");
  return size;
}

Result<std::uint64_t> Reader::uint() {
  if (peek() != Kind::Uint) return fail(Errc::Malformed, "msgpack: unsigned integer expected");
  const std::uint8_t tag = rest_[0];
  if (tag < 0x80) {
    rest_ = rest_.subspan(1);
    return tag;
  }
  const std::size_t width = std::size_t{1} << (tag - 0xcc);
  WEFT_TRY(const auto value, big_endian(width));
  const std::uint64_t shorter = width == 1 ? 0x80 : 1ULL << (width * 4);
  if (canonical_ && value < shorter)
    return fail(Errc::NonCanonical, "msgpack: integer not minimal");
  return value;
}

Result<std::int64_t> Reader::sint() {
  if (peek() == Kind::Uint) {
    WEFT_TRY(const auto value, uint());
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return fail(Errc::TooLarge, "msgpack: integer out of range");
    return static_cast<std::int64_t>(value);
  }
  if (peek() != Kind::Sint) return fail(Errc::Malformed, "msgpack: integer expected");
  const std::uint8_t tag = rest_[0];
  if (tag >= 0xe0) {
    rest_ = rest_.subspan(1);
    return static_cast<std::int8_t>(tag);
  }
  const std::size_t width = std::size_t{1} << (tag - 0xd0);
  WEFT_TRY(const auto raw, big_endian(width));
  const unsigned unused = static_cast<unsigned>(64 - 8 * width);
  const auto value = static_cast<std::int64_t>(raw << unused) >> unused;
  const std::int64_t shorter = width == 1 ? -32 : -(std::int64_t{1} << (width * 4 - 1));
  if (canonical_ && value >= shorter)
    return fail(Errc::NonCanonical, "msgpack: integer not minimal");
  return value;
}

Result<bool> Reader::boolean() {
  if (peek() != Kind::Bool) return fail(Errc::Malformed, "msgpack: boolean expected");
  const bool value = rest_[0] == 0xc3;
  rest_ = rest_.subspan(1);
  return value;
}

Result<void> Reader::nil() {
  if (peek() != Kind::Nil) return fail(Errc::Malformed, "msgpack: nil expected");
  rest_ = rest_.subspan(1);
  return {};
}

Result<ByteView> Reader::take(std::size_t size, std::size_t limit) {
  if (size > limit) return fail(Errc::TooLarge, "msgpack: longer than its limit");
  if (size > rest_.size()) return fail(Errc::Malformed, "msgpack: truncated");
  const ByteView out = rest_.first(size);
  rest_ = rest_.subspan(size);
  return out;
}

Result<ByteView> Reader::bin(std::size_t limit) {
  WEFT_TRY(const auto size, header(0, 0, 0xc4, 3));
  return take(size, limit);
}

Result<std::string_view> Reader::str(std::size_t limit) {
  WEFT_TRY(const auto size, header(0xa0, 0xe0, 0xd9, 3));
  WEFT_TRY(const auto text, take(size, limit));
  if (!is_utf8(text_of(text))) return fail(Errc::Malformed, "msgpack: text is not UTF-8");
  return text_of(text);
}

Result<void> Reader::skip() { return skip(0); }

Result<void> Reader::skip(int depth) {
  if (depth > kMaxDepth) return fail(Errc::TooLarge, "msgpack: nested too deep");
  const auto drop_children = [&](std::size_t count) -> Result<void> {
    for (std::size_t i = 0; i < count; ++i) WEFT_CHECK(skip(depth + 1));
    return {};
  };
  switch (peek()) {
    case Kind::Uint: {
      WEFT_CHECK(uint());
      return {};
    }
    case Kind::Sint: {
      WEFT_CHECK(sint());
      return {};
    }
    case Kind::Bool: {
      WEFT_CHECK(boolean());
      return {};
    }
    case Kind::Nil:
      return nil();
    case Kind::Bin: {
      WEFT_CHECK(bin(kMaxInput));
      return {};
    }
    case Kind::Str: {
      WEFT_CHECK(str(kMaxInput));
      return {};
    }
    case Kind::Array: {
      WEFT_TRY(const auto size, array(kMaxInput));
      return drop_children(size);
    }
    case Kind::Map: {
      WEFT_TRY(const auto size, map(kMaxInput));
      return drop_children(size * 2);
    }
    case Kind::Other:
      return fail(Errc::Unsupported, "msgpack: floats and extensions are not used");
    case Kind::End:
      break;
  }
  return fail(Errc::Malformed, "msgpack: truncated");
}

Result<ByteView> Reader::raw() {
  const ByteView before = rest_;
  WEFT_CHECK(skip());
  return before.first(before.size() - rest_.size());
}

Result<void> Reader::finish() const {
  if (!rest_.empty()) return fail(Errc::NonCanonical, "msgpack: trailing bytes");
  return {};
}

}  // namespace weft::wire
