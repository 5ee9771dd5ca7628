// The joiner's side: we hold a ticket and are on our way into a network. One join at a time.
//
//   begin ──dials──> first session up ──JoinRequest──> JoinAnswer ──RosterGet──> entries ... last
//                                                                                     │
//   any error, or the deadline ──> failed            stored() <── the owner stores <── Joined
//
// Invariants
//  1. A join ends in exactly one CommandDone.
//  2. While the owner stores, nothing gives the join up but the disk.
//  3. The roster is taken only if its genesis is the ticket's network and it names this node.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "overlay/config.hpp"
#include "overlay/control_message.hpp"
#include "overlay/event.hpp"
#include "overlay/joining/guides.hpp"
#include "overlay/part.hpp"
#include "overlay/roster/roster.hpp"
#include "overlay/roster/ticket.hpp"

namespace weft::overlay {

inline constexpr Duration kAskExpired = 5s;  // a join whose ticket has expired by our clock

class Joiner {
 public:
  // All outlive it.
  Joiner(const OverlayConfig& config, const WallClock& clock, Rng& rng,
         session::SessionLayer& sessions, const ByteArray<8>& instance, CommandId& last_command,
         relay::Circuits& circuits)
      : config_(config),
        clock_(clock),
        rng_(rng),
        sessions_(sessions),
        instance_(instance),
        last_command_(last_command),
        guides_(sessions, circuits) {}

  // We are in: what the owner is to store, then to install, then stored().
  struct Joined {
    CommandId command = 0;
    roster::Ticket ticket;
    StaticCredential credential;
    roster::Roster roster;
    std::string name;
    std::optional<Endpoint> remote;  // where the inviter answered
  };
  using Output = std::variant<Say, Joined, CommandDone, OpenCarrier>;

  // REQUIRES: !busy().
  void begin(Instant now, CommandId id, roster::Ticket ticket, Duration within);
  void stored(Instant now, const Result<void>& result);

  // The answer to an OpenCarrier of ours; others are nothing to it.
  void carrier_opened(Instant now, CommandId id, PathId path, const Endpoint& remote);
  void carrier_failed(Instant now, CommandId id);
  void handle_session(Instant now, const SessionNews& news);
  Result<void> handle_control(Instant now, const ControlIn& in);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Output> poll_output();

  [[nodiscard]] bool busy() const { return join_.has_value(); }
  [[nodiscard]] bool owns(SessionId session) const {
    return guides_.owns(session) || (join_ && join_->dials.contains(session));
  }

 private:
  struct Join {
    CommandId command = 0;
    roster::Ticket ticket;
    StaticCredential credential;
    std::set<SessionId> dials;
    std::vector<Address> carriers;  // not tried yet, while UDP answers nothing
    std::optional<Instant> next_carrier;
    std::set<CommandId> connecting;             // connections being made
    std::optional<session::SessionUp> session;  // the one that came up
    bool accepted = false;
    bool storing = false;
    std::string name;
    std::string via_name;
    path::PathKind path = path::PathKind::Udp;
    std::vector<Bytes> chain;
    Instant deadline;
  };
  void on(Instant now, const session::SessionUp& up);
  void on(Instant now, const LinkOpen& open);
  void on(Instant now, const session::SessionDown& down);
  template <class Other>
  void on(Instant, const Other&) {}
  bool dial(Instant now, PathId path, const Endpoint& endpoint);
  [[nodiscard]] bool nothing_left() const;
  void answered(Instant now, const JoinAnswer& answer);
  void took(Instant now, const RosterEntries& entries);
  void finish(Instant now);
  void abort(Instant now, Error error, Refusal refusal = Refusal::None);
  void say(const ControlMessage& message);

  const OverlayConfig& config_;
  const WallClock& clock_;
  Rng& rng_;
  session::SessionLayer& sessions_;
  const ByteArray<8>& instance_;
  CommandId& last_command_;
  Guides guides_;
  std::optional<Join> join_;
  std::deque<Output> outputs_;
};

}  // namespace weft::overlay
