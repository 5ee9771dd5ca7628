#include "base/rng.hpp"

#include "base/assert.hpp"

namespace weft {

std::uint64_t Rng::u64() { return read_be<std::uint64_t>(bytes<8>()); }

std::uint64_t Rng::uniform(std::uint64_t bound) {
  WEFT_ASSERT(bound > 0);
  const std::uint64_t threshold = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t value = u64();
    if (value >= threshold) return value % bound;
  }
}

}  // namespace weft
