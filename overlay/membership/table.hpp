// What this node knows of the members of one network: exactly those of the roster but itself.
//
// Invariants
//  1. Nobody is in the table but members of the roster; who was removed is forgotten.
//  2. A suspect has an accuser or a failed probe of ours. Its accusers, kMaxAccusers at most, are
//     kept until it speaks under a higher incarnation: each is heard once.
//  3. Whoever is dead is remembered for as long as it is a member.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/meter.hpp"
#include "overlay/membership/packet.hpp"
#include "overlay/membership/state.hpp"
#include "overlay/membership/timing.hpp"

namespace weft::membership {

// Death needs a failed probe of our own, or so many accusers.
inline constexpr std::size_t kAccusersForDeath = 3;
inline constexpr int kMaxUnsteady = 3;
inline constexpr Duration kSteadyAfter = 60s;
inline constexpr Duration kSoonBack = 10s;      // dead for less: it was slow, not gone
inline constexpr std::size_t kMaxAccusers = 4;  // as many as make a suspicion the shortest

struct Member {
  NodeId id;
  IdentityKey identity{};
  State state = State::Unknown;
  std::optional<Instant> since;  // of the state; not before it first changed
  Incarnation incarnation = 0;   // 0: it has not spoken
  ClaimKind kind = ClaimKind::Alive;
  std::uint64_t flags = 0;
  Bytes claim;  // its newest word
  crypto::Hash digest{};
  RoundTrip rtt;
  std::optional<Instant> proof;  // of life, seen by ourselves, when last

  // While suspect.
  Instant suspected;
  std::vector<Accusation> accusers;  // also after it was cleared
  bool failed_us = false;            // it left a probe of ours without an answer
  bool checking = false;             // one is under way, or planned
  std::optional<Instant> check_at;
  // How often it showed itself only under suspicion, lately: kSteadyAfter forgives all.
  int unsteady = 0;
  std::optional<Instant> unsteady_at;

  std::optional<Instant> tried;        // when unknown, dead or gone and spoken to nevertheless
  std::optional<Instant> answered;     // when it was dead and spoke
  Meter packets{50, 200};              // that we take of it
  Meter words{200, 2000};              // of which the signature is verified
  Meter accusations{4, 64};            // of its own that are heeded
  Meter answers{64 << 10, 512 << 10};  // bytes of claims that we tell it

  [[nodiscard]] bool present() const { return state == State::Alive || state == State::Suspect; }
  [[nodiscard]] bool accused_by(const NodeId& accuser) const;
};

class Table {
 public:
  // Those come, those are gone; sorted by id.
  struct Roster {
    NodeId id;
    IdentityKey identity{};
  };
  struct Change {
    std::vector<NodeId> added, removed;
  };
  Change set_members(const std::vector<Roster>& members, const NodeId& self);

  [[nodiscard]] Member* find(const NodeId& node);
  [[nodiscard]] const Member* find(const NodeId& node) const;
  [[nodiscard]] Member* find_short(std::uint64_t id);
  [[nodiscard]] const std::map<NodeId, Member>& all() const { return members_; }
  [[nodiscard]] std::map<NodeId, Member>& all() { return members_; }
  [[nodiscard]] std::size_t present() const { return present_; }  // alive and suspect, but us
  [[nodiscard]] std::size_t size() const { return members_.size(); }

  void set_state(Instant now, Member& member, State state);
  // Takes its word; accusers of before are forgotten.
  static void take(Member& member, const Claim& claim);
  // This node's own word stands among the others' in sums, and nowhere else.
  [[nodiscard]] Member& own() { return own_; }
  [[nodiscard]] const Member& own() const { return own_; }

  // Of the newest words of all in the range: a set's digest, and how many there are.
  struct Sum {
    crypto::Hash digest{};
    std::uint64_t count = 0;
  };
  [[nodiscard]] Sum sum(const Range& range) const;
  // Of all that have spoken, this node among them.
  void each(const Range& range, const std::function<void(const Member&)>& look) const;
  // What stands for this word in the sum.
  [[nodiscard]] static crypto::Hash digest_of(const NodeId& node, Incarnation incarnation,
                                              ClaimKind kind);

 private:
  std::map<NodeId, Member> members_;
  Member own_;
  std::size_t present_ = 0;
};

}  // namespace weft::membership
