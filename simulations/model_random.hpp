// Randomness of the models (and, through model_rng.hpp, of simulated nodes). Two kinds: hashes of
// (seed, a, b), so that a property of a node or a link is computed and not stored, and a
// xoshiro256++ stream (Blackman and Vigna) for choices made in event order.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "simulations/fixed_math.hpp"

namespace weft::sim {

constexpr std::uint64_t mix64(std::uint64_t x) {  // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
constexpr std::uint64_t hash_of(std::uint64_t seed, std::uint64_t a, std::uint64_t b = 0) {
  return mix64(mix64(mix64(seed) ^ a) + b);
}

class ModelRandom {
 public:
  explicit ModelRandom(std::uint64_t seed) {
    for (auto& word : state_) word = seed = mix64(seed);
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  // In [0, bound); the bias of at most bound / 2^64 is far below what any run can see.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  bool chance(std::uint32_t per_million) { return below(1'000'000) < per_million; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

// A Weibull sample with the given median: median * (-log2 u)^(1/shape). Shape in thousandths
// (500 = 0.5: many short sessions and a long tail; 1000 is the exponential distribution).
constexpr std::uint64_t weibull(std::uint64_t median, std::uint32_t shape_thousandths,
                                std::uint64_t random) {
  const std::int64_t minus_log = (std::int64_t{64} << 32) - log2_q32(random | 1);  // Q32, >= 0
  const auto positive = static_cast<std::uint64_t>(minus_log < 16 ? 16 : minus_log);
  const std::int64_t log_of_log = log2_q32(positive) - (std::int64_t{32} << 32);
  const auto exponent = static_cast<__int128>(log_of_log) * 1000 / shape_thousandths;
  return scale_exp2(median, static_cast<std::int64_t>(exponent));
}

}  // namespace weft::sim
