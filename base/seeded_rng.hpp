// A ChaCha20 stream from a 64-bit seed: the same seed gives the same bytes on every machine.
// For tests and simulations only; the daemon does not link it.
#pragma once

#include "base/rng.hpp"

namespace weft {

class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed);
  void fill(MutableByteView out) override;
  std::unique_ptr<Rng> fork(std::string_view label) override;

 private:
  explicit SeededRng(const ByteArray<32>& key) : key_(key) {}
  void refill();

  ByteArray<32> key_{};
  std::uint64_t block_ = 0;
  ByteArray<512> buffer_{};
  std::size_t used_ = sizeof(buffer_);
};

}  // namespace weft
