// The inviter's side: tickets, and joiners that show one. docs/wire/control.md has the messages.
//
// Invariants
//  1. One transaction burns the ticket and appends the joiner's entry; the joiner is answered
//  after.
//  2. A joiner's session ends kProofTimeout after it came up unless it showed a ticket that holds,
//     and kJoinerTimeout after in any case; kMaxJoinRequests are answered in it.
//  3. Joiners are let in by the session layer only while open() says so.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "overlay/control_message.hpp"
#include "overlay/credential/credential.hpp"
#include "overlay/members/members.hpp"
#include "overlay/part.hpp"
#include "overlay/relaying/relaying.hpp"
#include "overlay/roster/ticket.hpp"

namespace weft::overlay {

inline constexpr Duration kJoinerTimeout = 60s;
inline constexpr Duration kProofTimeout = 10s;
inline constexpr unsigned kMaxJoinRequests = 4;  // who tries more is guessing
inline constexpr Duration kTicketLook = 1s;      // between two looks for tickets that ran out
inline constexpr const char* kRemovedStaysOut =
    "this node was removed from that network, and an identity that was removed stays out";

class Inviter final : public Part {
 public:
  // All outlive it.
  Inviter(const Beside& beside, const Credential& credential, const Members& members,
          const Sync& sync, const Relaying& relaying)
      : Part(beside),
        credential_(credential),
        members_(members),
        sync_(sync),
        relaying_(relaying),
        tickets_(beside.network()) {}

  [[nodiscard]] Interests interests() const override;
  Result<void> load(const Row& row) override { return tickets_.load(row); }
  void handle_session(Instant now, const SessionNews& news) override;
  Result<void> handle_control(Instant now, const ControlIn& in) override;
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  void begin(Instant now) { look(now); }
  void settle(Instant now);                     // after each input
  void clock_set() { next_look_ = Instant{}; }  // looks again at once

  void invite(Instant now, CommandId id, const std::string& name,
              const std::vector<std::string>& may, const std::vector<std::string>& allow,
              Duration ttl);
  // Takes back the ticket for that name or id; InviteOutcome without a ticket.
  void cancel(Instant now, CommandId id, const std::string& who);

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] std::vector<InviteView> invites(Instant now) const;
  [[nodiscard]] const roster::TicketBook& tickets() const { return tickets_; }

 private:
  struct Joiner {
    session::SessionUp up;
    Instant since;
    unsigned requests = 0;
    bool proven = false;  // its ticket held
  };
  void answer(Instant now, Joiner& joiner, const JoinRequest& request);
  void refuse(Instant now, const Joiner& joiner, const JoinRequest& request, const Error& error,
              bool removed = false);
  void let_in(Instant now, const Joiner& joiner, const JoinRequest& request,
              roster::TicketBook::Redeemed redeemed, const roster::Member& self);
  // Relays that may let this ticket's holder through, at the end of its addresses.
  void add_relays(roster::Ticket& ticket);
  // Each relay that holds a reservation lets the ticket's holder through for so long; 0: no more.
  void introduce(const ByteArray<32>& secret, std::chrono::seconds life);
  void look(Instant now);
  [[nodiscard]] bool knows(const Joiner& joiner) const;

  const Credential& credential_;
  const Members& members_;
  const Sync& sync_;
  const Relaying& relaying_;
  roster::TicketBook tickets_;
  bool open_ = false;
  std::uint64_t introduced_at_ = 0;  // as Relaying::reservations counts them
  std::map<SessionId, Joiner> joiners_;
  std::optional<Instant> next_look_;
};

}  // namespace weft::overlay
