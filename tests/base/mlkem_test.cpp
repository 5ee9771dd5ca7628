// ML-KEM-768 against ACVP, Wycheproof, CCTV and the accumulated digests; both implementations where
// the running libcrypto has one.
#include "base/mlkem.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "base/keccak.hpp"
#include "base/mlkem_ring.hpp"
#include "base/seeded_rng.hpp"
#include "tests/harness/vectors.hpp"

namespace weft::mlkem768 {
namespace {

using vectors::fixed_hex;
using vectors::hex;
using vectors::Json;

using DecapsulationKey = ByteArray<kDecapsulationKeySize>;

std::string lower(const Json& object, const char* key) { return to_hex(hex(object, key)); }

ByteArray<64> seed_of(const Json& test) {
  Bytes seed = hex(test, "d");
  append(seed, hex(test, "z"));
  return to_array<64>(seed).value();
}

class Implementations : public ::testing::TestWithParam<const Implementation*> {
 protected:
  // Calls check(group, test) for each row of a file and counts it for this implementation.
  template <class Check>
  static void for_each_row(const std::string& file, std::size_t rows, Check check) {
    const Json all = vectors::load(file);
    vectors::Tally tally(file + "@" + std::string(GetParam()->name), rows);
    for (const auto& group : all.at("testGroups"))
      for (const auto& test : group.at("tests")) {
        SCOPED_TRACE(file + " tcId " + test.at("tcId").dump());
        check(group, test);
        tally.ran();
      }
    EXPECT_EQ(tally.run(), tally.total());
  }
  // As the public function does it: the key is checked first.
  static std::optional<Encapsulation> encapsulate_checked(const Bytes& ek, const ByteArray<32>& m) {
    if (!is_valid(ek)) return std::nullopt;
    return GetParam()->encapsulate_with(ek, m);
  }
};

// golang/go crypto/mlkem TestAccumulated: SHAKE-128 of nothing gives d, z, m and a ciphertext a
// round; ek, ct, k and the rejection secret go into the digest. The digests are facts of final FIPS
// 203.
std::string accumulated_digest(const Implementation& kem, int rounds) {
  auto random = keccak::Sponge::shake128();
  auto digest = keccak::Sponge::shake128();
  for (int i = 0; i < rounds; ++i) {
    ByteArray<kSeedSize> seed;
    ByteArray<32> m;
    Ciphertext garbage;
    random.squeeze(seed).squeeze(m).squeeze(garbage);
    const KeyPair pair = kem.from_seed(seed);
    const auto sent = kem.encapsulate_with(pair.encapsulation_key, m).value();
    digest.absorb(pair.encapsulation_key).absorb(sent.ciphertext).absorb(sent.secret);
    digest.absorb(kem.decapsulate(pair.decapsulation_key, garbage));
    if (kem.decapsulate(pair.decapsulation_key, sent.ciphertext) != sent.secret) return "unequal";
  }
  ByteArray<32> out;
  digest.squeeze(out);
  return to_hex(out);
}

TEST_P(Implementations, AccumulatedDigests) {
  EXPECT_EQ(accumulated_digest(*GetParam(), 100),
            "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
  EXPECT_EQ(accumulated_digest(*GetParam(), 10'000),
            "8a518cc63da366322a8e7a818c7a0d63483cb3528d34a4cf42f35d5ad73f22fc");
}

TEST_P(Implementations, AccumulatedDigestOfAMillion) {
  const char* enabled = std::getenv("WEFT_LONG_TESTS");
  if (enabled == nullptr || std::string_view(enabled) != "1")
    GTEST_SKIP() << "three minutes: WEFT_LONG_TESTS=1 runs it";
  EXPECT_EQ(accumulated_digest(*GetParam(), 1'000'000),
            "424bf8f0e8ae99b78d788a6e2e8e9cdaf9773fc0c08a6f433507cb559edfd0f0");
}

TEST_P(Implementations, AcvpKeyGeneration) {
  const std::string file = "mlkem/acvp_keygen_768.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, 25, [](const Json&, const Json& test) {
    const KeyPair pair = GetParam()->from_seed(seed_of(test));
    EXPECT_EQ(to_hex(pair.encapsulation_key), lower(test, "ek"));
    EXPECT_EQ(to_hex(pair.decapsulation_key), lower(test, "dk"));
  });
}

TEST_P(Implementations, AcvpEncapsulationAndDecapsulation) {
  const std::string file = "mlkem/acvp_encapdecap_768.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, 55, [](const Json& group, const Json& test) {
    const auto function = group.at("function").get<std::string>();
    if (function == "encapsulation") {
      const auto sent = encapsulate_checked(hex(test, "ek"), fixed_hex<32>(test, "m"));
      ASSERT_TRUE(sent);
      EXPECT_EQ(to_hex(sent->ciphertext), lower(test, "c"));
      EXPECT_EQ(to_hex(sent->secret), lower(test, "k"));
    } else if (function == "decapsulation") {
      const auto dk = fixed_hex<kDecapsulationKeySize>(test, "dk");
      EXPECT_EQ(to_hex(GetParam()->decapsulate(dk, fixed_hex<kCiphertextSize>(test, "c"))),
                lower(test, "k"));
    } else if (function == "encapsulationKeyCheck") {
      EXPECT_EQ(is_valid(hex(test, "ek")), test.at("testPassed").get<bool>());
    } else {
      ASSERT_EQ(function, "decapsulationKeyCheck");
      EXPECT_EQ(is_valid_decapsulation_key(hex(test, "dk")), test.at("testPassed").get<bool>());
    }
  });
}

TEST_P(Implementations, AcvpDecapsulationFromSeed) {
  const std::string file = "mlkem/acvp_decap_seed_768.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, 10, [](const Json&, const Json& test) {
    const KeyPair pair = GetParam()->from_seed(seed_of(test));
    EXPECT_EQ(to_hex(pair.decapsulation_key), lower(test, "dk"));
    EXPECT_EQ(to_hex(GetParam()->decapsulate(pair.decapsulation_key,
                                             fixed_hex<kCiphertextSize>(test, "c"))),
              lower(test, "k"));
  });
}

TEST_P(Implementations, WycheproofSeedAndCiphertext) {
  const std::string file = "mlkem/mlkem_768_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, 103, [](const Json&, const Json& test) {
    const auto seed = to_array<kSeedSize>(hex(test, "seed"));
    const auto ciphertext = to_array<kCiphertextSize>(hex(test, "c"));
    const bool valid = test.at("result") == "valid";
    EXPECT_EQ(seed && ciphertext, valid) << "only lengths are wrong in this file";
    if (!valid || !seed || !ciphertext) return;
    const KeyPair pair = GetParam()->from_seed(*seed);
    EXPECT_EQ(to_hex(pair.encapsulation_key), lower(test, "ek"));
    EXPECT_EQ(to_hex(GetParam()->decapsulate(pair.decapsulation_key, *ciphertext)),
              lower(test, "K"));
  });
}

TEST_P(Implementations, WycheproofEncapsulation) {
  const std::string file = "mlkem/mlkem_768_encaps_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, 90, [](const Json&, const Json& test) {
    const auto sent = encapsulate_checked(hex(test, "ek"), fixed_hex<32>(test, "m"));
    ASSERT_EQ(sent.has_value(), test.at("result") == "valid");
    if (!sent) return;
    EXPECT_EQ(to_hex(sent->ciphertext), lower(test, "c"));
    EXPECT_EQ(to_hex(sent->secret), lower(test, "K"));
  });
}

TEST_P(Implementations, WycheproofSemiExpandedDecapsulation) {
  const std::string file = "mlkem/mlkem_768_semi_expanded_decaps_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, 9, [](const Json&, const Json& test) {
    const auto dk = to_array<kDecapsulationKeySize>(hex(test, "dk"));
    const auto ciphertext = to_array<kCiphertextSize>(hex(test, "c"));
    const bool acceptable = dk && ciphertext && is_valid_decapsulation_key(*dk);
    EXPECT_EQ(acceptable, test.at("result") == "valid") << test.at("comment");
    if (acceptable && !test.value("K", "").empty()) {
      EXPECT_EQ(to_hex(GetParam()->decapsulate(*dk, *ciphertext)), lower(test, "K"));
    }
  });
}

std::map<std::string, std::string> assignments(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream in(text);
  std::string name, equals, value;
  while (in >> name >> equals >> value) out[name] = value;
  return out;
}

TEST_P(Implementations, CctvStrcmpAndUnluckySample) {
  const std::string strcmp_file = "mlkem/cctv_strcmp_768.txt";
  const std::string unlucky_file = "mlkem/cctv_unluckysample_768.txt";
  WEFT_NEED_VECTORS(strcmp_file);
  WEFT_NEED_VECTORS(unlucky_file);
  vectors::Tally tally("mlkem/cctv@" + std::string(GetParam()->name), 2);
  auto row = assignments(vectors::load_text(strcmp_file));
  auto dk = to_array<kDecapsulationKeySize>(hex(row["dk"])).value();
  EXPECT_EQ(to_hex(GetParam()->decapsulate(dk, to_array<kCiphertextSize>(hex(row["c"])).value())),
            row["K"]);
  tally.ran();
  row = assignments(vectors::load_text(unlucky_file));
  const auto sent = encapsulate_checked(hex(row["ek"]), to_array<32>(hex(row["m"])).value());
  ASSERT_TRUE(sent);
  EXPECT_EQ(to_hex(sent->ciphertext), row["c"]);
  EXPECT_EQ(to_hex(sent->secret), row["K"]);
  dk = to_array<kDecapsulationKeySize>(hex(row["dk"])).value();
  EXPECT_EQ(GetParam()->decapsulate(dk, sent->ciphertext), sent->secret);
  tally.ran();
}

std::vector<const Implementation*> present() {
  std::vector<const Implementation*> out{&in_tree()};
  if (openssl() != nullptr) out.push_back(openssl());
  return out;
}

INSTANTIATE_TEST_SUITE_P(Each, Implementations, ::testing::ValuesIn(present()),
                         [](const auto& each) {
                           std::string name(each.param->name);
                           std::erase(name, '-');
                           return name;
                         });

TEST(MlKem, CctvUnreducedKeysAreAllRefused) {
  const std::string file = "mlkem/cctv_modulus_768.txt.gz";
  WEFT_NEED_VECTORS(file);
  std::istringstream in(vectors::load_text(file));
  vectors::Tally tally(file, 780);
  std::string line;
  SeededRng rng(6);
  while (in >> line) {
    EXPECT_FALSE(encapsulate(hex(line), rng));
    tally.ran();
  }
  EXPECT_EQ(tally.run(), tally.total());
}

TEST(MlKem, WrongLengthsAreRefused) {
  SeededRng rng(7);
  const KeyPair pair = generate(rng);
  EXPECT_TRUE(is_valid(pair.encapsulation_key));
  EXPECT_TRUE(is_valid_decapsulation_key(pair.decapsulation_key));
  EXPECT_FALSE(is_valid(ByteView(pair.encapsulation_key).first(kEncapsulationKeySize - 1)));
  Bytes longer = to_bytes(pair.encapsulation_key);
  longer.push_back(0);
  EXPECT_FALSE(encapsulate(longer, rng));
  EXPECT_FALSE(encapsulate({}, rng));
  auto broken = pair.decapsulation_key;
  broken[1152 + 1184] ^= 1;  // the hash inside
  EXPECT_FALSE(is_valid_decapsulation_key(broken));
}

// Each byte of a ciphertext matters, and a wrong one gives a secret, not an error.
TEST(MlKem, EveryFlippedByteGivesAnotherSecret) {
  SeededRng rng(8);
  const KeyPair pair = generate(rng);
  const auto sent = encapsulate(pair.encapsulation_key, rng).value();
  ASSERT_EQ(decapsulate(pair.decapsulation_key, sent.ciphertext), sent.secret);
  for (std::size_t i = 0; i < kCiphertextSize; i += 7) {
    auto bad = sent.ciphertext;
    bad[i] ^= 1;
    const auto first = decapsulate(pair.decapsulation_key, bad);
    EXPECT_NE(first, sent.secret);
    EXPECT_EQ(first, decapsulate(pair.decapsulation_key, bad)) << "rejection is deterministic";
  }
}

TEST(MlKem, BothImplementationsAreBitEqual) {
  if (openssl() == nullptr) GTEST_SKIP() << "the running libcrypto has no ML-KEM";
  SeededRng rng(9);
  for (int i = 0; i < 1000; ++i) {
    const auto seed = rng.bytes<kSeedSize>();
    const auto m = rng.bytes<32>();
    const KeyPair ours = in_tree().from_seed(seed);
    const KeyPair theirs = openssl()->from_seed(seed);
    ASSERT_EQ(ours.encapsulation_key, theirs.encapsulation_key);
    ASSERT_EQ(ours.decapsulation_key, theirs.decapsulation_key);
    auto sent = in_tree().encapsulate_with(ours.encapsulation_key, m).value();
    const auto same = openssl()->encapsulate_with(ours.encapsulation_key, m).value();
    ASSERT_EQ(sent.ciphertext, same.ciphertext);
    ASSERT_EQ(sent.secret, same.secret);
    if (i % 2 != 0) sent.ciphertext[static_cast<std::size_t>(i) % kCiphertextSize] ^= 4;
    ASSERT_EQ(in_tree().decapsulate(ours.decapsulation_key, sent.ciphertext),
              openssl()->decapsulate(ours.decapsulation_key, sent.ciphertext));
  }
}

// The reciprocal in compress() against the division of FIPS 203 4.7, for every coefficient.
TEST(MlKemRing, CompressionEqualsDivision) {
  const auto expected = [](std::uint32_t c, int d) {
    return (((c << (d + 1)) + ring::kQ) / (2 * ring::kQ)) % (1U << d);
  };
  for (std::uint32_t c = 0; c < ring::kQ; ++c) {
    ASSERT_EQ(ring::compress<1>(c), expected(c, 1)) << c;
    ASSERT_EQ(ring::compress<4>(c), expected(c, 4)) << c;
    ASSERT_EQ(ring::compress<10>(c), expected(c, 10)) << c;
  }
}

// The NTT product against schoolbook multiplication modulo x^256 + 1.
TEST(MlKemRing, NttMultiplies) {
  SeededRng rng(10);
  ring::Vector a;
  ring::Vector b;
  for (auto* vector : {&a, &b})
    for (auto& p : *vector)
      for (auto& c : p) c = static_cast<std::int16_t>(rng.uniform(ring::kQ));
  std::array<int, ring::kN> expected{};
  for (std::size_t row = 0; row < ring::kRank; ++row)
    for (std::size_t i = 0; i < ring::kN; ++i)
      for (std::size_t j = 0; j < ring::kN; ++j) {
        const int product = a[row][i] * b[row][j] % ring::kQ;
        auto& target = expected[(i + j) % ring::kN];
        target = (target + (i + j < ring::kN ? product : ring::kQ - product)) % ring::kQ;
      }
  for (auto& p : a) ring::ntt(p);
  for (auto& p : b) ring::ntt(p);
  ring::Poly product = ring::inner_product(a, b);
  ring::inverse_ntt(product);
  ring::make_canonical(product);
  for (std::size_t i = 0; i < ring::kN; ++i) ASSERT_EQ(product[i], expected[i]) << i;
}

Bytes openssl_hash(const char* name, ByteView in, std::size_t size) {
  EVP_MD* md = EVP_MD_fetch(nullptr, name, nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Bytes out(size);
  EVP_DigestInit_ex(context, md, nullptr);
  EVP_DigestUpdate(context, in.data(), in.size());
  if (std::string_view(name).starts_with("SHAKE"))
    EVP_DigestFinalXOF(context, out.data(), out.size());
  else
    EVP_DigestFinal_ex(context, out.data(), nullptr);
  EVP_MD_CTX_free(context);
  EVP_MD_free(md);
  return out;
}

TEST(Keccak, AgreesWithOpenSslAtEveryLength) {
  SeededRng rng(11);
  for (std::size_t size = 0; size < 500; ++size) {
    Bytes in(size);
    rng.fill(in);
    const auto split = ByteView(in).first(size / 3);
    const auto rest = ByteView(in).subspan(size / 3);
    ASSERT_EQ(to_bytes(keccak::sha3_256({split, rest})), openssl_hash("SHA3-256", in, 32)) << size;
    ASSERT_EQ(to_bytes(keccak::sha3_512({split, rest})), openssl_hash("SHA3-512", in, 64)) << size;
    Bytes out(size + 1);
    keccak::Sponge::shake128().absorb(split).absorb(rest).squeeze(out);
    ASSERT_EQ(out, openssl_hash("SHAKE128", in, out.size())) << size;
    auto sponge = keccak::Sponge::shake256();
    sponge.absorb(in);
    for (std::size_t at = 0; at < out.size(); at += 50)
      sponge.squeeze(MutableByteView(out).subspan(at, std::min<std::size_t>(50, out.size() - at)));
    ASSERT_EQ(out, openssl_hash("SHAKE256", in, out.size())) << size;
  }
}

TEST(Keccak, FourStreamsEqualFourTimesOne) {
  SeededRng rng(12);
  for (const std::size_t size : {0u, 1u, 33u, 34u, 135u}) {
    std::array<Bytes, 4> in;
    std::array<ByteArray<keccak::kShake256Rate>, 4> out;
    for (auto& one : in) {
      one.resize(size);
      rng.fill(one);
    }
    keccak::FourShakes four(keccak::kShake256Rate, {in[0], in[1], in[2], in[3]});
    Bytes expected(3 * keccak::kShake256Rate);
    for (std::size_t block = 0; block < 3; ++block) {
      four.next({out[0], out[1], out[2], out[3]});
      for (std::size_t s = 0; s < 4; ++s) {
        keccak::Sponge::shake256().absorb(in[s]).squeeze(expected);
        ASSERT_TRUE(
            equal(out[s], ByteView(expected).subspan(block * out[s].size(), out[s].size())));
      }
    }
  }
}

}  // namespace
}  // namespace weft::mlkem768
