// When a member is called over TCP or a WebSocket, and when UDP is tried again. A pure machine for
// one member: told how things stand, it says what to do now and when to ask again.
//
//   no session, UDP dialled for kSilence      connect to its addresses, kStagger apart
//   a session that nothing comes back on      the same at once: the session is to move there
//   a session over such a connection          UDP again after kUdpFirst, then ever more rarely:
//                                             QUIC proves the path before the session moves
//
// Limits: kMostPending connections of one member are being made at once. A round of them that led
// to nothing is followed by a pause of kFirstPause, doubling to kLongestPause.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace weft::overlay {

// How things stand with one member.
struct Standing {
  bool wanted = false;                      // a session is wished for
  std::optional<Instant> tried_since = {};  // no session; UDP has been dialled since then
  bool up = false;
  bool on_stream = false;     // its session goes over TCP or a WebSocket
  bool silent = false;        // nothing comes back on it, or its connection has ended
  bool initiator = false;     // we dialled it: only then can we move it
  std::size_t carriers = 0;   // addresses of TCP and WebSocket
  std::size_t endpoints = 0;  // and of UDP
};

class DialPolicy {
 public:
  static constexpr Duration kSilence = 250ms;  // as the attempt delay of RFC 8305
  static constexpr Duration kStagger = 250ms;
  static constexpr Duration kHandshake = 1s;  // a connection is there: the session's turn
  static constexpr std::size_t kMostPending = 2;
  static constexpr Duration kFirstPause = 1s;
  static constexpr Duration kLongestPause = 60s;
  static constexpr Duration kUdpFirst = 5s;
  static constexpr Duration kUdpLongest = 60s;

  struct Step {
    enum class Do : std::uint8_t { Nothing, Connect, TryUdp } what = Do::Nothing;
    std::size_t index = 0;  // of its carriers, of its endpoints
  };
  // What to do now; ask again until it is Nothing.
  [[nodiscard]] Step step(Instant now, const Standing& standing);
  void opened(Instant now);  // a connection is there
  void failed();
  // When to ask again if nothing changes before.
  [[nodiscard]] std::optional<Instant> deadline(const Standing& standing) const;

 private:
  [[nodiscard]] static bool seeks_carrier(const Standing& standing);
  [[nodiscard]] static bool seeks_udp(const Standing& standing);
  [[nodiscard]] static Instant earliest(const Standing& standing);
  void end_round(Instant now);

  std::size_t pending_ = 0;
  std::size_t next_ = 0;  // of this round
  Instant connect_at_{};
  Duration pause_ = kFirstPause;
  std::optional<Instant> udp_at_;
  std::size_t next_udp_ = 0;
  Duration udp_pause_ = kUdpFirst;
};

}  // namespace weft::overlay
