// The randomness simulated nodes draw from: fast, replayable, and nothing anybody should protect a
// key with. One stream per shard.
#pragma once

#include <cstring>

#include "base/rng.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

class ModelRng final : public Rng {
 public:
  explicit ModelRng(std::uint64_t seed) : random_(seed) {}

  void fill(MutableByteView out) override {
    std::size_t at = 0;
    for (; at + 8 <= out.size(); at += 8) put(out.data() + at, random_.next());
    if (at == out.size()) return;
    std::uint8_t last[8];
    put(last, random_.next());
    std::memcpy(out.data() + at, last, out.size() - at);
  }
  std::unique_ptr<Rng> fork(std::string_view label) override {
    std::uint64_t seed = random_.next();
    for (const char c : label) seed = hash_of(seed, static_cast<std::uint8_t>(c));
    return std::make_unique<ModelRng>(seed);
  }

 private:
  static void put(std::uint8_t* out, std::uint64_t word) {  // the same bytes on every machine
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    std::memcpy(out, &word, 8);
  }

  ModelRandom random_;
};

}  // namespace weft::sim
