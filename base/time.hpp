// Time as the cores see it: handed in, never read. Instant is monotonic nanoseconds since an
// arbitrary start; UnixTime is wall-clock seconds and appears only where a signature says "until".
#pragma once

#include <chrono>
#include <cstdint>

namespace weft {

using Duration = std::chrono::nanoseconds;

// A clock type without now(): asking it for the time does not compile.
struct CoreClock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;
};
using Instant = CoreClock::time_point;

using UnixTime = std::int64_t;  // seconds since 1970, UTC

// How monotonic time maps to wall-clock time; the edge renews it when the system clock is set.
struct WallClock {
  Instant anchor{};
  UnixTime unix_at_anchor = 0;

  [[nodiscard]] UnixTime at(Instant now) const {
    return unix_at_anchor + std::chrono::duration_cast<std::chrono::seconds>(now - anchor).count();
  }
};

using namespace std::chrono_literals;

}  // namespace weft
