// FIPS 203 ML-KEM-768 of our own. Secrets are touched by straight-line arithmetic only; rejection
// sampling branches on the public matrix seed. Temporaries that hold secrets wipe themselves.
#include "base/keccak.hpp"
#include "base/mlkem.hpp"
#include "base/mlkem_ring.hpp"

namespace weft::mlkem768 {

namespace {

using ring::kRank;
using ring::Poly;
using ring::Vector;

constexpr std::size_t kPolySize = 384;
constexpr std::size_t kVectorSize = kPolySize * kRank;
constexpr std::size_t kUSize = 320;  // one polynomial of u, 10 bits each
constexpr std::size_t kVSize = 128;
static_assert(kVectorSize + 32 == kEncapsulationKeySize);
static_assert(kUSize * kRank + kVSize == kCiphertextSize);

template <class T>
struct Secret {
  T value{};
  Secret() = default;
  explicit Secret(const T& v) : value(v) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { crypto::wipe({reinterpret_cast<std::uint8_t*>(&value), sizeof value}); }
};

using Matrix = std::array<Vector, kRank>;
using Block = ByteArray<keccak::kShake128Rate>;

// Entries of the matrix, each from SHAKE128(rho | column | row), four streams at a time; the ninth
// entry goes alone. `transposed` swaps the two index bytes.
Matrix expand_matrix(ByteView rho, bool transposed) {
  Matrix out;
  constexpr std::size_t kEntries = kRank * kRank;
  std::array<ByteArray<34>, kEntries> inputs;
  for (std::size_t e = 0; e < kEntries; ++e) {
    std::ranges::copy(rho, inputs[e].begin());
    const auto row = static_cast<std::uint8_t>(e / kRank);
    const auto column = static_cast<std::uint8_t>(e % kRank);
    inputs[e][32] = transposed ? row : column;
    inputs[e][33] = transposed ? column : row;
  }
  const auto entry = [&](std::size_t e) -> Poly& { return out[e / kRank][e % kRank]; };
  for (std::size_t first = 0; first + 4 <= kEntries; first += 4) {
    keccak::FourShakes shakes(keccak::kShake128Rate, {inputs[first], inputs[first + 1],
                                                      inputs[first + 2], inputs[first + 3]});
    std::array<Block, 4> blocks;
    std::array<std::size_t, 4> counts{};
    while (std::ranges::any_of(counts, [](std::size_t n) { return n < ring::kN; })) {
      shakes.next({blocks[0], blocks[1], blocks[2], blocks[3]});
      for (std::size_t s = 0; s < 4; ++s)
        counts[s] = ring::sample_uniform(entry(first + s), counts[s], blocks[s]);
    }
  }
  auto sponge = keccak::Sponge::shake128();
  sponge.absorb(inputs.back());
  Block block;
  for (std::size_t count = 0; count < ring::kN;) {
    sponge.squeeze(block);
    count = ring::sample_uniform(entry(kEntries - 1), count, block);
  }
  return out;
}

// Four noise polynomials: CBD(PRF(seed, nonce + i)). 128 bytes fit one SHAKE256 block.
void sample_noise(const std::array<Poly*, 4>& out, ByteView seed, std::uint8_t nonce) {
  Secret<std::array<ByteArray<33>, 4>> inputs;
  Secret<std::array<ByteArray<keccak::kShake256Rate>, 4>> blocks;
  for (std::size_t i = 0; i < 4; ++i) {
    std::ranges::copy(seed, inputs.value[i].begin());
    inputs.value[i][32] = static_cast<std::uint8_t>(nonce + i);
  }
  auto& in = inputs.value;
  auto& block = blocks.value;
  keccak::FourShakes shakes(keccak::kShake256Rate, {in[0], in[1], in[2], in[3]});
  shakes.next({block[0], block[1], block[2], block[3]});
  for (std::size_t i = 0; i < 4; ++i)
    if (out[i] != nullptr) ring::sample_binomial(*out[i], ByteView(block[i]).first(128));
}

// K-PKE.Encrypt, FIPS 203 Algorithm 14.
void encrypt(ByteView key, ByteView message, ByteView coins, Ciphertext& out) {
  const Matrix transposed = expand_matrix(key.subspan(kVectorSize, 32), true);
  Vector t;
  for (std::size_t i = 0; i < kRank; ++i) {
    ring::decode<12>(t[i], key.subspan(kPolySize * i, kPolySize));
    ring::make_canonical(t[i]);
  }
  Secret<Vector> y;
  Secret<Vector> e1;
  Secret<Poly> e2;
  sample_noise({&y.value[0], &y.value[1], &y.value[2], &e1.value[0]}, coins, 0);
  sample_noise({&e1.value[1], &e1.value[2], &e2.value, nullptr}, coins, 4);
  for (auto& p : y.value) ring::ntt(p);
  const MutableByteView c(out);
  Secret<Poly> p;
  for (std::size_t i = 0; i < kRank; ++i) {
    p.value = ring::inner_product(transposed[i], y.value);
    ring::inverse_ntt(p.value);
    ring::add(p.value, e1.value[i]);
    ring::make_canonical(p.value);
    ring::encode<10>(p.value, c.subspan(kUSize * i, kUSize));
  }
  Secret<Poly> mu;
  ring::decode<1>(mu.value, message);
  p.value = ring::inner_product(t, y.value);
  ring::inverse_ntt(p.value);
  ring::add(p.value, e2.value);
  ring::add(p.value, mu.value);
  ring::make_canonical(p.value);
  ring::encode<4>(p.value, c.subspan(kUSize * kRank, kVSize));
}

// K-PKE.Decrypt, FIPS 203 Algorithm 15.
void decrypt(ByteView key, ByteView ciphertext, ByteArray<32>& message) {
  Vector u;
  Secret<Vector> s;
  for (std::size_t i = 0; i < kRank; ++i) {
    ring::decode<10>(u[i], ciphertext.subspan(kUSize * i, kUSize));
    ring::ntt(u[i]);
    ring::decode<12>(s.value[i], key.subspan(kPolySize * i, kPolySize));
  }
  Secret<Poly> w;
  Secret<Poly> product;
  ring::decode<4>(w.value, ciphertext.subspan(kUSize * kRank, kVSize));
  product.value = ring::inner_product(s.value, u);
  ring::inverse_ntt(product.value);
  ring::subtract(w.value, product.value);
  ring::make_canonical(w.value);
  ring::encode<1>(w.value, message);
}

// K-PKE.KeyGen (Algorithm 13) and ML-KEM.KeyGen_internal (Algorithm 16).
KeyPair from_seed_in_tree(const ByteArray<kSeedSize>& seed) {
  const ByteView d = ByteView(seed).first(32);
  const ByteView z = ByteView(seed).subspan(32);
  static constexpr std::uint8_t kRankByte[1] = {kRank};
  const Secret<ByteArray<64>> expanded(keccak::sha3_512({d, kRankByte}));
  const ByteView rho = ByteView(expanded.value).first(32);
  const ByteView sigma = ByteView(expanded.value).subspan(32);
  const Matrix matrix = expand_matrix(rho, false);
  Secret<Vector> s;
  Secret<Vector> e;
  sample_noise({&s.value[0], &s.value[1], &s.value[2], &e.value[0]}, sigma, 0);
  sample_noise({&e.value[1], &e.value[2], nullptr, nullptr}, sigma, 4);
  for (auto& p : s.value) ring::ntt(p);
  for (auto& p : e.value) ring::ntt(p);
  KeyPair out;
  const MutableByteView ek(out.encapsulation_key);
  const MutableByteView dk(out.decapsulation_key);
  for (std::size_t i = 0; i < kRank; ++i) {
    Secret<Poly> t(ring::inner_product(matrix[i], s.value));
    ring::multiply_by_r(t.value);
    ring::add(t.value, e.value[i]);
    ring::make_canonical(t.value);
    ring::encode<12>(t.value, ek.subspan(kPolySize * i, kPolySize));
  }
  for (std::size_t i = 0; i < kRank; ++i) {
    ring::make_canonical(s.value[i]);
    ring::encode<12>(s.value[i], dk.subspan(kPolySize * i, kPolySize));
  }
  std::ranges::copy(rho, ek.subspan(kVectorSize).begin());
  std::ranges::copy(ek, dk.subspan(kVectorSize).begin());
  std::ranges::copy(keccak::sha3_256({ek}), dk.last(64).begin());
  std::ranges::copy(z, dk.last(32).begin());
  return out;
}

// ML-KEM.Encaps_internal (Algorithm 17). The caller has checked the key.
std::optional<Encapsulation> encapsulate_in_tree(ByteView key, const ByteArray<32>& m) {
  const Secret<ByteArray<64>> expanded(keccak::sha3_512({m, keccak::sha3_256({key})}));
  Encapsulation out;
  std::copy_n(expanded.value.begin(), kSharedSecretSize, out.secret.begin());
  encrypt(key, m, ByteView(expanded.value).subspan(32), out.ciphertext);
  return out;
}

// 0xff where the two differ, else 0; in time that depends on their length alone.
std::uint8_t difference_mask(ByteView a, ByteView b) {
  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  __asm__("" : "+r"(difference));  // or the compiler may find a branch in here
  return static_cast<std::uint8_t>((0U - difference) >> 24);
}

// ML-KEM.Decaps_internal (Algorithm 18): re-encrypt, and select without a branch.
SharedSecret decapsulate_in_tree(const ByteArray<kDecapsulationKeySize>& key,
                                 const Ciphertext& ciphertext) {
  const ByteView dk(key);
  const ByteView ek = dk.subspan(kVectorSize, kEncapsulationKeySize);
  Secret<ByteArray<32>> message;
  decrypt(dk, ciphertext, message.value);
  const Secret<ByteArray<64>> expanded(
      keccak::sha3_512({message.value, dk.subspan(kVectorSize + kEncapsulationKeySize, 32)}));
  Secret<SharedSecret> rejection;
  auto sponge = keccak::Sponge::shake256();
  sponge.absorb(dk.last(32)).absorb(ciphertext).squeeze(rejection.value);
  Secret<Ciphertext> again;
  encrypt(ek, message.value, ByteView(expanded.value).subspan(32), again.value);
  const std::uint8_t mask = difference_mask(ciphertext, again.value);
  SharedSecret out;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint8_t>((expanded.value[i] & ~mask) | (rejection.value[i] & mask));
  return out;
}

}  // namespace

const Implementation& in_tree() {
  static constexpr Implementation kInTree{"in-tree", from_seed_in_tree, encapsulate_in_tree,
                                          decapsulate_in_tree};
  return kInTree;
}

}  // namespace weft::mlkem768
