// ML-KEM-768 (FIPS 203). OpenSSL's where the running libcrypto is 3.5 or newer, else our own
// constant-time code; the two are bit-equal. Raw FIPS 203 encodings.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/rng.hpp"

namespace weft::mlkem768 {

inline constexpr std::size_t kEncapsulationKeySize = 1184;
inline constexpr std::size_t kDecapsulationKeySize = 2400;
inline constexpr std::size_t kCiphertextSize = 1088;
inline constexpr std::size_t kSharedSecretSize = 32;
inline constexpr std::size_t kSeedSize = 64;  // d | z

using EncapsulationKey = ByteArray<kEncapsulationKeySize>;
using Ciphertext = ByteArray<kCiphertextSize>;
using SharedSecret = ByteArray<kSharedSecretSize>;

struct KeyPair {
  EncapsulationKey encapsulation_key{};
  ByteArray<kDecapsulationKeySize> decapsulation_key{};

  ~KeyPair() { crypto::wipe(decapsulation_key); }
};

struct Encapsulation {
  Ciphertext ciphertext{};
  SharedSecret secret{};
};

KeyPair generate(Rng& rng);
KeyPair from_seed(const ByteArray<kSeedSize>& seed);

// FIPS 203 7.2 modulus check: false if any coefficient is not reduced. Call before encapsulate.
bool is_valid(ByteView encapsulation_key);

// nullopt when the key has the wrong length or is not reduced.
std::optional<Encapsulation> encapsulate(ByteView encapsulation_key, Rng& rng);
// Deterministic form: `m` are the 32 random bytes of FIPS 203 Algorithm 17; for vectors.
std::optional<Encapsulation> encapsulate_with(ByteView encapsulation_key, const ByteArray<32>& m);

// Never fails: a wrong ciphertext of right length gives the implicit-rejection secret, and the next
// AEAD shows it.
SharedSecret decapsulate(const ByteArray<kDecapsulationKeySize>& key, const Ciphertext& ciphertext);

// FIPS 203 7.3: length, and the hash inside matches the encapsulation key inside. For keys that
// come from elsewhere; our own are never stored.
bool is_valid_decapsulation_key(ByteView key);

// Whether OpenSSL's implementation is in use, and the two behind one shape, so that a test can
// compare them bit by bit.
struct Implementation {
  std::string_view name;
  KeyPair (*from_seed)(const ByteArray<kSeedSize>& seed);
  std::optional<Encapsulation> (*encapsulate_with)(ByteView encapsulation_key,
                                                   const ByteArray<32>& m);
  SharedSecret (*decapsulate)(const ByteArray<kDecapsulationKeySize>& key,
                              const Ciphertext& ciphertext);
};
const Implementation& in_tree();
const Implementation* openssl();  // null when the running libcrypto has no ML-KEM
const Implementation& chosen();

}  // namespace weft::mlkem768
