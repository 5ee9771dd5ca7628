#include "node/io/clock.hpp"

#include <ctime>

namespace weft::io {

Instant monotonic_time() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::chrono::system_clock::time_point system_time() { return std::chrono::system_clock::now(); }

Duration time_suspended() {
  timespec with_sleep{};
  timespec without{};
  clock_gettime(CLOCK_MONOTONIC, &without);
  clock_gettime(CLOCK_BOOTTIME, &with_sleep);
  return std::chrono::seconds(with_sleep.tv_sec - without.tv_sec) +
         std::chrono::nanoseconds(with_sleep.tv_nsec - without.tv_nsec);
}

UnixTime unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

WallClock read_wall_clock() {
  using namespace std::chrono;
  const Instant now = monotonic_time();
  const auto since_epoch = duration_cast<Duration>(system_clock::now().time_since_epoch());
  // The anchor is the monotonic instant at which the current second began: at() then turns over
  // with the system clock, not up to a second late.
  const auto whole = floor<seconds>(since_epoch);
  return {now - (since_epoch - whole), whole.count()};
}

std::int32_t seconds_east_of_utc() {
  const std::time_t now = unix_time();
  std::tm local{};
  return ::localtime_r(&now, &local) == nullptr ? 0 : static_cast<std::int32_t>(local.tm_gmtoff);
}

}  // namespace weft::io
