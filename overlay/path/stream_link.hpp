// One TCP connection or WebSocket that carries datagrams, as a state machine: cuts what comes into
// datagrams, keeps what is to leave, asks whether the far end still answers. It moves no bytes: its
// owner (node/carriers) does. docs/wire/carriers.md shows the bytes.
//
//   TCP        u16 length | frame, again and again
//   WebSocket  one binary message a frame
//   frame      a datagram of 16 to kStreamMtu bytes, or, if shorter, a word: 0x01 ping, 0x02 pong;
//              words that this version does not know are skipped
//
// Invariants
//  1. At most kQueueLimit bytes wait, plus the one batch that found the queue empty; what is older
//     than kTooOld when its turn comes is dropped and counted: whoever sent it has sent it again.
//     Words go before datagrams.
//  2. Nothing is said to who has not proven itself: pings are sent and answered only while a
//     session uses the path (`used`).
//  3. A connection that no session uses (or that carried no datagram for kIdle: its session went
//     on elsewhere) ends after kUnused, one that answers no ping after
//     kPingEvery + kPongWithin. What is no frame ends it at kUnused, and until then nothing more is
//     read of it: a stranger learns nothing, and how long it waits is always the same.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <tuple>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/fields.hpp"
#include "base/time.hpp"

namespace weft::path {

inline constexpr std::size_t kStreamMtu = 1400;  // of the largest datagram: fits one TLS record
inline constexpr std::size_t kLeastDatagram = 16;
inline constexpr std::size_t kFrameLength = 2;  // before each frame of TCP

struct StreamCounters {
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t too_old = 0;
  std::uint64_t no_room = 0;
  std::uint64_t too_long = 0;
  std::uint64_t malformed = 0;

  static constexpr auto fields() {
    using C = StreamCounters;
    return std::tuple{
        field("datagrams_in", "datagrams", "that came over connections", &C::datagrams_in),
        field("datagrams_out", "datagrams", "sent over connections", &C::datagrams_out),
        field("too_old", "datagrams", "dropped: they waited longer than they are worth",
              &C::too_old),
        field("no_room", "datagrams", "dropped: too many waited for the connection", &C::no_room),
        field("too_long", "datagrams", "dropped: longer than a frame may be", &C::too_long),
        field("malformed", "frames", "that no peer of ours sends", &C::malformed)};
  }
};
static_assert(lists_all_fields<StreamCounters>());

// The first whole frame in `bytes`, without its length; nothing if more must come. Malformed: none
// can begin so.
[[nodiscard]] Result<std::optional<ByteView>> first_frame(ByteView bytes);

class StreamLink {
 public:
  static constexpr std::size_t kQueueLimit = 32 * 1024;  // and 96 KiB in the kernel: 128 in flight
  static constexpr Duration kTooOld = 50ms;
  static constexpr Duration kUnused = 10s;  // also from the start to the first session
  static constexpr Duration kIdle = 60s;    // a session's keepalive is 15 s
  static constexpr Duration kPingEvery = 20s;
  static constexpr Duration kPongWithin = 10s;

  StreamLink(Instant now, bool with_length)
      : with_length_(with_length), used_at_(now), heard_(now), moved_(now) {}

  // ---- in
  // Whether one frame is a datagram for its reader; else it is dealt with here.
  [[nodiscard]] bool take(Instant now, ByteView frame);
  // What came was no frame: nothing more is read.
  void spoil() {
    spoiled_ = true;
    ++counters_.malformed;
  }
  [[nodiscard]] bool spoiled() const { return spoiled_; }

  // ---- out
  // A datagram, or a run of them as long as `segment` each. False: there was no room.
  bool send(Instant now, ByteView run, std::size_t segment);
  // Fills `out` with what is to leave, as it goes over the wire; with a length whole frames and as
  // many as fit, else one. Its size.
  [[nodiscard]] std::size_t next(Instant now, MutableByteView out);
  [[nodiscard]] bool waits() const { return !queue_.empty() || ping_due_ || pong_due_; }

  // ---- time
  // `used`: a session uses the path. False: the connection is over.
  [[nodiscard]] bool look(Instant now, bool used);
  [[nodiscard]] Instant deadline() const;

  [[nodiscard]] const StreamCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    Instant since;
    Bytes datagram;
  };
  [[nodiscard]] std::size_t put(MutableByteView out, ByteView frame) const;
  [[nodiscard]] std::size_t size_of(ByteView frame) const {
    return frame.size() + (with_length_ ? kFrameLength : 0);
  }

  bool with_length_;
  std::deque<Waiting> queue_;
  std::size_t queued_ = 0;
  bool used_ = false;
  bool spoiled_ = false;
  bool ping_due_ = false, pong_due_ = false;
  Instant used_at_;               // when a session used it last
  Instant heard_;                 // when anything came last
  Instant moved_;                 // when a datagram came or was to leave
  std::optional<Instant> asked_;  // a ping is unanswered since then
  StreamCounters counters_;
};

}  // namespace weft::path
