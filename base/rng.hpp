// Randomness is handed in. SecureRng (node/io) is the only implementation the daemon can build;
// SeededRng (base/seeded_rng) is linked by tests and simulations alone and replays from its seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.hpp"

namespace weft {

class Rng {
 public:
  Rng() = default;
  Rng(const Rng&) = delete;
  Rng& operator=(const Rng&) = delete;
  virtual ~Rng() = default;

  virtual void fill(MutableByteView out) = 0;
  // A child stream of its own; the label keeps two children of one parent apart.
  virtual std::unique_ptr<Rng> fork(std::string_view label) = 0;

  template <std::size_t N>
  ByteArray<N> bytes() {
    ByteArray<N> out;
    fill(out);
    return out;
  }
  std::uint64_t u64();
  // Uniform in [0, bound) without modulo bias. REQUIRES: bound > 0.
  std::uint64_t uniform(std::uint64_t bound);
};

}  // namespace weft
