// How long something takes: counts by upper bound, as Prometheus has them. Bounds are 0.1 ms and
// its doubles up to 3.3 s: from a flush of an NVMe disk to one of a worn card.
//
// One thread fills it; who reads takes a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace weft::metrics {

struct Histogram {
  static constexpr std::size_t kBounds = 16;
  static constexpr Duration bound(std::size_t index) { return Duration(100us) * (1LL << index); }

  void observe(Duration took) {
    std::size_t bucket = 0;
    while (bucket < kBounds && took > bound(bucket)) ++bucket;
    ++counts[bucket];
    sum += took;
  }

  std::array<std::uint64_t, kBounds + 1> counts{};  // the last: longer than all bounds
  Duration sum{};
};

}  // namespace weft::metrics
