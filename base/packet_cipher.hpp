// The AEAD seam of the data plane: keyed once, used for every packet of a QUIC key generation.
// Two implementations of AES-256-GCM sit behind it (OpenSSL EVP, the default, and libgcrypt where
// it is faster: VAES); ChaCha20-Poly1305 is OpenSSL's. They interoperate on the wire.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace weft {

enum class PacketCipherSuite : std::uint8_t { Aes256Gcm = 1, ChaCha20Poly1305 = 2, Aes128Gcm = 3 };
// Aes128Gcm protects QUIC Initial packets only (RFC 9001 5.2) and is never offered.

std::size_t key_size(PacketCipherSuite suite);
std::string_view name_of(PacketCipherSuite suite);  // "AES-256-GCM"

class PacketCipher {
 public:
  static constexpr std::size_t kTagSize = 16;
  static constexpr std::size_t kNonceSize = 12;
  PacketCipher() = default;
  PacketCipher(const PacketCipher&) = delete;
  PacketCipher& operator=(const PacketCipher&) = delete;
  virtual ~PacketCipher() = default;

  // out holds plaintext.size() + kTagSize; it is the same memory as plaintext or does not overlap
  // it.
  virtual bool seal(MutableByteView out, ByteView plaintext, ByteView nonce, ByteView ad) = 0;
  // out holds ciphertext.size() - kTagSize; same rule. False: forged or damaged, out is worthless.
  virtual bool open(MutableByteView out, ByteView ciphertext, ByteView nonce, ByteView ad) = 0;

  enum class Direction { Seal, Open };
  static std::unique_ptr<PacketCipher> create(PacketCipherSuite suite, ByteView key,
                                              Direction direction);
};

// Who computes AES-256-GCM. Chosen at process start: libgcrypt if it is built in and the CPU has
// VAES (it is x2 there against OpenSSL 3.0), else OpenSSL. Everything else is always OpenSSL's.
enum class PacketCipherBackend : std::uint8_t { OpenSsl, Gcrypt };

PacketCipherBackend packet_cipher_backend();
// For tests and benchmarks; affects ciphers created later. False: not built in.
bool set_packet_cipher_backend(PacketCipherBackend backend);
std::string_view name_of(PacketCipherBackend backend);

// RFC 9001 5.4 header protection: five mask bytes from a 16-byte sample.
class HeaderProtection {
 public:
  HeaderProtection() = default;
  HeaderProtection(const HeaderProtection&) = delete;
  HeaderProtection& operator=(const HeaderProtection&) = delete;
  virtual ~HeaderProtection() = default;
  virtual bool mask(ByteArray<5>& out, ByteView sample) = 0;
  static std::unique_ptr<HeaderProtection> create(PacketCipherSuite suite, ByteView key);
};

}  // namespace weft
