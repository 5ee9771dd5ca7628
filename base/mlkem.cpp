#include "base/mlkem.hpp"

#include "base/keccak.hpp"
#include "base/mlkem_ring.hpp"

namespace weft::mlkem768 {

const Implementation& chosen() {
  static const Implementation& choice = openssl() != nullptr ? *openssl() : in_tree();
  return choice;
}

KeyPair generate(Rng& rng) {
  auto seed = rng.bytes<kSeedSize>();
  KeyPair out = from_seed(seed);
  crypto::wipe(seed);
  return out;
}

KeyPair from_seed(const ByteArray<kSeedSize>& seed) { return chosen().from_seed(seed); }

bool is_valid(ByteView encapsulation_key) {
  if (encapsulation_key.size() != kEncapsulationKeySize) return false;
  for (std::size_t i = 0; i < ring::kRank; ++i)
    if (!ring::is_reduced_encoding(encapsulation_key.subspan(384 * i, 384))) return false;
  return true;
}

std::optional<Encapsulation> encapsulate(ByteView encapsulation_key, Rng& rng) {
  auto m = rng.bytes<32>();
  auto out = encapsulate_with(encapsulation_key, m);
  crypto::wipe(m);
  return out;
}

std::optional<Encapsulation> encapsulate_with(ByteView encapsulation_key, const ByteArray<32>& m) {
  if (!is_valid(encapsulation_key)) return std::nullopt;
  return chosen().encapsulate_with(encapsulation_key, m);
}

SharedSecret decapsulate(const ByteArray<kDecapsulationKeySize>& key,
                         const Ciphertext& ciphertext) {
  return chosen().decapsulate(key, ciphertext);
}

bool is_valid_decapsulation_key(ByteView key) {
  if (key.size() != kDecapsulationKeySize) return false;
  const auto inner = key.subspan(1152, kEncapsulationKeySize);
  return is_valid(inner) &&
         crypto::equal_constant_time(keccak::sha3_256({inner}),
                                     key.subspan(1152 + kEncapsulationKeySize, 32));
}

}  // namespace weft::mlkem768
