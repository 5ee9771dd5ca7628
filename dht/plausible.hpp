// Whether what a node names may be all it knows: liars name each other, and they are few, so what
// they name lies farther apart than the nodes of the network do.
//
// An honest server knows its surroundings whole and of each range beyond at least k / 2 contacts.
// Of the n contacts it names, nearest to the target first, the last lies about where the n-th node
// should; where M > k nodes are nearer to the target than its own range, 2 M / k times as far. How
// many nodes there should be is our own estimate, from the density around ourselves.
//
// Limits: one who names a single contact is hardly ever found out; nothing can be said of networks
// that are not much larger than a region, nor of liars that are half of all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/node_id.hpp"

namespace weft::dht {

// What a reply to a question for contacts near `target` named.
struct Testimony {
  NodeId teller;
  std::size_t named = 0;
  Distance last;  // from the target to the farthest of them
};

enum class Verdict : std::uint8_t {
  Believed,
  Doubted,  // one honest reply in fifty
  Absurd,   // no server names this unless it has just begun
};

class Density {
 public:
  // `nodes`: in the whole network, as estimated: ids mined next to ours may make it anything, and
  // more than kMostNodes are taken for so many. `k`: contacts a server knows of each range.
  Density(std::uint64_t nodes, std::size_t k) : nodes_(std::min(nodes, kMostNodes)), k_(k) {}

  // Nodes that should lie within this distance of anything, in sixteenths.
  [[nodiscard]] std::uint64_t within(const Distance& distance) const;
  [[nodiscard]] Verdict judge(const NodeId& target, const Testimony& testimony) const;

 private:
  static constexpr std::uint64_t kMostNodes = 0xffffffff;
  std::uint64_t nodes_;
  std::size_t k_;
};

}  // namespace weft::dht
