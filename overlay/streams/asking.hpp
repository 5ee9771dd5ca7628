// Asking for access to services of members, and deciding about what members ask of ours: ask_message
// on the control streams, ask_book of what waits here.
//
// Invariants
//  1. A question is answered with one CommandDone: its answer came, its session ended, or
//     kAnswerWithin is over (an older weft skips such messages).
//  2. What was asked for and is allowed now, however it came to that, waits no more.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "overlay/streams/ask_book.hpp"
#include "overlay/streams/offering.hpp"

namespace weft::overlay {

class Asking {
 public:
  static constexpr Duration kAnswerWithin = 10s;

  // All outlive it.
  Asking(Offering& offering, const service::MembersView& members, Outlet& out)
      : offering_(offering), members_(members), out_(out) {}

  // AskOutcome. NoPath: no session with it is up.
  void ask(Instant now, CommandId id, const NodeId& node, Ask ask);
  // A member says; an error is a malformed message.
  [[nodiscard]] Result<void> heard(const service::Asked& asked, const ControlIn& in);
  void session_down(session::SessionId session);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Lets it in: on terms, or without an end.
  void approve(Instant now, CommandId id, std::uint64_t ask,
               const std::optional<service::Terms>& terms);
  void refuse(UnixTime now, CommandId id, std::uint64_t ask);
  // Other rules hold now.
  void rules_changed(const service::Asked& asked);
  [[nodiscard]] std::vector<AskView> waiting() const;

 private:
  struct Pending {
    CommandId command = 0;
    session::SessionId session = 0;
    Instant until{};
  };
  void heard_ask(const service::Asked& asked, const ControlIn& in, const Ask& ask);
  void finish(std::uint64_t request, Result<Outcome> result);

  Offering& offering_;
  const service::MembersView& members_;
  Outlet& out_;
  AskBook book_;
  std::map<std::uint64_t, Pending> pending_;  // by request
  std::uint64_t last_request_ = 0;
};

}  // namespace weft::overlay
