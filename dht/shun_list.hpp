// Nodes found lying, and until when nothing of theirs is taken: not into the table, not told to
// others, asked last in a walk. Named by the first 64 bits of their ids: an honest id that agrees
// in so many with a liar's cannot be found.
//
// Invariant: at most kMost; the one that would be forgiven first makes room.
#pragma once

#include <algorithm>
#include <vector>

#include "dht/ticks.hpp"

namespace weft::dht {

class ShunList {
 public:
  static constexpr std::size_t kMost = 256;

  void add(Instant now, const NodeId& node, Duration time) {
    const Ticks at = to_ticks(now);
    std::erase_if(items_,
                  [&](const Item& item) { return item.until <= at || item.id == node.word(0); });
    if (items_.size() >= kMost) items_.erase(std::ranges::min_element(items_, {}, &Item::until));
    items_.push_back({node.word(0), at + to_ticks(time)});
  }
  [[nodiscard]] bool has(Instant now, const NodeId& node) const {
    if (items_.empty()) return false;
    const std::uint64_t id = node.word(0);
    const Ticks at = to_ticks(now);
    return std::ranges::any_of(items_,
                               [&](const Item& item) { return item.id == id && item.until > at; });
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t memory() const { return items_.capacity() * sizeof(Item); }

 private:
  struct Item {
    std::uint64_t id = 0;
    Ticks until = 0;
  };
  std::vector<Item> items_;
};

}  // namespace weft::dht
