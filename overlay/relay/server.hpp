// The relay's side: who may be reached through this node, and the circuits between them. The frames
// themselves are Forwarder's.
//
// A session with a direct path is entered when it comes up. Its member reserves: then others may
// ask for circuits to it. A circuit is asked for, offered to the far end, and live once that end
// has accepted; it ends with either session, by either's word, or after kIdle without a frame.
//
// Invariants
//  1. A reservation's key is the node: who was started anew takes the place it had; the end of its
//     session frees it. What is counted is what is listed.
//  2. A circuit joins two sessions of one network, and nobody speaks of it but these two.
//  3. Who is no member gets a circuit to exactly the node that introduced it, by a token that this
//     one gave: kJoinBytes each way, kJoinTime, while the introduction lasts.
//  4. Every table is bounded; see the constants.
//
// Order: after any call, poll_say until empty.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <utility>

#include "base/meter.hpp"
#include "overlay/relay/forwarder.hpp"
#include "overlay/relay/messages.hpp"

namespace weft::relay {

inline constexpr std::size_t kMaxReservations = 1024;
inline constexpr std::size_t kMaxCircuits = 4096;
inline constexpr std::size_t kMaxAsked = 64;        // circuits of one node that it asked for
inline constexpr std::size_t kMaxOfPair = 4;        // of these, to one node
inline constexpr std::size_t kMaxTo = 256;          // to one node, by all
inline constexpr std::int64_t kAsksPerSecond = 10;  // Connect messages of one session
inline constexpr std::int64_t kAskBurst = 64;
inline constexpr Duration kAnswerTime = 5s;  // the far end's
inline constexpr Duration kIdle = 10min;
inline constexpr std::size_t kMaxIntroductions = 256;
inline constexpr std::size_t kMaxIntroductionsOfOne = 16;
inline constexpr std::size_t kMaxUses = 16;  // circuits that one introduction lets through
inline constexpr std::uint64_t kMaxIntroductionSeconds = 7 * 86400;
inline constexpr std::uint64_t kJoinBytes = 8u << 20;
inline constexpr Duration kJoinTime = 60s;
inline constexpr std::size_t kMaxJoinCircuits = 16;

struct ServerCounters {
  std::uint64_t reserved = 0;
  std::uint64_t asked = 0;
  std::uint64_t opened = 0;
  std::uint64_t introduced = 0;
  std::uint64_t refused_off = 0;
  std::uint64_t refused_unknown = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t refused_spent = 0;
  std::uint64_t refused_far = 0;
  std::uint64_t asked_too_often = 0;

  static constexpr auto fields() {
    using C = ServerCounters;
    return std::tuple{
        field("reserved", "times", "a member reserved", &C::reserved),
        field("asked", "circuits", "that were asked for", &C::asked),
        field("opened", "circuits", "that both ends had", &C::opened),
        field("introduced", "circuits", "of joiners", &C::introduced),
        field("refused_off", "requests", "while nothing is relayed", &C::refused_off),
        field("refused_unknown", "requests", "for a node that has not reserved here",
              &C::refused_unknown),
        field("refused_full", "requests", "beyond a limit", &C::refused_full),
        field("refused_spent", "requests", "with the month's volume used up", &C::refused_spent),
        field("refused_far", "requests", "that the far end did not take", &C::refused_far),
        field("asked_too_often", "requests", "beyond their rate, unanswered", &C::asked_too_often)};
  }
};
static_assert(lists_all_fields<ServerCounters>());

class Server {
 public:
  // Both outlive it. `rate`: bytes a second, 0 without limit.
  Server(Rng& rng, const path::PathTable& paths, std::uint64_t rate)
      : rng_(rng), forwarder_(paths, rate) {}

  // On or off; off ends every circuit and reservation.
  void set_on(Instant now, bool on);
  [[nodiscard]] bool on() const { return on_; }

  struct Member {
    NetworkId network;
    NodeId node;
    bool joining = false;
  };
  // A session came up, or came to a direct path; set_way when it moved; leave when it ended or lies
  // behind a relay itself.
  void enter(Session session, const Member& member, const Way& way);
  void set_way(Session session, const Way& way);
  void leave(Instant now, Session session);
  [[nodiscard]] bool knows(Session session) const { return sessions_.contains(session); }
  // It has circuits here.
  [[nodiscard]] bool serves(Session session) const {
    const auto at = sessions_.find(session);
    return at != sessions_.end() && !at->second.circuits.empty();
  }

  void handle(Instant now, Session from, const Message& message);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return look_at_; }

  struct Say {
    Session to = 0;
    Message message;
  };
  [[nodiscard]] std::optional<Say> poll_say();

  // Somebody may come who is no member yet: an introduction to a node of this network is out.
  [[nodiscard]] bool awaits_joiners(Instant now, const NetworkId& network) const;

  [[nodiscard]] Forwarder& forwarder() { return forwarder_; }
  [[nodiscard]] const Forwarder& forwarder() const { return forwarder_; }
  [[nodiscard]] std::size_t reservations() const { return reservations_.size(); }
  [[nodiscard]] std::size_t circuits() const { return circuits_.size(); }
  [[nodiscard]] const ServerCounters& counters() const { return counters_; }
  void check_invariants() const;

 private:
  using Place = std::pair<NetworkId, NodeId>;
  struct Entered {
    Member member;
    Forwarder::Client client = 0;
    Meter asks{kAsksPerSecond, kAskBurst};
    std::set<CircuitId> circuits;
  };
  struct Circuit {
    Session asker = 0;
    Session target = 0;
    std::uint64_t request = 0;
    Forwarder::Pair legs{};
    bool live = false;
    bool joining = false;
    Instant since{};
  };
  struct Introduction {
    Session by = 0;
    Instant until;
    std::size_t used = 0;  // circuits
  };

  void on(Instant now, Session from, const Reserve& m);
  void on(Instant now, Session from, const Connect& m);
  void on(Instant now, Session from, const Accept& m);
  void on(Instant now, Session from, const Close& m);
  void on(Instant now, Session from, const Introduce& m);
  template <class Other>
  void on(Instant, Session, const Other&) {}

  [[nodiscard]] Status judge(Instant now, const Entered& asker, const Connect& m,
                             Session& target) const;
  [[nodiscard]] Status judge_member(const Entered& asker, const Connect& m, Session& target) const;
  [[nodiscard]] Status judge_joiner(Instant now, const Entered& asker, const Connect& m,
                                    Session& target) const;
  void count(Status status);
  void end(CircuitId id, std::optional<Session> silent, Status why);
  void say(Session to, const Message& message) { says_.push_back({to, message}); }
  void look_by(Instant at);
  [[nodiscard]] Instant deadline_of(const Circuit& circuit) const;

  Rng& rng_;
  Forwarder forwarder_;
  bool on_ = false;
  std::map<Session, Entered> sessions_;
  std::map<Place, Session> reservations_;
  std::map<CircuitId, Circuit> circuits_;
  std::map<Token, Introduction> introductions_;
  CircuitId last_ = 0;
  std::optional<Instant> look_at_;  // nothing ends before
  std::deque<Say> says_;
  ServerCounters counters_;
};

}  // namespace weft::relay
