// What one path does with our packets: whether it still takes large ones, marked ones, any at all.
// Fed with what was sent and what was acknowledged; answers with the largest datagram to send.
//
//   open --large ones die, small ones live; the socket refuses; or nothing is heard--> base
//   base --a probe of the next size arrived--> higher ... --the path's size--> open
//
// RFC 8899 4.3 (black hole detection) above ngtcp2, whose own search only goes up. ECN marks are
// given up for the path when nothing at all is heard: some routers begin to drop marked packets.
//
// Limits: the newest kReach packets are remembered; a search is at most kTries probes for each size
// and is begun again after kSearchAgain.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/time.hpp"
#include "overlay/session/ack_frame.hpp"

namespace weft::session {

// UDP payloads that are looked for above the 1,200 bytes that QUIC needs.
inline constexpr std::array<std::uint16_t, 3> kMtuProbes{1350, 1452, 8952};

// A session whose packets are not acknowledged for so long is not called connected.
inline constexpr Duration kSilentAfter = 3s;

class PathWatch {
 public:
  static constexpr std::size_t kBase = 1200;
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
  static constexpr std::uint64_t kReach = 4096;
  static constexpr unsigned kLosses = 4;           // large packets lost one after another
  static constexpr unsigned kTries = 3;            // MAX_PROBES
  static constexpr Duration kSearchAgain = 10min;  // PMTU_RAISE_TIMER
  static constexpr Duration kLongestDoubt = 2s;    // nothing acknowledged for so long, at most

  // A path nothing is known of.
  void reset();

  // In order of packet numbers. `large`: over kBase, and no probe. `ecn`: it was marked.
  void sent(Instant now, std::uint64_t number, bool large, bool ecn);
  void acked(Instant now, const AckRanges& ranges, Duration pto);
  // ngtcp2's count of bytes in flight, after sending and after receiving.
  void in_flight(Instant now, bool any);
  // The socket would not send a datagram of this size.
  void refused(Instant now, std::size_t size);
  void expire(Instant now, Duration pto);
  [[nodiscard]] std::optional<Instant> deadline(Duration pto) const;

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] bool marks() const { return marks_; }
  // Since when something waits for its acknowledgement and none has come.
  [[nodiscard]] std::optional<Instant> unanswered_since() const { return unanswered_since_; }
  // For kSilentAfter, as expire() saw it.
  [[nodiscard]] bool silent() const { return silent_; }
  [[nodiscard]] std::uint64_t falls() const { return falls_; }

  // Of the packets first to last, how many were sent and how many acknowledged; nothing if they are
  // forgotten.
  struct Fate {
    std::size_t sent = 0, acked = 0;
  };
  [[nodiscard]] std::optional<Fate> fate(std::uint64_t first, std::uint64_t last) const;
  // Whether something that was sent later was acknowledged.
  [[nodiscard]] bool heard_after(std::uint64_t number) const {
    return newest_acked_ && *newest_acked_ > number;
  }

  // The size to probe now. `path`: what ngtcp2 found the path to take.
  [[nodiscard]] std::optional<std::size_t> probe_size(std::size_t path);
  // The packet just sent was that probe.
  void probe_sent(Instant now, std::uint64_t number, std::size_t size);

 private:
  static constexpr std::size_t kWords = kReach / 64;
  struct Probe {
    std::uint64_t number = 0;
    std::size_t size = 0;
    Instant at{};
    bool passed = false;  // something sent after it was acknowledged
  };
  struct Newly {
    std::optional<std::uint64_t> highest, small;  // the highest number of all, of the small ones
    bool large = false;
  };

  Newly take(const AckRanges& ranges);
  [[nodiscard]] bool noted(std::uint64_t number) const;
  void fall();
  void probe_lost(Instant now);
  [[nodiscard]] static Duration patience(Duration pto);

  std::array<std::uint64_t, kWords> sent_{};  // rings of bits by packet number
  std::array<std::uint64_t, kWords> large_{};
  std::array<std::uint64_t, kWords> acked_{};
  std::uint64_t next_ = 0;
  std::optional<std::uint64_t> newest_acked_;
  std::size_t limit_ = kUnlimited;
  bool marks_ = true;
  bool marked_in_flight_ = false;
  std::uint64_t falls_ = 0;

  // Large packets since the last of them was acknowledged.
  std::uint64_t run_ = 0;
  Instant run_since_{};
  std::uint64_t run_end_ = 0;  // number of the kLosses-th of them
  std::optional<Instant> unanswered_since_;
  bool silent_ = false;

  std::optional<Probe> probe_;
  unsigned tries_ = 0;
  bool search_on_news_ = false;  // once anything is heard
  std::optional<Instant> search_at_;
  bool search_due_ = false;
};

}  // namespace weft::session
