// Coarse monotonic time in four bytes, for tables with hundreds of entries per node.
// One tick is 2^26 ns (67 ms); it wraps after nine years of uptime.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace weft::dht {

using Ticks = std::uint32_t;

constexpr Ticks to_ticks(Instant now) {
  return static_cast<Ticks>(now.time_since_epoch().count() >> 26);
}
constexpr Ticks to_ticks(Duration duration) { return static_cast<Ticks>(duration.count() >> 26); }
constexpr Instant from_ticks(Ticks ticks) {
  return Instant(Duration(static_cast<std::int64_t>(ticks) << 26));
}

}  // namespace weft::dht
