#include "base/seeded_rng.hpp"

#include <sodium.h>

namespace weft {

SeededRng::SeededRng(std::uint64_t seed) {
  Bytes input;
  append(input, bytes_of("weft seeded rng v1"));
  append_be(input, seed);
  crypto_hash_sha256(key_.data(), input.data(), input.size());
}

void SeededRng::fill(MutableByteView out) {
  while (!out.empty()) {
    if (used_ == buffer_.size()) refill();
    const auto n = std::min(out.size(), buffer_.size() - used_);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(used_), n, out.begin());
    used_ += n;
    out = out.subspan(n);
  }
}

std::unique_ptr<Rng> SeededRng::fork(std::string_view label) {
  Bytes input = to_bytes(bytes<32>());
  append(input, bytes_of(label));
  ByteArray<32> child;
  crypto_hash_sha256(child.data(), input.data(), input.size());
  return std::unique_ptr<Rng>(new SeededRng(child));
}

void SeededRng::refill() {
  ByteArray<8> nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[i] = static_cast<std::uint8_t>(block_ >> (8 * i));
  crypto_stream_chacha20(buffer_.data(), buffer_.size(), nonce.data(), key_.data());
  ++block_;
  used_ = 0;
}

}  // namespace weft
