// The clocks of the edge. Cores get time handed in; only node/ and main functions call these.
#pragma once

#include "base/time.hpp"

namespace weft::io {

[[nodiscard]] Instant monotonic_time();  // CLOCK_MONOTONIC, the time base of timers too
[[nodiscard]] UnixTime unix_time();      // CLOCK_REALTIME, whole seconds
[[nodiscard]] std::chrono::system_clock::time_point system_time();  // for people: a line's time
[[nodiscard]] Duration time_suspended();    // while the clock above stood still: the machine slept
[[nodiscard]] WallClock read_wall_clock();  // how the two relate now; renew when the clock is set
[[nodiscard]] std::int32_t seconds_east_of_utc();  // local time minus UTC, now

}  // namespace weft::io
