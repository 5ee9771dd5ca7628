// What one of many may take of something that is there once for all: at most a quarter of what the
// others leave. So nobody has to be told how many there are, the first to come has plenty, and
// however many take all they may, the next still finds something: of 1,024 places the first may
// hold 256, the next 192, the tenth 19.
#pragma once

#include <cstddef>

namespace weft {

inline constexpr std::size_t kShareDivisor = 4;

// The most that one may hold of `limit`, of which `others` is held by everybody else. Never less
// than `least`, as long as that much is left: whoever has nothing gets something.
constexpr std::size_t share_of(std::size_t limit, std::size_t others, std::size_t least = 1) {
  if (others >= limit) return 0;
  const std::size_t left = limit - others;
  const std::size_t share = left / kShareDivisor;
  if (share >= least) return share;
  return least < left ? least : left;
}

// Whether one who holds `own` of the `used` may take `more`. REQUIRES: own <= used.
constexpr bool may_take(std::size_t limit, std::size_t used, std::size_t own, std::size_t more = 1,
                        std::size_t least = 1) {
  if (more > limit || used > limit - more) return false;
  return own + more <= share_of(limit, used - own, least);
}

}  // namespace weft
