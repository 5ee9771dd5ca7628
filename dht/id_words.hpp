// 256-bit ids and distances as machine words: the hot comparisons of tables and
// lookups.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/node_id.hpp"

namespace weft::dht {

// Eight bytes from `at`, as the big-endian integer they are.
template <class Tag>
inline std::uint64_t word_of(const Id256<Tag>& id, std::size_t at = 0) {
  std::uint64_t word = 0;
  std::memcpy(&word, id.bytes.data() + at, sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

// The leading 32 bits: enough to tell most ids apart, and most distances.
template <class Tag>
inline std::uint32_t top_of(const Id256<Tag>& id) {
  return static_cast<std::uint32_t>(word_of(id) >> 32);
}

template <class Tag>
inline bool same(const Id256<Tag>& a, const Id256<Tag>& b) {
  for (std::size_t at = 0; at < 32; at += 8)
    if (word_of(a, at) != word_of(b, at)) return false;
  return true;
}

template <class Tag>
inline bool less(const Id256<Tag>& a, const Id256<Tag>& b) {
  for (std::size_t at = 0; at < 32; at += 8)
    if (word_of(a, at) != word_of(b, at)) return word_of(a, at) < word_of(b, at);
  return false;
}

// Whether `a` lies nearer to `target` than `b` does.
inline bool nearer(const NodeId& a, const NodeId& b, const NodeId& target) {
  for (std::size_t at = 0; at < 32; at += 8) {
    const std::uint64_t goal = word_of(target, at);
    const std::uint64_t left = word_of(a, at) ^ goal;
    const std::uint64_t right = word_of(b, at) ^ goal;
    if (left != right) return left < right;
  }
  return false;
}

inline std::size_t shared_bits(const NodeId& a, const NodeId& b) {
  for (std::size_t at = 0; at < 32; at += 8)
    if (const std::uint64_t x = word_of(a, at) ^ word_of(b, at); x != 0)
      return at * 8 + static_cast<std::size_t>(std::countl_zero(x));
  return 256;
}

}  // namespace weft::dht
