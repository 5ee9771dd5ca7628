#include "overlay/membership/timing.hpp"

#include <array>

namespace weft::membership {

namespace {

constexpr std::size_t kConfirmations = 3;  // that bring a suspicion down to its shortest
constexpr std::uint64_t kMost = 4;         // periods times the scale, without any

struct Point {
  std::uint64_t n, log;  // thousandths of log10(n)
};
constexpr std::array<Point, 4> kPoints{{{1, 0}, {2, 301}, {5, 699}, {10, 1000}}};

// Thousandths of log(k + 1) / log(of + 1).
constexpr std::uint64_t kShrink[4][4] = {
    {1000, 1000, 1000, 1000}, {0, 1000, 1000, 1000}, {0, 631, 1000, 1000}, {0, 500, 792, 1000}};

std::uint64_t log10_of(std::uint64_t n) {
  std::uint64_t whole = 0, unit = 1;
  while (n / unit >= 10) {
    unit *= 10;
    whole += 1000;
  }
  for (std::size_t i = 1; i < kPoints.size(); ++i) {
    const auto& [low, low_log] = kPoints[i - 1];
    const auto& [high, high_log] = kPoints[i];
    if (n < high * unit)
      return whole + low_log + (high_log - low_log) * (n - low * unit) / ((high - low) * unit);
  }
  return whole + 1000;
}

}  // namespace

std::uint64_t scale_of(std::size_t members) {
  return std::max<std::uint64_t>(1000, log10_of(members + 1));
}

std::size_t retransmits(std::size_t members) { return (4 * scale_of(members) + 999) / 1000; }

void RoundTrip::take(Duration sample) {
  if (!smoothed) {
    smoothed = sample;
    variance = sample / 2;
    return;
  }
  const Duration off = *smoothed > sample ? *smoothed - sample : sample - *smoothed;
  variance = (variance * 3 + off) / 4;
  smoothed = (*smoothed * 7 + sample) / 8;
}

Duration RoundTrip::timeout() const {
  if (!smoothed) return kUnknownTimeout;
  return std::clamp(std::max(*smoothed * 3, *smoothed + variance * 4), kShortestTimeout,
                    kLongestTimeout);
}

Duration suspicion(std::size_t members, std::size_t accusers, Duration period, bool shrinking) {
  const auto at_least = period * static_cast<std::int64_t>(scale_of(members)) / 1000;
  const auto at_most = at_least * static_cast<std::int64_t>(kMost);
  if (!shrinking) return at_most;
  // Beside the suspect and this node there are so many that could confirm it.
  const std::size_t possible = members > 2 ? std::min(members - 2, kConfirmations) : 0;
  const std::size_t confirmed = std::min(accusers > 0 ? accusers - 1 : 0, possible);
  const auto part = static_cast<std::int64_t>(kShrink[possible][confirmed]);
  return at_most - (at_most - at_least) * part / 1000;
}

}  // namespace weft::membership
