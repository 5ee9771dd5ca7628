// The attempts to find a direct way to members that are not reached directly: when one begins, what
// is offered, what an offer of theirs sets off, and what came of it. Sans IO; nat/checks.hpp does
// the probing of one attempt.
//
//   need()          this member has no direct path, and words reach it
//   handle_offer()  it says where it is; both probe at once
//   poll_found()    an address of it answered: the owner dials or migrates there
//
// An attempt that fails is repeated, never the same twice: roles of the opener change each time, and
// the pause grows from kFirstPause to kLongestPause. It begins anew when the network changed.
//
// Invariants
// 1. Only what the owner hands in as a member's word begins anything: no packet of a stranger does.
// 2. At most kMostAttempts are under way, kMostPairs members known; of one member one attempt.
// 3. Of one member an offer a second is heeded, five at once; an attempt that was seen is not begun
//    again by a copy of its offer.
// 4. New mappings in our NAT: kMappingsPerMinute over all members, kMappingsAtOnce at once.
// 5. Where probes go: addresses of the offer that nat::may_probe() lets through, and where an
//    authentic probe came from.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/fields.hpp"
#include "base/meter.hpp"
#include "base/node_id.hpp"
#include "overlay/punch/offer.hpp"

namespace weft::punch {

struct PunchCounters {
  std::uint64_t attempts = 0;
  std::uint64_t found = 0;
  std::uint64_t failed = 0;
  std::uint64_t offers_out = 0;
  std::uint64_t offers_in = 0;
  std::uint32_t offers_limited = 0;
  std::uint32_t offers_replayed = 0;
  std::uint32_t offers_stale = 0;
  std::uint32_t candidates_refused = 0;
  std::uint32_t checks_refused = 0;
  std::uint32_t checks_replayed = 0;

  static constexpr auto fields() {
    using C = PunchCounters;
    return std::tuple{
        field("attempts", "attempts", "to find a direct way to a member", &C::attempts),
        field("found", "attempts", "that found one", &C::found),
        field("failed", "attempts", "that found none", &C::failed),
        field("offers_out", "offers", "sent to members", &C::offers_out),
        field("offers_in", "offers", "of members that were heeded", &C::offers_in),
        field("offers_limited", "offers", "beyond the rate of their sender", &C::offers_limited),
        field("offers_replayed", "offers", "that had been heeded before", &C::offers_replayed),
        field("offers_stale", "offers", "that answer nothing we asked", &C::offers_stale),
        field("candidates_refused", "addresses", "of offers that no probe may go to",
              &C::candidates_refused),
        field("checks_refused", "messages", "of probes with a wrong password", &C::checks_refused),
        field("checks_replayed", "requests", "of probes, that came again from elsewhere",
              &C::checks_replayed)};
  }
};
static_assert(lists_all_fields<PunchCounters>());

class Pairs {
 public:
  static constexpr std::size_t kMostPairs = 1024;
  static constexpr std::size_t kMostAttempts = 32;
  static constexpr std::size_t kSeen = 8;  // attempts of a member that are remembered
  static constexpr std::int64_t kMappingsPerMinute = 120;
  static constexpr std::int64_t kMappingsAtOnce = 60;
  static constexpr Duration kFirstPause = 2s;
  static constexpr Duration kLongestPause = 10min;
  static constexpr Duration kAskAgain = 1s;  // an offer without an answer is sent three times
  static constexpr int kAsks = 3;
  static constexpr Duration kLinger = 5s;  // for the far end, after this one has its proof

  explicit Pairs(Rng& rng) : rng_(rng) {}

  // Our own addresses, for may_probe(); and what offers say, best first.
  void set_own(std::vector<Endpoint> own) { own_ = std::move(own); }
  void set_candidates(const std::vector<Endpoint>& candidates);
  void set_nat(const NatWord& nat) { nat_ = nat; }

  // Until settled() or forget(). `after`: a first attempt waits so long, for a plain dial.
  void need(Instant now, const NodeId& member, Duration after);
  void settled(const NodeId& member);
  void forget(const NodeId& member);
  [[nodiscard]] bool needed(const NodeId& member) const;
  // Another network, another NAT: whoever is needed is tried again soon.
  void network_changed(Instant now);

  void handle_offer(Instant now, const NodeId& from, const Offer& offer);

  struct Heard {
    bool ours = false;
    std::optional<NodeId> stranger{};  // its probe came from an address we had not probed
    struct Seen {
      NodeId by;
      Endpoint endpoint;
    };
    std::optional<Seen> seen{};  // where a peer sees us
  };
  Heard handle_stun(Instant now, const Datagram& in, const nat::StunMessage& message);
  void handle_timeout(Instant now);

  struct Letter {
    NodeId to;
    Offer offer;
  };
  std::optional<Letter> poll_offer();
  std::optional<nat::Checks::Out> poll_datagram(Instant now);
  struct Found {
    NodeId member;
    PathId path = PathId::Udp;
    Endpoint endpoint;
    Duration took{};  // since the attempt began
    unsigned tries = 0;
  };
  std::optional<Found> poll_found();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // What people are told about one member: "" where nothing was tried.
  struct View {
    unsigned tries = 0;
    std::string last;  // of the last attempt: "found", "no answer to our offer", "no probe arrived"
    std::optional<Instant> next;
    bool under_way = false;
    std::optional<NatWord> theirs;  // as their last offer says
  };
  [[nodiscard]] std::optional<View> view(const NodeId& member) const;
  [[nodiscard]] const PunchCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t attempts() const { return names_.size(); }

 private:
  struct Attempt {
    ByteArray<8> id{};
    bool asked_by_us = false;
    std::optional<ByteArray<8>> theirs{};  // the attempt of the offer that it answers
    Opener opener = Opener::Nobody;
    nat::Checks checks;
    Instant began{};
    int asks = 0;
    Instant ask_next{};
    bool reported = false;
    Instant end{};  // once reported
  };
  struct Pair {
    bool needed = false;
    Instant next{};
    Duration pause = kFirstPause;
    unsigned tries = 0;
    std::optional<Attempt> attempt{};
    std::deque<ByteArray<8>> seen{};
    Meter offers{1, 5};
    std::string last{};
    std::optional<NatWord> theirs{};
  };

  Pair* pair_of(const NodeId& member);
  void begin(Instant now, const NodeId& member, Pair& pair, const ByteArray<8>& id, bool ours,
             Opener opener);
  void end(Pair& pair);
  void ask(Instant now, const NodeId& member, Pair& pair);
  void answer(const NodeId& member, const Pair& pair);
  void heed(Instant now, const NodeId& from, Pair& pair, const Offer& offer);
  void fail(Instant now, Pair& pair, const char* why);
  void step(Instant now, const NodeId& member, Pair& pair);
  [[nodiscard]] std::vector<Endpoint> allowed(const std::vector<Address>& addresses);
  [[nodiscard]] Duration jittered(Duration pause);

  Rng& rng_;
  std::vector<Endpoint> own_;
  std::vector<Address> candidates_;
  NatWord nat_;
  std::map<NodeId, Pair> pairs_;
  std::map<ByteArray<8>, NodeId> names_;  // of attempts under way, by the name in their probes
  Meter mappings_{kMappingsPerMinute / 60, kMappingsAtOnce};
  std::deque<Letter> letters_;
  std::deque<Found> found_;
  PunchCounters counters_;
};

}  // namespace weft::punch
