// So many a second, and so many at once: a token bucket that remembers one instant, when it will be
// full again (GCRA). Pure: the caller brings the time.
#pragma once

#include "base/time.hpp"

namespace weft {

class Meter {
 public:
  constexpr Meter(std::int64_t per_second, std::int64_t burst)
      : each_(Duration(1s) / per_second), burst_(burst) {}

  // Whether so many more may pass now; those that may not cost nothing.
  constexpr bool take(Instant now, std::int64_t count = 1) {
    const Instant full = (full_at_ > now ? full_at_ : now) + each_ * count;
    if (full - now > each_ * burst_) return false;
    full_at_ = full;
    return true;
  }

 private:
  Duration each_;
  std::int64_t burst_;
  Instant full_at_{};
};

}  // namespace weft
