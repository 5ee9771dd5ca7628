// How the streams of one session share its memory, so that those nobody reads leave room for the
// others, and all of them for the control stream.
//
// Receiving. Every stream begins with a small window that is its own. Bytes that arrive give the
// session's window back at once, so it bounds what is under way, and no unread stream can use it
// up; what lies here unread is bounded by the streams' own windows. A stream whose reader keeps up
// has its window grown fourfold, faster than any sender starts up, out of one pool, of which it may
// hold a quarter of what the others leave.
//
//   held unread <= streams * stream_window + session_window
//
// Sending. A stream takes bytes from its program only as far as its peer lets it send, and beyond
// what has left only so much as the session can spare: a quarter of what the others leave, yet
// always `send_least`, so that none waits for another.
//
//   waiting unsent <= session_send_ahead + streams * send_least;  unacknowledged likewise
#pragma once

#include <algorithm>

#include "base/share.hpp"
#include "overlay/session/session_layer.hpp"

namespace weft::session {

class ReceiveBudget {
 public:
  explicit ReceiveBudget(const SessionLimits& limits) : limits_(limits) {}

  // By how much a window of this size grows now; taken from the pool. 0: not now.
  std::uint64_t widen(std::uint64_t window) {
    const std::uint64_t own = extra(window);
    const std::uint64_t share = share_of(limits_.session_window, used_ - own, 0);
    const std::uint64_t most = std::min(limits_.stream_window_most, limits_.stream_window + share);
    if (most <= window) return 0;
    const std::uint64_t more = std::min(most - window, 3 * window);
    used_ += more;
    return more;
  }
  // The stream with this window has no more use for it.
  void narrow(std::uint64_t window) { used_ -= extra(window); }
  [[nodiscard]] std::uint64_t used() const { return used_; }

 private:
  [[nodiscard]] std::uint64_t extra(std::uint64_t window) const {
    return window > limits_.stream_window ? window - limits_.stream_window : 0;
  }

  const SessionLimits& limits_;
  std::uint64_t used_ = 0;
};

struct SendHeld {
  std::size_t size = 0;    // not acknowledged yet, `unsent` included
  std::size_t unsent = 0;  // not sent yet
};

// How many bytes a stream may take from its program now. `credit`: what its peer lets it send.
inline std::size_t send_room(const SessionLimits& limits, const SendHeld& stream,
                             const SendHeld& session, std::uint64_t credit) {
  const auto below = [](std::uint64_t limit, std::uint64_t used) {
    return limit > used ? limit - used : 0;
  };
  const auto share = [&](std::size_t pool, std::size_t own, std::size_t all, std::size_t most) {
    return below(std::min(most, std::max(share_of(pool, all - own, 0), limits.send_least)), own);
  };
  return static_cast<std::size_t>(
      std::min({below(credit, stream.unsent),
                share(limits.session_send_ahead, stream.unsent, session.unsent, limits.send_ahead),
                share(limits.session_send_buffer, stream.size, session.size, limits.send_buffer)}));
}

}  // namespace weft::session
