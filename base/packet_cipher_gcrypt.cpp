// libgcrypt's AES-256-GCM behind the packet seam: its VAES and VPCLMULQDQ code is the faster one on
// CPUs that have both.
#include <gcrypt.h>

#include "base/assert.hpp"
#include "base/packet_cipher_backend.hpp"

namespace weft::detail {

namespace {

bool initialise_library() {
  // Another library of this process may have been first; then it is as it is.
  if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0) return true;
  if (gcry_check_version(nullptr) == nullptr) return false;
  gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
  gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
  return true;
}

class GcryptPacketCipher final : public PacketCipher {
 public:
  explicit GcryptPacketCipher(ByteView key) {
    WEFT_ASSERT(gcry_cipher_open(&handle_, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM, 0) == 0);
    WEFT_ASSERT(gcry_cipher_setkey(handle_, key.data(), key.size()) == 0);
  }
  ~GcryptPacketCipher() override { gcry_cipher_close(handle_); }

  bool seal(MutableByteView out, ByteView plaintext, ByteView nonce, ByteView ad) override {
    WEFT_ASSERT(out.size() >= plaintext.size() + kTagSize);
    return start(nonce, ad) && run(gcry_cipher_encrypt, out, plaintext) &&
           gcry_cipher_gettag(handle_, out.data() + plaintext.size(), kTagSize) == 0;
  }

  bool open(MutableByteView out, ByteView ciphertext, ByteView nonce, ByteView ad) override {
    if (ciphertext.size() < kTagSize) return false;
    const auto body = ciphertext.first(ciphertext.size() - kTagSize);
    WEFT_ASSERT(out.size() >= body.size());
    return start(nonce, ad) && run(gcry_cipher_decrypt, out, body) &&
           gcry_cipher_checktag(handle_, ciphertext.last(kTagSize).data(), kTagSize) == 0;
  }

 private:
  bool start(ByteView nonce, ByteView ad) {
    return nonce.size() == kNonceSize &&
           gcry_cipher_setiv(handle_, nonce.data(), nonce.size()) == 0 &&
           gcry_cipher_authenticate(handle_, ad.data(), ad.size()) == 0;
  }

  using Transform = gcry_error_t (*)(gcry_cipher_hd_t, void*, std::size_t, const void*,
                                     std::size_t);
  bool run(Transform transform, MutableByteView out, ByteView in) {
    if (in.empty()) return true;
    if (gcry_cipher_final(handle_) != 0) return false;
    const bool in_place = out.data() == in.data();
    return transform(handle_, out.data(), in.size(), in_place ? nullptr : in.data(),
                     in_place ? 0 : in.size()) == 0;
  }

  gcry_cipher_hd_t handle_ = nullptr;
};

}  // namespace

bool gcrypt_initialise() {
  static const bool ready = initialise_library();
  return ready;
}

std::unique_ptr<PacketCipher> gcrypt_aes256gcm(ByteView key) {
  return std::make_unique<GcryptPacketCipher>(key);
}

}  // namespace weft::detail
