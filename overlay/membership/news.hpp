// Words on their way to everybody: each rides on what is said anyway and on a few datagrams of its
// own, a limited number of times, the least told first.
//
// Invariant: of one subject the newest claim at most, and no accusation of an older incarnation.
// Limit: kMaxNews words; beyond, the one told most often gives way: it has spread already.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "overlay/membership/packet.hpp"

namespace weft::membership {

inline constexpr std::size_t kMaxNews = 1024;

class News {
 public:
  void add(const Claim& claim);
  void add(const Accusation& accusation);
  void forget(const NodeId& subject);  // it is no member any more

  // Appends words that fit into `room` bytes, each with its overhead, and counts them as told once
  // more; those told `limit` times are gone. What is in `words` already is not added again.
  void fill(std::vector<Bytes>& words, std::size_t room, std::size_t limit);
  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] std::size_t size() const { return words_.size(); }

 private:
  using Key = std::pair<NodeId, NodeId>;  // subject; accuser, zero for a claim
  struct Told {
    Bytes raw;
    Incarnation incarnation = 0;
    std::size_t times = 0;
    std::uint64_t order = 0;
  };
  using Place = std::tuple<std::size_t, std::uint64_t, Key>;  // times, newest first
  void put(const Key& key, Incarnation incarnation, const Bytes& raw);
  void erase(std::map<Key, Told>::iterator at);
  [[nodiscard]] static Place place(const Key& key, const Told& told) {
    return {told.times, ~told.order, key};
  }

  std::map<Key, Told> words_;
  std::set<Place> places_;
  std::uint64_t order_ = 0;
};

}  // namespace weft::membership
