// The broker's links to its neighbours: what waits to be written to each, which publishers' batches
// go to it unasked (eager) and of which it only hears what there is (lazy), and what it is known to
// have. Plumtree (Leitao, Pereira, Rodrigues 2007), with a tree for each publisher, so that all
// nodes may publish at once.
//
// Departures: no promotion on receipt; a link becomes lazy after kMaxDuplicates in a row, never for
// the neighbours of this node in the ring of ids, and at most kPruneRate a second; a link that is
// slow (kPlentyWaits bytes waiting) is lazy for everybody until it has caught up.
//
// Invariants
//  1. What waits for a link is bounded: batches up to kMaxWaiting bytes, further ones are left out
//     and the link is told what there is once it has room; other frames up to twice that, beyond
//     which they are dropped and counted (the peer asks again).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/meter.hpp"
#include "overlay/broker/frame.hpp"
#include "overlay/broker/source.hpp"

namespace weft::broker {

inline constexpr std::size_t kPlentyWaits = 256u << 10;
inline constexpr std::size_t kMaxWaiting = 1u << 20;
inline constexpr int kMaxDuplicates = 5;
inline constexpr std::int64_t kPruneRate = 100;
inline constexpr std::int64_t kPruneBurst = 1000;
inline constexpr Duration kNewsPause = 50ms;  // what there is is told together, this often

using FramePtr = std::shared_ptr<const Bytes>;

struct LinkCounts {
  std::uint64_t frames_lost = 0;
  std::uint64_t slowed = 0;
  std::uint64_t pruned = 0;
  std::uint64_t grafted = 0;
};

class Links {
 public:
  explicit Links(const NodeId& self) : self_(self) {}

  void add(LinkId id, const NodeId& peer);
  void remove(LinkId id);
  [[nodiscard]] bool contains(LinkId id) const { return links_.contains(id); }
  [[nodiscard]] std::size_t size() const { return links_.size(); }
  [[nodiscard]] const NodeId* peer(LinkId id) const;
  [[nodiscard]] std::vector<LinkId> all() const;
  [[nodiscard]] bool reaches(const NodeId& node) const;

  // ---- writing
  void send(LinkId id, FramePtr frame);
  void send(LinkId id, const Frame& frame) {
    send(id, std::make_shared<const Bytes>(encode(frame)));
  }
  // A batch. False: left out, the link is slow.
  bool push(LinkId id, const Batch& batch, FramePtr frame);
  // What is to be written next; it stays until taken().
  [[nodiscard]] FramePtr front(LinkId id) const;
  void taken(LinkId id);
  // Links with something to write since this was asked last.
  [[nodiscard]] std::optional<LinkId> poll_busy();
  // Links that were slow and have room again: they are to hear what there is.
  [[nodiscard]] std::optional<LinkId> poll_caught_up();

  // ---- the trees
  // Those who get this batch unasked now; it came from `from` (0: it is our own).
  [[nodiscard]] std::vector<LinkId> eager(const Batch& batch, LinkId from) const;
  // Another copy came from there. True: tell it to stop.
  [[nodiscard]] bool duplicate(Instant now, const NodeId& publisher, LinkId from);
  void first_copy(const NodeId& publisher, LinkId from);
  void prune(const NodeId& publisher, LinkId link);  // it wants no more unasked
  void graft(const NodeId& publisher, LinkId link);  // it wants them
  void knows(LinkId link, const NodeId& publisher, std::uint64_t epoch, std::uint64_t high);
  // Where batches of that publisher came from first: the way back to it.
  [[nodiscard]] LinkId parent(const NodeId& publisher) const;
  // Something new of this publisher: lazy links hear of it within kNewsPause.
  void news(Instant now, const NodeId& publisher);
  struct Tell {
    LinkId link;
    std::set<NodeId> publishers;
  };
  [[nodiscard]] std::vector<Tell> take_news(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return news_at_; }

  [[nodiscard]] const LinkCounts& counts() const { return counts_; }
  [[nodiscard]] std::size_t waiting_bytes() const;
  [[nodiscard]] std::size_t lazy_count() const;

 private:
  struct Link {
    NodeId peer;
    std::deque<FramePtr> waiting;
    std::size_t bytes = 0;
    bool told = false;    // it is among `busy_`
    bool behind = false;  // batches were left out
    std::set<NodeId> lazy;
    std::map<NodeId, int> duplicates;
    std::map<NodeId, std::pair<std::uint64_t, std::uint64_t>> known;
  };
  [[nodiscard]] bool is_ring_neighbour(const NodeId& peer) const;

  NodeId self_;
  std::map<LinkId, Link> links_;
  std::multiset<NodeId> ring_;  // peers
  std::map<NodeId, LinkId> parents_;
  std::deque<LinkId> busy_;
  std::deque<LinkId> caught_up_;
  std::set<NodeId> news_;
  std::optional<Instant> news_at_;
  Meter prunes_{kPruneRate, kPruneBurst};
  LinkCounts counts_;
};

}  // namespace weft::broker
