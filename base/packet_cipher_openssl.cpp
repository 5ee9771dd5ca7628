// OpenSSL EVP behind the packet seam. Two things make it fast: every cipher is fetched once (an
// EVP_aes_*() constant costs a provider search on each init), and a context keeps its key schedule
// while only the IV changes.
#include <openssl/evp.h>

#include <limits>

#include "base/assert.hpp"
#include "base/packet_cipher_backend.hpp"

namespace weft::detail {

namespace {

constexpr std::size_t kSampleSize = 16;

struct Ciphers {
  EVP_CIPHER* aead;
  EVP_CIPHER* header;
};

Ciphers fetch(const char* aead, const char* header) {
  const Ciphers out{EVP_CIPHER_fetch(nullptr, aead, nullptr),
                    EVP_CIPHER_fetch(nullptr, header, nullptr)};
  WEFT_ASSERT(out.aead != nullptr);
  WEFT_ASSERT(out.header != nullptr);
  return out;
}

const Ciphers& ciphers_of(PacketCipherSuite suite) {
  static const Ciphers aes256 = fetch("AES-256-GCM", "AES-256-ECB");
  static const Ciphers aes128 = fetch("AES-128-GCM", "AES-128-ECB");
  static const Ciphers chacha = fetch("ChaCha20-Poly1305", "ChaCha20");
  switch (suite) {
    case PacketCipherSuite::Aes128Gcm:
      return aes128;
    case PacketCipherSuite::ChaCha20Poly1305:
      return chacha;
    case PacketCipherSuite::Aes256Gcm:
      break;
  }
  return aes256;
}

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextFree>;

Context keyed_context(EVP_CIPHER* cipher, ByteView key, int encrypt) {
  Context out(EVP_CIPHER_CTX_new());
  WEFT_ASSERT(out != nullptr);
  WEFT_ASSERT(EVP_CipherInit_ex(out.get(), cipher, nullptr, key.data(), nullptr, encrypt) == 1);
  return out;
}

bool set_nonce(const Context& context, ByteView nonce) {
  return EVP_CipherInit_ex(context.get(), nullptr, nullptr, nullptr, nonce.data(), -1) == 1;
}

// A null `out` feeds associated data.
bool update(const Context& context, std::uint8_t* out, ByteView in) {
  if (in.empty()) return true;
  if (in.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return false;
  int written = 0;
  return EVP_CipherUpdate(context.get(), out, &written, in.data(), static_cast<int>(in.size())) ==
         1;
}

bool finish(const Context& context) {
  std::uint8_t nothing[32];
  int written = 0;
  return EVP_CipherFinal_ex(context.get(), nothing, &written) == 1;
}

class OpenSslPacketCipher final : public PacketCipher {
 public:
  OpenSslPacketCipher(PacketCipherSuite suite, ByteView key, Direction direction)
      : direction_(direction),
        context_(keyed_context(ciphers_of(suite).aead, key, direction == Direction::Seal ? 1 : 0)) {
  }

  bool seal(MutableByteView out, ByteView plaintext, ByteView nonce, ByteView ad) override {
    WEFT_ASSERT(direction_ == Direction::Seal);
    WEFT_ASSERT(out.size() >= plaintext.size() + kTagSize);
    return nonce.size() == kNonceSize && set_nonce(context_, nonce) &&
           update(context_, nullptr, ad) && update(context_, out.data(), plaintext) &&
           finish(context_) &&
           EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize,
                               out.data() + plaintext.size()) == 1;
  }

  bool open(MutableByteView out, ByteView ciphertext, ByteView nonce, ByteView ad) override {
    WEFT_ASSERT(direction_ == Direction::Open);
    if (ciphertext.size() < kTagSize || nonce.size() != kNonceSize) return false;
    const auto body = ciphertext.first(ciphertext.size() - kTagSize);
    WEFT_ASSERT(out.size() >= body.size());
    auto* tag = const_cast<std::uint8_t*>(ciphertext.last(kTagSize).data());  // EVP only reads it
    return set_nonce(context_, nonce) &&
           EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag) == 1 &&
           update(context_, nullptr, ad) && update(context_, out.data(), body) && finish(context_);
  }

 private:
  Direction direction_;
  Context context_;
};

// RFC 9001 5.4.3: mask = AES-ECB(hp_key, sample).
class AesHeaderProtection final : public HeaderProtection {
 public:
  AesHeaderProtection(PacketCipherSuite suite, ByteView key)
      : context_(keyed_context(ciphers_of(suite).header, key, 1)) {
    EVP_CIPHER_CTX_set_padding(context_.get(), 0);
  }

  bool mask(ByteArray<5>& out, ByteView sample) override {
    std::uint8_t block[kSampleSize * 2];
    if (sample.size() < kSampleSize || !update(context_, block, sample.first(kSampleSize)))
      return false;
    std::copy_n(block, out.size(), out.begin());
    return true;
  }

 private:
  Context context_;
};

// RFC 9001 5.4.4: the sample is counter (4, little-endian) and nonce (12), which is just how EVP
// takes ChaCha20's IV; the mask is the keystream over five zeros.
class ChaChaHeaderProtection final : public HeaderProtection {
 public:
  explicit ChaChaHeaderProtection(ByteView key)
      : context_(keyed_context(ciphers_of(PacketCipherSuite::ChaCha20Poly1305).header, key, 1)) {}

  bool mask(ByteArray<5>& out, ByteView sample) override {
    static constexpr ByteArray<5> kZeros{};
    return sample.size() >= kSampleSize && set_nonce(context_, sample.first(kSampleSize)) &&
           update(context_, out.data(), kZeros);
  }

 private:
  Context context_;
};

}  // namespace

std::unique_ptr<PacketCipher> openssl_packet_cipher(PacketCipherSuite suite, ByteView key,
                                                    PacketCipher::Direction direction) {
  return std::make_unique<OpenSslPacketCipher>(suite, key, direction);
}

std::unique_ptr<HeaderProtection> openssl_header_protection(PacketCipherSuite suite, ByteView key) {
  if (suite == PacketCipherSuite::ChaCha20Poly1305)
    return std::make_unique<ChaChaHeaderProtection>(key);
  return std::make_unique<AesHeaderProtection>(suite, key);
}

}  // namespace weft::detail
