// Pings that people asked for: each waits for a session, then for its answer.
//
// Limits: kMaxPings wait or are under way; one that finds no room fails at once.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "overlay/event.hpp"

namespace weft::overlay {

inline constexpr std::size_t kMaxPings = 4096;

class Pings {
 public:
  // What to send now, on the session with that node.
  struct Due {
    session::SessionId session = 0;
    std::uint64_t sequence = 0;
  };
  struct Ended {
    CommandId id = 0;
    NodeId peer;
    bool sent = false;  // it was sent, and no answer came
  };

  // False: too many.
  [[nodiscard]] bool add(CommandId id, const NodeId& peer, Instant deadline);
  // A session with that node is there: those that wait for it go.
  std::vector<Due> start(Instant now, const NodeId& peer, session::SessionId session);
  // The answer on that session: the command and how long it took.
  struct Answered {
    CommandId id = 0;
    Duration rtt{};
  };
  std::optional<Answered> answer(Instant now, session::SessionId session, std::uint64_t sequence);
  std::vector<Ended> session_down(session::SessionId session);
  std::vector<Ended> expire(Instant now);
  std::vector<Ended> drop(const NodeId& peer);  // it is no member any more; none was sent
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

 private:
  struct Ping {
    NodeId peer;
    Instant deadline;
    session::SessionId session = 0;  // 0: waits for one
    std::uint64_t sequence = 0;
    Instant sent;
  };
  template <class Which>
  std::vector<Ended> take(const Which& which);

  std::map<CommandId, Ping> pings_;
  std::uint64_t last_ = 0;
};

}  // namespace weft::overlay
