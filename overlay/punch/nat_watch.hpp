// Learns what the NATs around this node do, by asking members: STUN Binding requests from the
// node's own socket to where sessions with members lie. docs/wire/stun.md, nat/behaviour.hpp.
//
// Of each family it asks as well, once a member has answered: the same member to answer from
// another port (filtering), and itself at its outside address (hairpin).
//
// Invariants
// 1. An answer counts when it repeats a transaction id of ours and comes from where it was asked;
//    the one about another port from the same address.
// 2. At most kMostAsked questions wait, each is sent kTries times, kWait apart.
// 3. A place is asked again after kAgain at the earliest, so answers are never too old for a
//    verdict.
#pragma once

#include <deque>
#include <optional>
#include <tuple>
#include <vector>

#include "base/core.hpp"
#include "base/fields.hpp"
#include "base/rng.hpp"
#include "nat/behaviour.hpp"
#include "nat/stun.hpp"

namespace weft::punch {

struct WatchCounters {
  std::uint64_t asked = 0;
  std::uint64_t told = 0;
  std::uint32_t unanswered = 0;
  std::uint32_t misfits = 0;

  static constexpr auto fields() {
    using C = WatchCounters;
    return std::tuple{field("stun_asked", "requests", "sent to members", &C::asked),
                      field("stun_told", "answers", "of members", &C::told),
                      field("stun_unanswered", "questions", "without an answer", &C::unanswered),
                      field("stun_misfits", "answers", "that came from elsewhere", &C::misfits)};
  }
};
static_assert(lists_all_fields<WatchCounters>());

class NatWatch {
 public:
  static constexpr std::size_t kMostAsked = 32;
  static constexpr int kTries = 3;
  static constexpr Duration kWait = 500ms;
  static constexpr Duration kAgain = 4min;

  explicit NatWatch(Rng& rng) : rng_(rng) {}

  void set_own(std::vector<Endpoint> own);
  // A member is reached there.
  void ask(Instant now, const NodeId& member, const Endpoint& place);
  // True: it was for us.
  bool handle(Instant now, const Datagram& in, const nat::StunMessage& message);
  // A check of a punch told where a peer sees us, or came from whom we never sent to.
  void observe(Instant now, const NodeId& by, const Endpoint& place, const Endpoint& seen) {
    behaviour_.observe(now, by, place, seen);
  }
  void note_stranger(const Endpoint& from) { behaviour_.note_stranger(nat::family_of(from)); }

  struct Out {
    Endpoint to;
    Bytes bytes;
  };
  std::optional<Out> poll(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] nat::Verdict verdict(Instant now, nat::Family family) const {
    return behaviour_.verdict(now, family);
  }
  [[nodiscard]] std::vector<Endpoint> outside(Instant now) const { return behaviour_.outside(now); }
  [[nodiscard]] const WatchCounters& counters() const { return counters_; }

 private:
  enum class What : std::uint8_t { Mapping, OtherPort, Hairpin };
  struct Asked {
    What what = What::Mapping;
    NodeId member;
    Endpoint place;
    nat::TransactionId id{};
    int sent = 0;
    Instant next{};
  };
  void start(Instant now, What what, const NodeId& member, const Endpoint& place);
  void answered(Instant now, const Asked& asked, const Datagram& in,
                const nat::StunMessage& message);
  void give_up(const Asked& asked);

  Rng& rng_;
  nat::Behaviour behaviour_;
  std::vector<Asked> asked_;
  std::deque<std::pair<Endpoint, Instant>> lately_;  // places, and when they were asked
  bool other_port_[2] = {};                          // by family: asked since our address changed
  bool hairpin_[2] = {};
  WatchCounters counters_;
};

}  // namespace weft::punch
