// OpenSSL's ML-KEM-768 (3.5 and newer), found at run time, so that one binary uses it where it is.
// Its keys pass through EVP_PKEY each time: our callers hold raw FIPS 203 bytes.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>

#include "base/assert.hpp"
#include "base/mlkem.hpp"

namespace weft::mlkem768 {

namespace {

constexpr const char* kAlgorithm = "ML-KEM-768";
constexpr const char* kSeedParameter = "seed";   // OSSL_PKEY_PARAM_ML_KEM_SEED
constexpr const char* kCoinsParameter = "ikme";  // OSSL_KEM_PARAM_IKME: fixed coins

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Free>;

OSSL_PARAM octets(const char* name, ByteView value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(value.data()),
                                           value.size());  // OpenSSL only reads it
}

Key import_key(const char* parameter, ByteView value, int selection) {
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, kAlgorithm, nullptr));
  OSSL_PARAM parameters[] = {octets(parameter, value), OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, selection, parameters) != 1)
    return nullptr;
  return Key(key);
}

template <std::size_t N>
void export_octets(const Key& key, const char* parameter, ByteArray<N>& out) {
  std::size_t size = 0;
  WEFT_ASSERT(
      EVP_PKEY_get_octet_string_param(key.get(), parameter, out.data(), out.size(), &size) == 1);
  WEFT_ASSERT(size == out.size());
}

KeyPair from_seed_openssl(const ByteArray<kSeedSize>& seed) {
  const Key key = import_key(kSeedParameter, seed, EVP_PKEY_KEYPAIR);
  WEFT_ASSERT(key != nullptr);
  KeyPair out;
  export_octets(key, OSSL_PKEY_PARAM_PUB_KEY, out.encapsulation_key);
  export_octets(key, OSSL_PKEY_PARAM_PRIV_KEY, out.decapsulation_key);
  return out;
}

std::optional<Encapsulation> encapsulate_openssl(ByteView encapsulation_key,
                                                 const ByteArray<32>& m) {
  const Key key = import_key(OSSL_PKEY_PARAM_PUB_KEY, encapsulation_key, EVP_PKEY_PUBLIC_KEY);
  if (key == nullptr) return std::nullopt;
  const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  const OSSL_PARAM parameters[] = {octets(kCoinsParameter, m), OSSL_PARAM_construct_end()};
  Encapsulation out;
  std::size_t ciphertext_size = out.ciphertext.size();
  std::size_t secret_size = out.secret.size();
  WEFT_ASSERT(context != nullptr);
  WEFT_ASSERT(EVP_PKEY_encapsulate_init(context.get(), parameters) == 1);
  WEFT_ASSERT(EVP_PKEY_encapsulate(context.get(), out.ciphertext.data(), &ciphertext_size,
                                   out.secret.data(), &secret_size) == 1);
  return out;
}

// OpenSSL checks the key first and refuses a bad one; FIPS 203 gives it a secret all the same.
SharedSecret decapsulate_openssl(const ByteArray<kDecapsulationKeySize>& decapsulation_key,
                                 const Ciphertext& ciphertext) {
  const Key key = import_key(OSSL_PKEY_PARAM_PRIV_KEY, decapsulation_key, EVP_PKEY_KEYPAIR);
  if (key == nullptr) return in_tree().decapsulate(decapsulation_key, ciphertext);
  const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  SharedSecret out;
  std::size_t size = out.size();
  WEFT_ASSERT(context != nullptr);
  WEFT_ASSERT(EVP_PKEY_decapsulate_init(context.get(), nullptr) == 1);
  WEFT_ASSERT(EVP_PKEY_decapsulate(context.get(), out.data(), &size, ciphertext.data(),
                                   ciphertext.size()) == 1);
  return out;
}

bool is_present() {
  EVP_KEM* kem = EVP_KEM_fetch(nullptr, kAlgorithm, nullptr);
  EVP_KEM_free(kem);
  return kem != nullptr;
}

}  // namespace

const Implementation* openssl() {
  static constexpr Implementation kOpenSsl{"OpenSSL", from_seed_openssl, encapsulate_openssl,
                                           decapsulate_openssl};
  static const bool present = is_present();
  return present ? &kOpenSsl : nullptr;
}

}  // namespace weft::mlkem768
