#include "simulations/digest.hpp"

#include <openssl/evp.h>

#include <cstring>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr std::size_t kRow = 18;
constexpr std::size_t kBlock = 1 << 14;  // stays in the nearest cache
struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;
}  // namespace

struct Digest::State {
  Context context{EVP_MD_CTX_new()};
};

Digest::Digest() : state_(std::make_unique<State>()) {
  WEFT_ASSERT(state_->context &&
              EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
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
  WEFT_ASSERT(EVP_DigestUpdate(state_->context.get(), buffer_.data(), buffer_.size()) == 1);
  buffer_.clear();
}

Digest::Value Digest::value() {
  flush();
  const Context copy{EVP_MD_CTX_new()};
  Value hash{};
  WEFT_ASSERT(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1 &&
              EVP_DigestFinal_ex(copy.get(), hash.data(), nullptr) == 1);
  return hash;
}

Digest::Value combine(std::span<const Digest::Value> parts) {
  Bytes all;
  for (const auto& part : parts) append(all, part);
  Digest::Value hash{};
  WEFT_ASSERT(EVP_Digest(all.data(), all.size(), hash.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return hash;
}

}  // namespace weft::sim
