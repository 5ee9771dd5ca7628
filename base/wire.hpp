// Bounded msgpack. Writer emits the one canonical form (minimal integers, shortest headers) through
// msgpack-c's packer; Reader is a cursor over untrusted bytes that never allocates from an
// announced length: every header is checked against what is really left.
//
// Signed structures are arrays with minimal integers and no trailing bytes: read them with
// Reader::canonical, which refuses any longer encoding. Unsigned messages are read with
// Reader::lenient; extra array elements are skipped with skip(), bounded in depth.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft::wire {

inline constexpr std::size_t kMaxInput = 65535;
inline constexpr int kMaxDepth = 32;

class Writer {
 public:
  Writer& array(std::size_t size);
  Writer& map(std::size_t size);
  Writer& uint(std::uint64_t value);
  Writer& sint(std::int64_t value);
  Writer& boolean(bool value);
  Writer& nil();
  Writer& bin(ByteView bytes);
  Writer& str(std::string_view text);
  Writer& raw(ByteView already_packed);

  [[nodiscard]] const Bytes& bytes() const { return out_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

enum class Kind { Uint, Sint, Bool, Nil, Bin, Str, Array, Map, Other, End };

class Reader {
 public:
  static Reader canonical(ByteView bytes) { return Reader(bytes, true); }
  static Reader lenient(ByteView bytes) { return Reader(bytes, false); }

  [[nodiscard]] Kind peek() const;
  // Number of elements; at most what the remaining bytes could hold, and at most `limit`.
  [[nodiscard]] Result<std::size_t> array(std::size_t limit);
  [[nodiscard]] Result<std::size_t> map(std::size_t limit);
  [[nodiscard]] Result<std::uint64_t> uint();
  [[nodiscard]] Result<std::int64_t> sint();
  [[nodiscard]] Result<bool> boolean();
  [[nodiscard]] Result<void> nil();
  [[nodiscard]] Result<ByteView> bin(std::size_t limit);          // a view into the input
  [[nodiscard]] Result<std::string_view> str(std::size_t limit);  // valid UTF-8, a view
  // Skips one value of any kind; nesting beyond kMaxDepth is refused.
  [[nodiscard]] Result<void> skip();
  // The bytes of the next value, which is skipped: for structures kept as they are.
  [[nodiscard]] Result<ByteView> raw();
  // REQUIRES nothing left: signed structures have no trailing bytes.
  [[nodiscard]] Result<void> finish() const;
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

  template <std::size_t N>
  [[nodiscard]] Result<ByteArray<N>> fixed() {
    WEFT_TRY(auto view, bin(N));
    return to_array<N>(view);
  }

 private:
  Reader(ByteView bytes, bool canonical) : rest_(bytes), canonical_(canonical) {}
  Result<std::uint64_t> big_endian(std::size_t width);
  Result<std::size_t> header(std::uint8_t fix, std::uint8_t fix_mask, std::uint8_t first,
                             int widths);
  Result<ByteView> take(std::size_t size, std::size_t limit);
  Result<void> skip(int depth);

  ByteView rest_;
  bool canonical_;
};

}  // namespace weft::wire
