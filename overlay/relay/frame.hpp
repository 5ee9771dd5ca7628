// The eight bytes before each datagram that goes through a relay (decision 34, docs/wire/relay.md):
//
//   0x05 | flags u8 = 0 | label 48 bit, big-endian | inner datagram
//
// A label names one leg of a circuit: the one between the relay and the session that it was given
// to. Both directions of a leg carry it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "overlay/path/path_table.hpp"

namespace weft::relay {

using Label = std::uint64_t;  // 48 bits, never 0

inline constexpr std::uint8_t kFirstByte = 0x05;
inline constexpr std::size_t kHeader = 8;
inline constexpr Label kLabelMask = (1ull << 48) - 1;
static_assert(kHeader == path::kMostHeadroom);

// REQUIRES: out.size() >= kHeader.
inline void write_header(MutableByteView out, Label label) {
  std::uint64_t word = static_cast<std::uint64_t>(kFirstByte) << 56 | (label & kLabelMask);
  for (std::size_t i = kHeader; i-- > 0; word >>= 8) out[i] = static_cast<std::uint8_t>(word);
}

// Nothing: no relay frame, of flags that this version does not know, or one with nothing inside.
inline std::optional<Label> read_header(ByteView frame) {
  if (frame.size() <= kHeader || frame[0] != kFirstByte || frame[1] != 0) return std::nullopt;
  const Label label = read_be<std::uint64_t>(frame.first(kHeader)) & kLabelMask;
  return label == 0 ? std::nullopt : std::optional(label);
}

}  // namespace weft::relay
