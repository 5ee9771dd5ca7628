#include "base/packet_cipher.hpp"

#include <atomic>

#include "base/assert.hpp"
#include "base/packet_cipher_backend.hpp"

namespace weft {

namespace {

bool is_available(PacketCipherBackend backend) {
#ifdef WEFT_HAVE_GCRYPT
  return backend == PacketCipherBackend::OpenSsl || detail::gcrypt_initialise();
#else
  return backend == PacketCipherBackend::OpenSsl;
#endif
}

// Without VAES libgcrypt is the slower of the two.
bool has_wide_aes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vaes") &&
         __builtin_cpu_supports("vpclmulqdq");
#else
  return false;
#endif
}

std::atomic<PacketCipherBackend>& chosen_backend() {
  static std::atomic<PacketCipherBackend> chosen{
      has_wide_aes() && is_available(PacketCipherBackend::Gcrypt) ? PacketCipherBackend::Gcrypt
                                                                  : PacketCipherBackend::OpenSsl};
  return chosen;
}

}  // namespace

std::size_t key_size(PacketCipherSuite suite) {
  return suite == PacketCipherSuite::Aes128Gcm ? 16 : 32;
}

std::string_view name_of(PacketCipherSuite suite) {
  switch (suite) {
    case PacketCipherSuite::Aes256Gcm:
      return "AES-256-GCM";
    case PacketCipherSuite::ChaCha20Poly1305:
      return "ChaCha20-Poly1305";
    case PacketCipherSuite::Aes128Gcm:
      return "AES-128-GCM";
  }
  return "unknown";
}

PacketCipherBackend packet_cipher_backend() { return chosen_backend().load(); }

bool set_packet_cipher_backend(PacketCipherBackend backend) {
  if (!is_available(backend)) return false;
  chosen_backend().store(backend);
  return true;
}

std::string_view name_of(PacketCipherBackend backend) {
  return backend == PacketCipherBackend::Gcrypt ? "libgcrypt" : "OpenSSL";
}

std::unique_ptr<PacketCipher> PacketCipher::create(PacketCipherSuite suite, ByteView key,
                                                   Direction direction) {
  WEFT_ASSERT(key.size() == key_size(suite));
#ifdef WEFT_HAVE_GCRYPT
  if (suite == PacketCipherSuite::Aes256Gcm &&
      packet_cipher_backend() == PacketCipherBackend::Gcrypt)
    return detail::gcrypt_aes256gcm(key);
#endif
  return detail::openssl_packet_cipher(suite, key, direction);
}

std::unique_ptr<HeaderProtection> HeaderProtection::create(PacketCipherSuite suite, ByteView key) {
  WEFT_ASSERT(key.size() == key_size(suite));
  return detail::openssl_header_protection(suite, key);
}

}  // namespace weft
