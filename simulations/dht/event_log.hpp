// What the nodes of one shard reported during a window, kept until its end.
#pragma once

#include <utility>
#include <vector>

#include "simulations/dht/virtual_node.hpp"

namespace weft::sim {

class EventLog final : public DhtObserver {
 public:
  struct Entry {
    Instant at;
    std::uint32_t node = 0;
    dht::DhtEvent event;
  };

  void on_event(Instant now, std::uint32_t node, dht::DhtEvent&& event) override {
    if (std::holds_alternative<dht::AddressSeen>(event)) return;  // nobody asks, and they are many
    entries_.push_back({now, node, std::move(event)});
  }
  // Moves everything to the end of `out`.
  void take(std::vector<Entry>& out) {
    out.insert(out.end(), std::make_move_iterator(entries_.begin()),
               std::make_move_iterator(entries_.end()));
    entries_.clear();
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace weft::sim
