// The primitives weft composes, each a thin call into libsodium or OpenSSL (see security.md 3).
// X25519, Ed25519 and the sealed boxes are libsodium's: it is the ONE verifier of signed state.
// SHA-256 is OpenSSL's, which uses the processor's instructions for it, and HMAC is made of it.
// Everything here is pure: randomness is an argument.
#pragma once

#include <initializer_list>
#include <optional>

#include "base/bytes.hpp"
#include "base/rng.hpp"

namespace weft::crypto {

using Key32 = ByteArray<32>;
using Hash = ByteArray<32>;
using Signature = ByteArray<64>;

// Call once at process start; aborts if libsodium cannot initialise.
void initialise();

Hash sha256(std::initializer_list<ByteView> parts);
inline Hash sha256(ByteView bytes) { return sha256({bytes}); }
Hash hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);
inline Hash hmac_sha256(ByteView key, ByteView bytes) { return hmac_sha256(key, {bytes}); }

// For STUN alone (RFC 8489 14.5), which asks for it: nothing of ours rests on SHA-1.
ByteArray<20> hmac_sha1(ByteView key, ByteView bytes);

// RFC 5869. out.size() <= 255 * 32.
Hash hkdf_extract(ByteView salt, ByteView ikm);
void hkdf_expand(ByteView prk, ByteView info, MutableByteView out);
// Noise's HKDF(ck, ikm) with two or three outputs.
std::array<Hash, 2> noise_hkdf2(const Hash& ck, ByteView ikm);
std::array<Hash, 3> noise_hkdf3(const Hash& ck, ByteView ikm);
// RFC 8446 HKDF-Expand-Label with empty context, as RFC 9001 uses it ("tls13 " is prepended).
void expand_label(ByteView secret, std::string_view label, MutableByteView out);

// Constant-time comparison of equal-length inputs; different lengths are unequal.
bool equal_constant_time(ByteView a, ByteView b);
// Overwrites key material so that the compiler cannot leave it behind.
void wipe(MutableByteView secret);

struct X25519KeyPair {
  Key32 secret{};
  Key32 public_key{};
  static X25519KeyPair generate(Rng& rng);
  static X25519KeyPair from_secret(const Key32& secret);
};
// nullopt when the shared point is all zero (low-order peer key): the caller says BadKey.
std::optional<Key32> x25519(const Key32& secret, const Key32& peer_public);

struct Ed25519KeyPair {
  ByteArray<32> seed{};
  ByteArray<64> secret{};  // libsodium form: seed | public
  Key32 public_key{};
  static Ed25519KeyPair from_seed(const ByteArray<32>& seed);
};
Signature ed25519_sign(const Ed25519KeyPair& key, ByteView message);
bool ed25519_verify(const Key32& public_key, ByteView message, const Signature& signature);

// ChaCha20-Poly1305 (RFC 8439), 12-byte nonce; out is plaintext + 16.
inline constexpr std::size_t kTagSize = 16;
Bytes chacha20poly1305_seal(const Key32& key, const ByteArray<12>& nonce, ByteView ad,
                            ByteView plaintext);
std::optional<Bytes> chacha20poly1305_open(const Key32& key, const ByteArray<12>& nonce,
                                           ByteView ad, ByteView ciphertext);
// AES-256-GCM through OpenSSL, one-shot: for Noise's AESGCM twin and its vectors.
Bytes aes256gcm_seal(const Key32& key, const ByteArray<12>& nonce, ByteView ad, ByteView plaintext);
std::optional<Bytes> aes256gcm_open(const Key32& key, const ByteArray<12>& nonce, ByteView ad,
                                    ByteView ciphertext);
// XChaCha20-Poly1305, 24-byte nonce: sealed datagrams. `out` must hold plaintext + 16.
void xchacha20poly1305_seal(const Key32& key, const ByteArray<24>& nonce, ByteView ad,
                            ByteView plaintext, MutableByteView out);
bool xchacha20poly1305_open(const Key32& key, const ByteArray<24>& nonce, ByteView ad,
                            ByteView ciphertext, MutableByteView out);

// SipHash-2-4: a keyed MAC of eight bytes for gates, cookies and hash tables, 0.1 us for a short
// input.
ByteArray<8> siphash24(const ByteArray<16>& key, ByteView bytes);

// True when this CPU has AES instructions (then AES-256-GCM is the packet cipher we prefer).
bool has_aes_hardware();

}  // namespace weft::crypto
