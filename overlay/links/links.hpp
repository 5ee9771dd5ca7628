// The control streams of this node's sessions, of all networks: framing, one outbox each, and the
// pace at which a peer may say things. What a message means is the parts' to know.
//
// Invariants
//  1. One control stream a session: the side that dialled opens it.
//  2. A peer that is slow to read loses frames of the part that says too much (outbox.hpp), which
//     hears of it by LinkRoom; it never loses its session for that.
//  3. A peer that says more than kControlRate messages a second, beyond kControlBurst, loses its
//     session: no node that keeps its word does.
//  4. An inbox holds one frame and the start of the next read.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/fields.hpp"
#include "base/meter.hpp"
#include "overlay/links/outbox.hpp"
#include "overlay/part.hpp"

namespace weft::overlay {

// Control messages of one peer. A node whose roster, rules and services change as fast as its disk
// can store says some 500 a second.
inline constexpr std::int64_t kControlRate = 1000;
inline constexpr std::int64_t kControlBurst = 4000;
inline constexpr std::size_t kPlentyWaits = 64u << 10;  // then a part had better say no more

struct LinkCounters {
  std::uint64_t frames_lost = 0;
  std::uint64_t unclaimed = 0;
  std::uint64_t floods = 0;
  std::uint64_t malformed = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("frames_lost", "frames",
              "dropped because a peer was slow and their part's queue was full",
              &LinkCounters::frames_lost),
        field("unclaimed", "messages", "of a type that no part here knows",
              &LinkCounters::unclaimed),
        field("floods", "sessions", "ended for too many control messages", &LinkCounters::floods),
        field("malformed", "sessions", "ended for a malformed control message",
              &LinkCounters::malformed)};
  }
};
static_assert(lists_all_fields<LinkCounters>());

class Links {
 public:
  explicit Links(session::SessionLayer& sessions) : sessions_(sessions) {}  // which outlives it

  // A session is up; what we dialled gets its control stream. False: it let none be opened, and is
  // closed.
  bool add(Instant now, const session::SessionUp& up);
  // The peer opened this as its control stream. REQUIRES: may_open(session).
  void open(SessionId session, StreamId stream);
  [[nodiscard]] bool may_open(SessionId session) const;
  void remove(SessionId session);

  void say(Instant now, Room room, Say say);
  // On all links of that network that are open.
  void say_all(Instant now, Room room, const NetworkId& network, const SayAll& say);
  void flush(Instant now, SessionId session);  // it may take bytes again

  // What the peer says next. After Flood, Ended or Malformed the session is closed.
  struct Heard {
    enum class What : std::uint8_t { Message, Nothing, Flood, Ended } what = What::Nothing;
    Bytes body = {};
  };
  [[nodiscard]] Heard hear(Instant now, SessionId session);
  void malformed(Instant now, SessionId session);  // what it said last
  void unclaimed() { ++counters_.unclaimed; }
  // Parts whose queue is down to kPlentyWaits again, after it was more.
  [[nodiscard]] std::optional<std::pair<Room, LinkRoom>> poll_room();

  [[nodiscard]] const session::SessionUp* find(SessionId session) const;
  [[nodiscard]] bool is_open(SessionId session) const;
  [[nodiscard]] bool is_control(SessionId session, StreamId stream) const;
  [[nodiscard]] std::size_t waiting(SessionId session, Room room) const;  // bytes
  [[nodiscard]] bool busy(SessionId session, Room room) const {
    return waiting(session, room) > kPlentyWaits;
  }
  // Sessions of that network, joiners' too.
  [[nodiscard]] std::vector<SessionId> of(const NetworkId& network) const;
  [[nodiscard]] const LinkCounters& counters() const { return counters_; }

 private:
  struct Link {
    explicit Link(const session::SessionUp& session_up) : up(session_up) {}
    session::SessionUp up;
    std::optional<StreamId> control;
    Meter messages{kControlRate, kControlBurst};
    Bytes inbox;
    std::size_t heard = 0;  // bytes of the inbox that are done with
    Outbox outbox;
    std::set<Room> busy;  // said so much that they want to hear when there is room
    std::set<Room> lost;  // and lost some of it
  };
  void push(Instant now, Link& link, Room room, const Subject& subject, Bytes frame);
  void flush(Instant now, Link& link);

  session::SessionLayer& sessions_;
  std::map<SessionId, Link> links_;
  std::deque<std::pair<Room, LinkRoom>> room_;
  LinkCounters counters_;
};

}  // namespace weft::overlay
