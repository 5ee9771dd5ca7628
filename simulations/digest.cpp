#include "simulations/digest.hpp"

#include <openssl/evp.h>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
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
  buffer_.reserve(1 << 17);
}
Digest::~Digest() = default;

void Digest::add(Instant at, std::uint32_t from, std::uint32_t to, ByteView bytes) {
  append_be(buffer_, static_cast<std::uint64_t>(at.time_since_epoch().count()));
  append_be(buffer_, from);
  append_be(buffer_, to);
  append_be(buffer_, static_cast<std::uint16_t>(bytes.size()));
  append(buffer_, bytes);
  ++datagrams_;
  if (buffer_.size() >= 1 << 16) flush();
}

void Digest::flush() {
  WEFT_ASSERT(EVP_DigestUpdate(state_->context.get(), buffer_.data(), buffer_.size()) == 1);
  buffer_.clear();
}

std::string Digest::hex() {
  flush();
  const Context copy{EVP_MD_CTX_new()};
  ByteArray<32> hash{};
  WEFT_ASSERT(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1 &&
              EVP_DigestFinal_ex(copy.get(), hash.data(), nullptr) == 1);
  return to_hex(hash);
}

}  // namespace weft::sim
