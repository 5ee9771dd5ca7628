#include "simulations/digest.hpp"

#include <openssl/evp.h>
#include <xxhash.h>

#include <array>
#include <cstring>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kRow = 18;
constexpr std::size_t kBlock = 1 << 14;  // stays in the nearest cache
}  // namespace

struct Digest::State {
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash{XXH3_createState(), XXH3_freeState};
};

Digest::Digest() : state_(std::make_unique<State>()) {
  WEFT_ASSERT(state_->hash && XXH3_128bits_reset(state_->hash.get()) == XXH_OK);
  buffer_.reserve(kBlock + kRow + 65536);
}

Digest::~Digest() = default;

void Digest::add(Instant at, std::uint32_t from, std::uint32_t to, ByteView bytes) {
  const std::size_t start = buffer_.size();
  buffer_.resize(start + kRow + bytes.size());
  std::uint8_t* out = buffer_.data() + start;
  const auto put = [&](std::uint64_t value, int size) {
    for (int shift = 8 * size - 8; shift >= 0; shift -= 8)
      *out++ = static_cast<std::uint8_t>(value >> shift);
  };
  put(static_cast<std::uint64_t>(at.time_since_epoch().count()), 8);
  put(from, 4);
  put(to, 4);
  put(bytes.size(), 2);
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  if (buffer_.size() >= kBlock) flush();
}

void Digest::flush() {
  WEFT_ASSERT(XXH3_128bits_update(state_->hash.get(), buffer_.data(), buffer_.size()) == XXH_OK);
  buffer_.clear();
}

Digest::Value Digest::value() {
  flush();
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(state_->hash.get()));
  return std::to_array(bytes.digest);
}

ByteArray<32> combine(std::span<const Digest::Value> parts) {
  Bytes all;
  for (const auto& part : parts) append(all, part);
  ByteArray<32> hash{};
  WEFT_ASSERT(EVP_Digest(all.data(), all.size(), hash.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return hash;
}

}  // namespace weft::sim
