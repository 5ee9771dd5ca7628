#include "base/crypto.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/assert.hpp"

namespace weft::crypto {

namespace {

// OpenSSL's, because it uses the processor's SHA instructions and libsodium's does not: hashing was
// a sixth of a handshake. Fetched once, as the cipher below.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    WEFT_ASSERT(context_ != nullptr && algorithm != nullptr);
    WEFT_ASSERT(EVP_DigestInit_ex(context_, algorithm, nullptr) == 1);
  }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256() { EVP_MD_CTX_free(context_); }  // wipes its state
  void add(ByteView part) {
    WEFT_ASSERT(EVP_DigestUpdate(context_, part.data(), part.size()) == 1);
  }
  Hash finish() {
    Hash out;
    WEFT_ASSERT(EVP_DigestFinal_ex(context_, out.data(), nullptr) == 1);
    return out;
  }

 private:
  EVP_MD_CTX* context_;
};

// RFC 2104.
class Hmac {
 public:
  explicit Hmac(ByteView key) {
    ByteArray<64> pad{};
    const Hash hashed = key.size() > pad.size() ? sha256(key) : Hash{};
    if (key.size() > pad.size()) key = hashed;
    std::ranges::copy(key, pad.begin());
    for (auto& byte : pad) byte ^= 0x36;
    inner_.add(pad);
    for (auto& byte : pad) byte ^= 0x36 ^ 0x5c;
    outer_.add(pad);
    wipe(pad);
  }
  void add(ByteView part) { inner_.add(part); }
  Hash finish() {
    Hash inside = inner_.finish();
    outer_.add(inside);
    wipe(inside);
    return outer_.finish();
  }

 private:
  Sha256 inner_;
  Sha256 outer_;
};

// T(n) of RFC 5869 2.3, which Noise's HKDF uses as it is.
Hash hkdf_block(ByteView prk, ByteView previous, ByteView info, std::uint8_t counter) {
  return hmac_sha256(prk, {previous, info, ByteView(&counter, 1)});
}

// Fetched once: the EVP_aes_256_gcm() constant would make OpenSSL 3 search its providers each time.
const EVP_CIPHER* aes256gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  WEFT_ASSERT(cipher != nullptr);
  return cipher;
}

struct CipherContext {
  CipherContext(const Key32& key, const ByteArray<12>& nonce, int encrypt)
      : evp(EVP_CIPHER_CTX_new()) {
    WEFT_ASSERT(evp != nullptr);
    WEFT_ASSERT(EVP_CipherInit_ex(evp, aes256gcm(), nullptr, key.data(), nonce.data(), encrypt) ==
                1);
  }
  CipherContext(const CipherContext&) = delete;
  CipherContext& operator=(const CipherContext&) = delete;
  ~CipherContext() { EVP_CIPHER_CTX_free(evp); }

  // A null `out` feeds associated data.
  void update(std::uint8_t* out, ByteView in) const {
    WEFT_ASSERT(in.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    int written = 0;
    if (!in.empty())
      WEFT_ASSERT(EVP_CipherUpdate(evp, out, &written, in.data(), static_cast<int>(in.size())) ==
                  1);
  }
  [[nodiscard]] bool finish() const {
    std::uint8_t nothing[16];
    int written = 0;
    return EVP_CipherFinal_ex(evp, nothing, &written) == 1;
  }

  EVP_CIPHER_CTX* evp;
};

}  // namespace

void initialise() { WEFT_ASSERT(sodium_init() >= 0); }

Hash sha256(std::initializer_list<ByteView> parts) {
  Sha256 hash;
  for (const auto part : parts) hash.add(part);
  return hash.finish();
}

Hash hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  Hmac mac(key);
  for (const auto part : parts) mac.add(part);
  return mac.finish();
}

ByteArray<20> hmac_sha1(ByteView key, ByteView bytes) {
  ByteArray<20> out;
  unsigned size = 0;
  const auto* made = HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), bytes.data(),
                          bytes.size(), out.data(), &size);
  WEFT_ASSERT(made != nullptr && size == out.size());
  return out;
}

Hash hkdf_extract(ByteView salt, ByteView ikm) { return hmac_sha256(salt, ikm); }

void hkdf_expand(ByteView prk, ByteView info, MutableByteView out) {
  WEFT_ASSERT(out.size() <= 255 * sizeof(Hash));
  Hash block;
  ByteView previous;
  std::uint8_t counter = 0;
  while (!out.empty()) {
    block = hkdf_block(prk, previous, info, ++counter);
    previous = block;
    const auto n = std::min(out.size(), block.size());
    std::copy_n(block.begin(), n, out.begin());
    out = out.subspan(n);
  }
  wipe(block);
}

std::array<Hash, 2> noise_hkdf2(const Hash& ck, ByteView ikm) {
  Hash prk = hmac_sha256(ck, ikm);
  const Hash first = hkdf_block(prk, {}, {}, 1);
  const Hash second = hkdf_block(prk, first, {}, 2);
  wipe(prk);
  return {first, second};
}

std::array<Hash, 3> noise_hkdf3(const Hash& ck, ByteView ikm) {
  Hash prk = hmac_sha256(ck, ikm);
  const Hash first = hkdf_block(prk, {}, {}, 1);
  const Hash second = hkdf_block(prk, first, {}, 2);
  const Hash third = hkdf_block(prk, second, {}, 3);
  wipe(prk);
  return {first, second, third};
}

void expand_label(ByteView secret, std::string_view label, MutableByteView out) {
  static constexpr std::string_view kPrefix = "tls13 ";
  WEFT_ASSERT(kPrefix.size() + label.size() <= 255);
  Bytes info;
  append_be(info, static_cast<std::uint16_t>(out.size()));
  info.push_back(static_cast<std::uint8_t>(kPrefix.size() + label.size()));
  append(info, bytes_of(kPrefix));
  append(info, bytes_of(label));
  info.push_back(0);  // no context
  hkdf_expand(secret, info, out);
}

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(MutableByteView secret) { sodium_memzero(secret.data(), secret.size()); }

X25519KeyPair X25519KeyPair::generate(Rng& rng) { return from_secret(rng.bytes<32>()); }

X25519KeyPair X25519KeyPair::from_secret(const Key32& secret) {
  X25519KeyPair out;
  out.secret = secret;
  WEFT_ASSERT(crypto_scalarmult_base(out.public_key.data(), secret.data()) == 0);
  return out;
}

std::optional<Key32> x25519(const Key32& secret, const Key32& peer_public) {
  Key32 shared;
  if (crypto_scalarmult(shared.data(), secret.data(), peer_public.data()) != 0) return std::nullopt;
  return shared;
}

Ed25519KeyPair Ed25519KeyPair::from_seed(const ByteArray<32>& seed) {
  Ed25519KeyPair out;
  out.seed = seed;
  crypto_sign_seed_keypair(out.public_key.data(), out.secret.data(), seed.data());
  return out;
}

Signature ed25519_sign(const Ed25519KeyPair& key, ByteView message) {
  Signature out;
  crypto_sign_detached(out.data(), nullptr, message.data(), message.size(), key.secret.data());
  return out;
}

bool ed25519_verify(const Key32& public_key, ByteView message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     public_key.data()) == 0;
}

Bytes chacha20poly1305_seal(const Key32& key, const ByteArray<12>& nonce, ByteView ad,
                            ByteView plaintext) {
  Bytes out(plaintext.size() + kTagSize);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(),
                                            ad.data(), ad.size(), nullptr, nonce.data(),
                                            key.data());
  return out;
}

std::optional<Bytes> chacha20poly1305_open(const Key32& key, const ByteArray<12>& nonce,
                                           ByteView ad, ByteView ciphertext) {
  if (ciphertext.size() < kTagSize) return std::nullopt;
  Bytes out(ciphertext.size() - kTagSize);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, ciphertext.data(),
                                                ciphertext.size(), ad.data(), ad.size(),
                                                nonce.data(), key.data()) != 0)
    return std::nullopt;
  return out;
}

Bytes aes256gcm_seal(const Key32& key, const ByteArray<12>& nonce, ByteView ad,
                     ByteView plaintext) {
  const CipherContext context(key, nonce, 1);
  Bytes out(plaintext.size() + kTagSize);
  context.update(nullptr, ad);
  context.update(out.data(), plaintext);
  WEFT_ASSERT(context.finish());
  WEFT_ASSERT(EVP_CIPHER_CTX_ctrl(context.evp, EVP_CTRL_AEAD_GET_TAG, kTagSize,
                                  out.data() + plaintext.size()) == 1);
  return out;
}

std::optional<Bytes> aes256gcm_open(const Key32& key, const ByteArray<12>& nonce, ByteView ad,
                                    ByteView ciphertext) {
  if (ciphertext.size() < kTagSize) return std::nullopt;
  const CipherContext context(key, nonce, 0);
  const auto body = ciphertext.first(ciphertext.size() - kTagSize);
  Bytes tag = to_bytes(ciphertext.last(kTagSize));  // EVP wants it writable
  Bytes out(body.size());
  WEFT_ASSERT(EVP_CIPHER_CTX_ctrl(context.evp, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1);
  context.update(nullptr, ad);
  context.update(out.data(), body);
  if (context.finish()) return out;
  wipe(out);  // nothing unverified leaves this function
  return std::nullopt;
}

void xchacha20poly1305_seal(const Key32& key, const ByteArray<24>& nonce, ByteView ad,
                            ByteView plaintext, MutableByteView out) {
  WEFT_ASSERT(out.size() >= plaintext.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(),
                                             plaintext.size(), ad.data(), ad.size(), nullptr,
                                             nonce.data(), key.data());
}

bool xchacha20poly1305_open(const Key32& key, const ByteArray<24>& nonce, ByteView ad,
                            ByteView ciphertext, MutableByteView out) {
  if (ciphertext.size() < kTagSize) return false;
  WEFT_ASSERT(out.size() >= ciphertext.size() - kTagSize);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, ciphertext.data(),
                                                    ciphertext.size(), ad.data(), ad.size(),
                                                    nonce.data(), key.data()) == 0;
}

ByteArray<8> siphash24(const ByteArray<16>& key, ByteView bytes) {
  ByteArray<8> out;
  crypto_shorthash(out.data(), bytes.data(), bytes.size(), key.data());
  return out;
}

bool has_aes_hardware() {
#if defined(__x86_64__) || defined(__i386__)
  static const bool present =
      __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
  return present;
#elif defined(__aarch64__)
  static const bool present =
      (getauxval(AT_HWCAP) & (HWCAP_AES | HWCAP_PMULL)) == (HWCAP_AES | HWCAP_PMULL);
  return present;
#else
  return false;
#endif
}

}  // namespace weft::crypto
