// What only the simulator knows: which of all nodes are really the closest to an id. Nodes never
// see it; checkers compare their answers with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/node_id.hpp"

namespace weft::sim {

class GroundTruth {
 public:
  void add(const NodeId& id, std::uint32_t node) { sorted_.emplace_back(id, node); }
  void build() { std::ranges::sort(sorted_); }

  // The `count` nodes closest to `target` among those `eligible(node)` accepts, closest first.
  template <class Eligible>
  [[nodiscard]] std::vector<std::uint32_t> closest(const NodeId& target, std::size_t count,
                                                   const Eligible& eligible) const {
    std::vector<std::uint32_t> found;
    descend(0, sorted_.size(), 0, target, count, eligible, found);
    return found;
  }
  [[nodiscard]] std::size_t memory_bytes() const { return sorted_.capacity() * sizeof(sorted_[0]); }

 private:
  static bool bit(const NodeId& id, std::size_t place) {
    return (id.bytes[place / 8] >> (7 - place % 8) & 1) != 0;
  }
  // All ids in [low, high) share their first `depth` bits: the half on the target's side is nearer
  // as a whole, so walking near halves first lists by distance.
  template <class Eligible>
  void descend(std::size_t low, std::size_t high, std::size_t depth, const NodeId& target,
               std::size_t count, const Eligible& eligible,
               std::vector<std::uint32_t>& found) const {
    if (low == high || found.size() >= count) return;
    if (high - low == 1 || depth == 256) {
      for (; low < high && found.size() < count; ++low)
        if (eligible(sorted_[low].second)) found.push_back(sorted_[low].second);
      return;
    }
    const auto first = sorted_.begin() + static_cast<std::ptrdiff_t>(low);
    const auto last = sorted_.begin() + static_cast<std::ptrdiff_t>(high);
    const auto split = std::partition_point(
        first, last, [&](const auto& entry) { return !bit(entry.first, depth); });
    const auto middle = static_cast<std::size_t>(split - sorted_.begin());
    const bool ones_first = bit(target, depth);
    for (const bool ones : {ones_first, !ones_first})
      descend(ones ? middle : low, ones ? high : middle, depth + 1, target, count, eligible, found);
  }

  std::vector<std::pair<NodeId, std::uint32_t>> sorted_;
};

}  // namespace weft::sim
