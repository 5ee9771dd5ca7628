// Who of a network's members is alive: SWIM with Lifeguard, as a core without IO, clock or session.
// Who is a member at all is told to it (set_members); how a packet travels is its owner's matter.
//
//   probe      one member a period, in a shuffled walk; no answer: three others are asked to try;
//              still none: an accusation, signed by us
//   suspicion  from the first accusation; shorter with each further accuser. Then dead, if a probe
//              of our own failed or three members accuse it; else it is probed now
//   refute     whoever is accused says so under a higher incarnation, signed by itself
//   news       ride on what is said anyway, and on three datagrams each 200 ms while there are some
//   compare    digests of all that is known, with one member each 30 s, then what differs
//
// Invariants
//  1. Only a member's own signed word gives it an incarnation, addresses or its leave. A jump of
//     more than kMaxJump is believed from its own answer to a probe of ours only.
//  2. Nobody dies here by hearsay: invariant in the third line above.
//  3. A member that is heard by a session now (Sessions) is not suspected, whoever accuses it.
//  4. Two ticks missed: this process stood still. Nobody is accused for what was missed, suspects
//     get the time back, and each is probed before it is accused (decision 41).
//     Whoever was late before is given up to four times as long.
//  5. What one member may make this node do is metered (table.hpp); beyond it is dropped, counted.
//  6. A packet is kMaxPacket bytes at most. kMaxProbes probes, kMaxRelayed probes for others.
//
// Departs from SWIM: accusations are signed and kept apart by accuser, instead of one "suspect" and
// one "dead" that anybody may say. A plain SWIM for comparison: Options::lifeguard = false.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/rng.hpp"
#include "overlay/membership/counters.hpp"
#include "overlay/membership/news.hpp"
#include "overlay/membership/table.hpp"

namespace weft::membership {

inline constexpr Duration kPeriod = 1s;
inline constexpr std::size_t kHelpers = 3;
inline constexpr Duration kHelperTimeout = 300ms;  // of a helper that knows no round trip
inline constexpr std::size_t kFanout = 3;
inline constexpr Duration kNewsPause = 200ms;
inline constexpr Duration kSyncEvery = 30s;
inline constexpr Duration kTryEvery = 10s;     // one of the unknown and the dead, in turn
inline constexpr Duration kDeadAnswer = 1min;  // between two answers to one that is dead
inline constexpr Incarnation kMaxJump = 1024;
inline constexpr Duration kFresh = 2s;  // a session heard so lately outweighs accusations
inline constexpr Duration kCheckWithin = 500ms;
inline constexpr std::size_t kMaxProbes = 64;
inline constexpr std::size_t kMaxRelayed = 128;
inline constexpr std::size_t kItemsAtOnce = 27;    // a range of so many is told as items
inline constexpr std::size_t kClaimsAtOnce = 100;  // more differ: the rest at the next comparison
inline constexpr std::size_t kToldOfLeave = 64;    // at once; they tell the others
inline constexpr Incarnation kReserve = 64;        // incarnations stored ahead of use

// What the owner knows of live sessions.
class Sessions {
 public:
  struct Seen {
    Instant heard;  // newest packet
    Duration rtt{};
  };
  virtual ~Sessions() = default;
  [[nodiscard]] virtual std::optional<Seen> with(const NodeId& node) const = 0;
};

struct Options {
  Duration period = kPeriod;
  bool lifeguard = true;
};

struct SwimSetup {
  NodeId self;
  IdentityKey identity{};
  NetworkId network;
  Incarnation stored = 0;  // as the last Reserve said; 0 at a first start
  Options options = {};
};

// ---- outputs
struct Send {
  NodeId to;
  Bytes packet;
  PacketType type{};
};
struct StateChanged {
  NodeId node;
  State was{}, state{};
  Incarnation incarnation = 0;
};
// Its own, signed word: where it is, and its certificate without network and identity.
struct Spoke {
  NodeId node;
  std::vector<Address> addresses;
  std::optional<Certificate> key;
};
// It has heard of a roster that we do not have.
struct Behind {
  NodeId node;
};
// To be stored: what `stored` is to be at the next start.
struct Reserve {
  Incarnation incarnation = 0;
};
using SwimOutput = std::variant<Send, StateChanged, Spoke, Behind, Reserve>;

// What this node says of itself.
struct Self {
  std::uint64_t flags = 0;
  std::vector<Address> addresses;
  std::optional<Certificate> key;
};

class Swim {
 public:
  // All outlive it.
  Swim(Instant now, const SwimSetup& setup, const Notary& notary, const Sessions& sessions,
       Rng& rng);

  void set_members(Instant now, std::vector<Table::Roster> members);
  void set_self(Instant now, Self self);
  void set_mark(const RosterMark& mark) { mark_ = mark; }

  // A session with it is up; its last one ended.
  void session_up(Instant now, const NodeId& node);
  void session_down(Instant now, const NodeId& node);
  // `by_session`: no copy of what was said before.
  void handle_packet(Instant now, const NodeId& from, ByteView packet, bool by_session);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<SwimOutput> poll_output();
  // This node goes: its signed word to whom it has sessions with, else to a few.
  void leave(Instant now);

  [[nodiscard]] const Table& table() const { return table_; }
  [[nodiscard]] Incarnation incarnation() const { return own_.incarnation; }
  [[nodiscard]] int health() const { return health_.score(); }
  [[nodiscard]] const SwimCounters& counters() const { return counters_; }

 private:
  struct Probe {
    NodeId target;
    Instant sent;
    Instant due;
    bool indirect = false;  // helpers are asked
    bool blames = true;     // its failure counts against the target
    std::size_t asked = 0, nacks = 0;
  };
  // Done for another.
  struct Relayed {
    NodeId asker;
    std::uint32_t sequence = 0;  // the asker's
    NodeId target;
    Instant due;
    Instant sent;
  };

  // --- swim.cpp: time, packets, ourselves
  void tick(Instant now);
  void notice_absence(Instant now);
  void speak(Instant now);  // signs our word anew, under a higher incarnation
  void refute(Instant now);
  void send(Packet packet, const NodeId& to, bool with_news);
  void tell_news(Instant now);
  void heard_mark(Instant now, const NodeId& from, const RosterMark& mark);
  void handle(Instant now, Member& from, const Packet& packet, bool by_session);
  void proof(Instant now, Member& member);
  [[nodiscard]] bool heard_by_session(Instant now, const NodeId& node) const;
  [[nodiscard]] std::size_t network_size() const { return table_.present() + 1; }
  [[nodiscard]] std::vector<NodeId> pick(std::size_t count, const NodeId& but);
  void set_state(Instant now, Member& member, State state);

  // --- swim_probes.cpp
  void probe_next(Instant now);
  void try_absent(Instant now);
  bool probe(Instant now, Member& target, bool blames);
  void ask_helpers(Instant now, std::uint32_t sequence, Probe& probe);
  void failed(Instant now, const Probe& probe);
  void answered(Instant now, Member& from, std::uint32_t sequence, bool direct);
  void on_ping(Instant now, Member& from, const Packet& packet);
  void on_request(Instant now, Member& from, const Packet& packet);
  void expire_probes(Instant now);
  void shuffle();

  // --- swim_words.cpp
  void hear(Instant now, Member& from, const Bytes& word, std::optional<State> told);
  void hear_claim(Instant now, Member& from, const Claim& claim, std::optional<State> told);
  void hear_own(Instant now, Member& from, const Claim& claim);
  void hear_accusation(Instant now, Member& from, const Accusation& accusation);
  void accuse(Instant now, Member& member);
  void suspect(Instant now, Member& member);
  void expire_suspicions(Instant now);
  [[nodiscard]] Instant suspicion_ends(const Member& member) const;

  // --- swim_sync.cpp
  void compare_with(const NodeId& to);
  void on_compare(Instant now, Member& from, const Packet& packet);
  void on_items(Instant now, Member& from, const Packet& packet);
  void on_ask(Instant now, Member& from, const Packet& packet);
  void on_claims(Instant now, Member& from, const Packet& packet);
  void tell_items(const NodeId& to, const Range& range);
  void tell_claims(Instant now, Member& to, const std::vector<const Member*>& of);

  SwimSetup setup_;
  const Notary& notary_;
  const Sessions& sessions_;
  Rng& rng_;
  Table table_;
  News news_;
  Health health_;
  SwimCounters counters_;
  std::deque<SwimOutput> outputs_;

  Claim own_;
  Self self_;
  bool has_self_ = false;
  bool leaving_ = false;
  Incarnation reserved_ = 0;
  Meter refutations_{1, 4};
  RosterMark mark_;

  Instant next_tick_;
  Instant next_news_;
  Instant next_sync_;
  Instant next_try_;
  std::optional<Instant> next_behind_;
  std::vector<NodeId> walk_;
  std::size_t walked_ = 0;
  NodeId tried_;  // the last of the absent that was spoken to
  std::uint32_t sequence_ = 0;
  std::uint64_t taken_ = 0;  // claims
  std::map<std::uint32_t, Probe> probes_;
  std::map<std::uint32_t, Relayed> relayed_;
  std::map<NodeId, Instant> doubts_;  // suspects and members to be checked: when to look
};

}  // namespace weft::membership
