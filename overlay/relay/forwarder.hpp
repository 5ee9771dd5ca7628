// The data plane of a relay: frames go from one leg of a circuit to its other, by a table of labels
// and nothing else. A run that came together leaves together.
//
// Invariants
//  1. A frame counts only if its label is one that was given out and it comes by the way of the
//     session that it was given to. It leaves by the way of the other leg's session; no address is
//     ever taken from a packet. Nothing is opened, nothing answered.
//  2. Nothing is allocated and nothing locked for a datagram. What waits for poll_transmit lies in
//     one arena of kArena bytes; what finds no room there, no room in the rate or a path that is
//     blocked is dropped and counted.
//  3. Legs come in pairs: a frame never comes back where it came from.
#pragma once

#include <limits>
#include <unordered_map>
#include <vector>

#include "base/rng.hpp"
#include "overlay/path/path_table.hpp"
#include "overlay/relay/counters.hpp"
#include "overlay/relay/fair_rate.hpp"
#include "overlay/relay/frame.hpp"
#include "overlay/relay/way.hpp"

namespace weft::relay {

class Forwarder {
 public:
  static constexpr std::size_t kArena = 2u << 20;  // a burst of 32 full GRO runs
  static constexpr std::size_t kMaxRuns = 2048;
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  using Client = std::uint32_t;  // a session whose frames are taken
  using Leg = std::uint32_t;

  // `paths` outlives it.
  Forwarder(const path::PathTable& paths, std::uint64_t rate) : paths_(paths), rate_(rate) {}

  Client add_client(const Way& way);
  void set_way(Client client, const Way& way) { clients_[client].way = way; }
  [[nodiscard]] const Way& way_of(Client client) const { return clients_[client].way; }
  void remove_client(Client client);  // REQUIRES: no legs

  // Both legs of one circuit, not live yet: frames are dropped until start(). `most`: bytes that
  // each direction may carry.
  struct Pair {
    Leg a, b;
  };
  Pair add_pair(Rng& rng, Client a, Client b, std::uint64_t most = kNoLimit);
  void start(const Pair& pair);
  void remove_pair(const Pair& pair);
  [[nodiscard]] Label label_of(Leg leg) const { return legs_[leg].label; }
  // When the last frame of this leg was taken; the epoch: none was.
  [[nodiscard]] Instant used(Leg leg) const { return legs_[leg].used; }

  // Whether this frame carries a label that was given out here.
  [[nodiscard]] bool owns(ByteView frame) const {
    const auto label = read_header(frame);
    return label && labels_.contains(*label);
  }
  // Whether its first datagram carries a label of ours. Then all of it has been dealt with.
  bool handle_datagram(Instant now, const Datagram& run);
  std::optional<Transmit> poll_transmit(MutableByteView out);

  // Bytes that may be forwarded until told anew.
  void set_left(std::uint64_t bytes) { left_ = bytes; }
  [[nodiscard]] std::uint64_t left() const { return left_; }
  [[nodiscard]] FairRate& rate() { return rate_; }
  [[nodiscard]] const FairRate& rate() const { return rate_; }
  [[nodiscard]] std::size_t labels() const { return labels_.size(); }
  [[nodiscard]] const ForwardCounters& counters() const { return counters_; }
  void check_invariants() const;

 private:
  struct Sender {
    Way way;
    FairRate::Client part;
    bool taken = false;
  };
  struct LegEntry {
    Label label = 0;  // 0: free
    Client client = 0;
    Leg other = 0;
    bool live = false;
    std::uint64_t left = kNoLimit;
    Instant used{};
  };
  struct Run {
    Leg leg = 0;
    Way way;
    std::size_t at = 0;  // in the arena
    std::size_t size = 0;
    std::size_t segment = 0;
    Ecn ecn = Ecn::NotEct;
  };
  // Labels are random and ours: they need no further hash.
  struct Same {
    std::size_t operator()(Label label) const noexcept { return static_cast<std::size_t>(label); }
  };

  Leg new_leg(Rng& rng, Client client, std::uint64_t most);
  void free_leg(Leg leg);
  [[nodiscard]] LegEntry* leg_of(ByteView frame, const Datagram& run);
  void pass(Instant now, LegEntry& from, ByteView bytes, std::size_t segment, Ecn ecn);
  [[nodiscard]] std::size_t admitted(Instant now, LegEntry& from, ByteView bytes,
                                     std::size_t segment);
  void queue(const LegEntry& from, ByteView bytes, std::size_t segment, Ecn ecn);
  [[nodiscard]] Run* extends(const Run& more);

  const path::PathTable& paths_;
  FairRate rate_;
  std::uint64_t left_ = kNoLimit;
  std::vector<Sender> clients_;
  std::vector<Client> free_clients_;
  std::vector<LegEntry> legs_;
  std::vector<Leg> free_legs_;
  std::unordered_map<Label, Leg, Same> labels_;
  Bytes arena_;  // made when the first leg is
  std::size_t filled_ = 0;
  std::vector<Run> runs_;  // those before next_ have left
  std::size_t next_ = 0;
  ForwardCounters counters_;
};

}  // namespace weft::relay
