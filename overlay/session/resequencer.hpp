// Puts packets that overtook each other back in order before ngtcp2 sees them.
//
// ngtcp2 takes a packet for lost once later ones were acknowledged 9/8 of a round trip after it was
// sent; on a path whose delay varies (Wi-Fi, several links, a radio) that is most of the time, and
// its congestion control pays for each. So the receiver waits: as long as packets were seen to come
// late, no longer, and not at all on a path that keeps order.
//
//   no wait --a packet came after a later one--> wait as long as it was late, and a quarter
//   wait --each second without such need--> three quarters of it ... --> no wait
//
// Limits: kLongest; kMostHeld packets, beyond which the oldest goes on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/core.hpp"

namespace weft::session {

class Resequencer {
 public:
  static constexpr Duration kLongest = 50ms;
  static constexpr Duration kShortest = 500us;  // less is not worth a wait
  static constexpr std::size_t kMostHeld = 512;
  static constexpr std::size_t kMostGaps = 256;

  struct Held {
    Instant arrived{};
    PathId path{};
    Endpoint local, from;
    Ecn ecn{};
    Bytes bytes;
  };

  // A packet verified; `arrived`: when it came.
  void opened(Instant now, std::uint64_t number, Instant arrived);

  [[nodiscard]] bool waits() const { return wait_ > Duration{}; }
  // Whether a packet of this number has to wait for those before it.
  [[nodiscard]] bool early(std::uint64_t number) const {
    return waits() && number > next_ && next_ > 0;
  }
  void hold(Instant now, std::uint64_t number, const Datagram& datagram);
  // The next whose turn it is.
  std::optional<Held> take(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] std::uint64_t next() const { return next_; }
  [[nodiscard]] Duration wait() const { return wait_; }
  void clear() { held_.clear(); }

 private:
  struct Gap {
    std::uint64_t first, last;
    Instant since;  // when a later packet had come
  };
  void needed(Instant now, Duration late);

  std::uint64_t next_ = 0;  // one beyond the newest opened
  Duration wait_{};
  Duration needed_{};  // the most in this second
  Instant epoch_{};
  std::vector<Gap> gaps_;
  std::map<std::uint64_t, Held> held_;
};

}  // namespace weft::session
