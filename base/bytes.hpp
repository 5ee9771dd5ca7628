// Byte views and the few helpers every layer needs: hex, big-endian integers, concatenation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace weft {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;
template <std::size_t N>
using ByteArray = std::array<std::uint8_t, N>;

inline ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

template <std::size_t N>
[[nodiscard]] Result<ByteArray<N>> to_array(ByteView view) {
  if (view.size() != N) return fail(Errc::Malformed, "wrong length");
  ByteArray<N> out;
  std::copy(view.begin(), view.end(), out.begin());
  return out;
}

std::string to_hex(ByteView bytes);
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

// Big-endian integers, as networks write them.
template <class T>
void append_be(Bytes& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}
template <class T>
[[nodiscard]] T read_be(ByteView bytes) {  // REQUIRES: bytes.size() >= sizeof(T)
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(static_cast<T>(value << 8) | static_cast<T>(bytes[i]));
  return value;
}

}  // namespace weft
