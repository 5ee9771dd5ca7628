// How many nodes that we did not know each teller of news may name: hearsay fills the directory,
// and one who invents nodes must not fill it faster than they are found out.
//
// Invariant: at most kTellers; the one with most left makes room, so that who spends is remembered.
#pragma once

#include <algorithm>
#include <vector>

#include "base/node_id.hpp"
#include "dht/ticks.hpp"

namespace weft::dht {

class NewsBudget {
 public:
  static constexpr std::size_t kTellers = 64;
  static constexpr std::uint32_t kAtOnce = 48;     // four full messages, as after a mass join
  static constexpr std::uint32_t kPerMinute = 12;  // in the long run

  [[nodiscard]] std::uint32_t left(Instant now, const NodeId& teller) const {
    const auto at = find(teller);
    return at == items_.end() ? kAtOnce : left_of(now, *at);
  }
  // REQUIRES: count <= left()
  void spend(Instant now, const NodeId& teller, std::uint32_t count) {
    if (count == 0) return;
    const Item item{teller.word(0), left(now, teller) - count, to_ticks(now)};
    const auto at = find(teller);
    if (at != items_.end()) {
      items_[static_cast<std::size_t>(at - items_.begin())] = item;
    } else if (items_.size() < kTellers) {
      items_.push_back(item);
    } else {
      *std::ranges::max_element(items_, {}, [&](const Item& i) { return left_of(now, i); }) = item;
    }
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t memory() const { return items_.capacity() * sizeof(Item); }

 private:
  struct Item {
    std::uint64_t teller = 0;  // the first 64 bits of its id
    std::uint32_t left = 0;
    Ticks at = 0;
  };
  [[nodiscard]] std::vector<Item>::const_iterator find(const NodeId& teller) const {
    return std::ranges::find(items_, teller.word(0), &Item::teller);
  }
  static std::uint32_t left_of(Instant now, const Item& item) {
    const Ticks more = (to_ticks(now) - item.at) / (to_ticks(Duration(1min)) / kPerMinute);
    return std::min(item.left + more, kAtOnce);
  }

  std::vector<Item> items_;
};

}  // namespace weft::dht
