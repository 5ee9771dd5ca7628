// A joiner's way to its inviter through the relays that the ticket names: a session with each in join
// mode, and in it a circuit to exactly that inviter, for which the relay is shown what only the
// ticket's holder and the inviter know. The inviter is then dialled over the circuit.
//
// Invariant: a session with a guide carries three messages and the circuit; it ends with the join, or
// when the relay says no.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "overlay/part.hpp"
#include "overlay/relay/circuits.hpp"
#include "overlay/roster/ticket.hpp"

namespace weft::overlay {

class Guides {
 public:
  // Both outlive it.
  Guides(session::SessionLayer& sessions, relay::Circuits& circuits)
      : sessions_(sessions), circuits_(circuits) {}

  void begin(Instant now, const roster::Ticket& ticket);
  // No further circuits; those there are end with their sessions.
  void end(Instant now);
  [[nodiscard]] bool owns(SessionId session) const { return guides_.contains(session); }
  [[nodiscard]] bool empty() const { return guides_.empty() || !ticket_; }

  void up(const session::SessionUp& up);
  // What to say to it, if anything.
  [[nodiscard]] std::optional<Bytes> open(SessionId session);
  void down(SessionId session);
  // A circuit to the inviter, once it is there.
  [[nodiscard]] Result<std::optional<PathId>> heard(Instant now, const ControlIn& in);
  // What the last relay that refused said; empty: none has.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

 private:
  session::SessionLayer& sessions_;
  relay::Circuits& circuits_;
  std::optional<roster::Ticket> ticket_;  // while a way is looked for
  std::map<SessionId, NodeId> guides_;
  std::string refusal_;
};

}  // namespace weft::overlay
