// How long membership waits, from the size of the network, round trips and this node's own health.
// No libm: the same figures on every machine.
//
// Departs from SWIM and memberlist: timeouts follow the measured round trip, so that one setting
// serves a LAN and the world.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace weft::membership {

inline constexpr Duration kShortestTimeout = 200ms;
inline constexpr Duration kLongestTimeout = 1500ms;
inline constexpr Duration kUnknownTimeout = 600ms;  // before the first measured round trip
inline constexpr int kMaxHealth = 8;                // then periods and timeouts are nine times

// log10(n + 1) in thousandths, at least 1,000.
[[nodiscard]] std::uint64_t scale_of(std::size_t members);
[[nodiscard]] std::size_t retransmits(std::size_t members);  // of one piece of news

// A round trip, smoothed as RFC 6298 does it.
struct RoundTrip {
  std::optional<Duration> smoothed;
  Duration variance{};

  void take(Duration sample);
  [[nodiscard]] Duration timeout() const;  // kShortestTimeout to kLongestTimeout
};

// From the first suspicion until death: shorter with each independent accuser (Lifeguard).
// `shrinking`: false as plain SWIM does it.
[[nodiscard]] Duration suspicion(std::size_t members, std::size_t accusers, Duration period,
                                 bool shrinking);

// Lifeguard's local health: 0 is well; each sign that this node itself is slow makes it worse.
class Health {
 public:
  void worse(int by = 1) { score_ = std::min(score_ + by, kMaxHealth); }
  void better() { score_ = std::max(score_ - 1, 0); }
  [[nodiscard]] int score() const { return score_; }
  [[nodiscard]] Duration stretch(Duration time) const { return time * (score_ + 1); }

 private:
  int score_ = 0;
};

}  // namespace weft::membership
