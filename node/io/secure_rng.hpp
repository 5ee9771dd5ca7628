// Randomness from the operating system through libsodium: the only Rng the daemon can build.
#pragma once

#include "base/rng.hpp"

namespace weft::io {

class SecureRng final : public Rng {
 public:
  SecureRng();  // aborts the process if libsodium cannot be initialised
  void fill(MutableByteView out) override;
  // Every child draws from the same source: labels need not keep them apart.
  std::unique_ptr<Rng> fork(std::string_view label) override;
};

}  // namespace weft::io
