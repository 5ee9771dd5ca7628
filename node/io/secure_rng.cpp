#include "node/io/secure_rng.hpp"

#include <sodium.h>

#include "base/assert.hpp"

namespace weft::io {

SecureRng::SecureRng() { WEFT_ASSERT(sodium_init() >= 0); }

void SecureRng::fill(MutableByteView out) {
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

std::unique_ptr<Rng> SecureRng::fork(std::string_view) { return std::make_unique<SecureRng>(); }

}  // namespace weft::io
