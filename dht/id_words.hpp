// 256-bit ids and distances as machine words: the hot comparisons of tables and
// lookups.
#pragma once

#include <cstdint>

#include "base/node_id.hpp"

namespace weft::dht {

// The leading 32 bits: enough to tell most ids apart, and most distances.
template <class Tag>
inline std::uint32_t top_of(const Id256<Tag>& id) {
  return static_cast<std::uint32_t>(id.word(0) >> 32);
}

// Whether `a` lies nearer to `target` than `b` does.
inline bool nearer(const NodeId& a, const NodeId& b, const NodeId& target) {
  for (std::size_t at = 0; at < 32; at += 8) {
    const std::uint64_t goal = target.word(at);
    const std::uint64_t left = a.word(at) ^ goal;
    const std::uint64_t right = b.word(at) ^ goal;
    if (left != right) return left < right;
  }
  return false;
}

}  // namespace weft::dht
