// Every row of Wycheproof's X25519, Ed25519, AEAD, HKDF and HMAC files and of CCTV's Ed25519 edge
// cases. Rows for sizes weft does not use count as run when the wrapper cannot be given them.
#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "base/packet_cipher.hpp"
#include "tests/harness/vectors.hpp"

namespace weft {
namespace {

using vectors::fixed_hex;
using vectors::hex;
using vectors::Json;

// Calls check(group, test) for each row; returns how many there were.
template <class Check>
std::size_t run_rows(const std::string& file, const Json& all, Check check) {
  std::size_t rows = 0;
  for (const auto& group : all.at("testGroups"))
    for (const auto& test : group.at("tests")) {
      SCOPED_TRACE(file + " tcId " + test.at("tcId").dump());
      check(group, test);
      ++rows;
    }
  EXPECT_EQ(rows, all.at("numberOfTests").get<std::size_t>());
  return rows;
}

// The same, counted in the summary: once a file, however many implementations take it.
template <class Check>
void for_each_row(const std::string& file, Check check) {
  const Json all = vectors::load(file);
  vectors::Tally tally(file, all.at("numberOfTests").get<std::size_t>());
  for (std::size_t rows = run_rows(file, all, check); rows > 0; --rows) tally.ran();
}

bool is_valid(const Json& test) { return test.at("result") == "valid"; }

bool has_flag(const Json& test, const char* flag) {
  const auto& flags = test.at("flags");
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

TEST(Wycheproof, X25519) {
  const std::string file = "wycheproof/x25519_test.json";
  WEFT_NEED_VECTORS(file);
  int refused = 0;
  for_each_row(file, [&](const Json&, const Json& test) {
    const auto shared =
        crypto::x25519(fixed_hex<32>(test, "private"), fixed_hex<32>(test, "public"));
    if (has_flag(test, "ZeroSharedSecret")) {
      ++refused;
      EXPECT_FALSE(shared);
    } else {
      ASSERT_TRUE(shared);
      EXPECT_EQ(to_hex(*shared), test.at("shared").get<std::string>());
    }
  });
  EXPECT_EQ(refused, 31);
}

TEST(Wycheproof, Ed25519) {
  const std::string file = "wycheproof/ed25519_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, [](const Json& group, const Json& test) {
    const auto key = fixed_hex<32>(group.at("publicKey"), "pk");
    const auto signature = to_array<64>(hex(test, "sig"));
    const bool accepted = signature && crypto::ed25519_verify(key, hex(test, "msg"), *signature);
    EXPECT_EQ(accepted, is_valid(test));
  });
}

// No row says "valid": implementations differ, so libsodium's verdict is pinned. The hash is over
// the accepted row numbers, each as "n,".
TEST(Cctv, Ed25519VerdictsArePinned) {
  const std::string file = "wycheproof/cctv_ed25519.json";
  WEFT_NEED_VECTORS(file);
  const Json all = vectors::load(file);
  vectors::Tally tally(file, 914);
  ASSERT_EQ(all.size(), tally.total());
  std::string accepted;
  int count = 0;
  for (const auto& row : all) {
    const auto message = row.at("msg").get<std::string>();
    if (crypto::ed25519_verify(fixed_hex<32>(row, "key"), bytes_of(message),
                               fixed_hex<64>(row, "sig"))) {
      accepted += row.at("number").dump() + ",";
      ++count;
    }
    tally.ran();
  }
  EXPECT_EQ(count, 43);
  EXPECT_EQ(to_hex(crypto::sha256(bytes_of(accepted))),
            "ab32fd1b8e09270778755ec207bc5261f8b008f68aecce096ad3589cbb52b631");
}

// Seals and opens one row through `seal` and `open`; both work on combined ciphertext and tag.
template <class Seal, class Open>
void check_aead_row(const Json& test, Seal seal, Open open) {
  const Bytes message = hex(test, "msg");
  const Bytes ad = hex(test, "aad");
  Bytes combined = hex(test, "ct");
  append(combined, hex(test, "tag"));
  if (is_valid(test)) {
    EXPECT_EQ(to_hex(seal(ad, message)), to_hex(combined));
  }
  const auto opened = open(ad, combined);
  EXPECT_EQ(opened.has_value(), is_valid(test));
  if (opened && is_valid(test)) {
    EXPECT_EQ(to_hex(*opened), test.at("msg").get<std::string>());
  }
}

TEST(Wycheproof, ChaCha20Poly1305) {
  const std::string file = "wycheproof/chacha20_poly1305_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, [](const Json& group, const Json& test) {
    const auto key = fixed_hex<32>(test, "key");
    const auto nonce = to_array<12>(hex(test, "iv"));
    if (!nonce) {
      EXPECT_NE(group.at("ivSize"), 96);
      return;  // no way to hand it over
    }
    check_aead_row(
        test,
        [&](const Bytes& ad, const Bytes& in) {
          return crypto::chacha20poly1305_seal(key, *nonce, ad, in);
        },
        [&](const Bytes& ad, const Bytes& in) {
          return crypto::chacha20poly1305_open(key, *nonce, ad, in);
        });
  });
}

TEST(Wycheproof, XChaCha20Poly1305) {
  const std::string file = "wycheproof/xchacha20_poly1305_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, [](const Json& group, const Json& test) {
    const auto key = fixed_hex<32>(test, "key");
    const auto nonce = to_array<24>(hex(test, "iv"));
    if (!nonce) {
      EXPECT_NE(group.at("ivSize"), 192);
      return;
    }
    check_aead_row(
        test,
        [&](const Bytes& ad, const Bytes& in) {
          Bytes out(in.size() + crypto::kTagSize);
          crypto::xchacha20poly1305_seal(key, *nonce, ad, in, out);
          return out;
        },
        [&](const Bytes& ad, const Bytes& in) -> std::optional<Bytes> {
          Bytes out(in.size() - crypto::kTagSize);
          if (!crypto::xchacha20poly1305_open(key, *nonce, ad, in, out)) return std::nullopt;
          return out;
        });
  });
}

TEST(Wycheproof, Aes256GcmOneShot) {
  const std::string file = "wycheproof/aes_gcm_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, [](const Json&, const Json& test) {
    const auto key = to_array<32>(hex(test, "key"));
    const auto nonce = to_array<12>(hex(test, "iv"));
    if (!key || !nonce) return;  // no way to hand it over
    check_aead_row(
        test,
        [&](const Bytes& ad, const Bytes& in) {
          return crypto::aes256gcm_seal(*key, *nonce, ad, in);
        },
        [&](const Bytes& ad, const Bytes& in) {
          return crypto::aes256gcm_open(*key, *nonce, ad, in);
        });
  });
}

// The packet seam, each suite and backend, with the same rows.
void check_packet_row(PacketCipherSuite suite, const Json& test) {
  const Bytes key = hex(test, "key");
  const Bytes nonce = hex(test, "iv");
  if (key.size() != key_size(suite)) return;
  const auto sealer = PacketCipher::create(suite, key, PacketCipher::Direction::Seal);
  const auto opener = PacketCipher::create(suite, key, PacketCipher::Direction::Open);
  if (nonce.size() != PacketCipher::kNonceSize) {
    Bytes out(64);
    EXPECT_FALSE(sealer->seal(out, ByteView(out).first(16), nonce, {}));
    EXPECT_FALSE(opener->open(out, ByteView(out).first(32), nonce, {}));
    return;
  }
  check_aead_row(
      test,
      [&](const Bytes& ad, const Bytes& in) {
        Bytes out(in.size() + PacketCipher::kTagSize);
        EXPECT_TRUE(sealer->seal(out, in, nonce, ad));
        return out;
      },
      [&](const Bytes& ad, const Bytes& in) -> std::optional<Bytes> {
        Bytes out(in.size() - PacketCipher::kTagSize);
        if (!opener->open(out, in, nonce, ad)) return std::nullopt;
        return out;
      });
}

class PacketBackends : public ::testing::TestWithParam<PacketCipherBackend> {
 protected:
  void SetUp() override {
    if (!set_packet_cipher_backend(GetParam())) GTEST_SKIP() << "backend not built in";
  }
  void TearDown() override { set_packet_cipher_backend(before_); }
  PacketCipherBackend before_ = packet_cipher_backend();
};

TEST_P(PacketBackends, WycheproofAesGcm) {
  const std::string file = "wycheproof/aes_gcm_test.json";
  WEFT_NEED_VECTORS(file);
  run_rows(file, vectors::load(file), [](const Json&, const Json& test) {
    check_packet_row(PacketCipherSuite::Aes256Gcm, test);
    check_packet_row(PacketCipherSuite::Aes128Gcm, test);
  });
}

TEST_P(PacketBackends, WycheproofChaCha20Poly1305) {
  const std::string file = "wycheproof/chacha20_poly1305_test.json";
  WEFT_NEED_VECTORS(file);
  run_rows(file, vectors::load(file), [](const Json&, const Json& test) {
    check_packet_row(PacketCipherSuite::ChaCha20Poly1305, test);
  });
}

INSTANTIATE_TEST_SUITE_P(Each, PacketBackends,
                         ::testing::Values(PacketCipherBackend::OpenSsl,
                                           PacketCipherBackend::Gcrypt),
                         [](const auto& each) { return std::string(name_of(each.param)); });

TEST(Wycheproof, HkdfSha256) {
  const std::string file = "wycheproof/hkdf_sha256_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, [](const Json&, const Json& test) {
    const auto size = test.at("size").get<std::size_t>();
    if (!is_valid(test)) {
      EXPECT_GT(size, 255u * 32u);  // the one way to be invalid; an assert of ours forbids it
      return;
    }
    Bytes out(size);
    crypto::hkdf_expand(crypto::hkdf_extract(hex(test, "salt"), hex(test, "ikm")),
                        hex(test, "info"), out);
    EXPECT_EQ(to_hex(out), test.at("okm").get<std::string>());
  });
}

TEST(Wycheproof, HmacSha256) {
  const std::string file = "wycheproof/hmac_sha256_test.json";
  WEFT_NEED_VECTORS(file);
  for_each_row(file, [](const Json&, const Json& test) {
    const auto full = crypto::hmac_sha256(hex(test, "key"), hex(test, "msg"));
    const Bytes tag = hex(test, "tag");
    EXPECT_EQ(crypto::equal_constant_time(ByteView(full).first(tag.size()), tag), is_valid(test));
  });
}

TEST(RfcFiles, Ed25519X25519HkdfAndChaCha) {
  for (const auto* file : {"rfc/rfc8032_ed25519.json", "rfc/rfc7748_x25519.json",
                           "rfc/rfc5869_hkdf_sha256.json", "rfc/rfc8439_chacha20_poly1305.json"})
    WEFT_NEED_VECTORS(file);
  vectors::Tally tally("rfc", 5 + 2 + 1 + 3 + 2);
  const Json ed25519 = vectors::load("rfc/rfc8032_ed25519.json");
  for (const auto& row : ed25519.at("vectors")) {
    const auto key = crypto::Ed25519KeyPair::from_seed(
        to_array<32>(ByteView(hex(row, "secretKey")).first(32)).value());
    EXPECT_EQ(to_hex(key.public_key), row.at("publicKey").get<std::string>());
    EXPECT_EQ(to_hex(crypto::ed25519_sign(key, hex(row, "message"))),
              row.at("signature").get<std::string>());
    tally.ran();
  }
  const Json x25519 = vectors::load("rfc/rfc7748_x25519.json");
  for (const auto& row : x25519.at("scalarmult")) {
    EXPECT_EQ(to_hex(crypto::x25519(fixed_hex<32>(row, "scalar"), fixed_hex<32>(row, "u")).value()),
              row.at("out").get<std::string>());
    tally.ran();
  }
  const auto& dh = x25519.at("dh");
  EXPECT_EQ(
      to_hex(crypto::x25519(fixed_hex<32>(dh, "a_private"), fixed_hex<32>(dh, "b_public")).value()),
      dh.at("shared").get<std::string>());
  tally.ran();
  const Json hkdf = vectors::load("rfc/rfc5869_hkdf_sha256.json");
  for (const auto& row : hkdf.at("vectors")) {
    const auto prk = crypto::hkdf_extract(hex(row, "salt"), hex(row, "ikm"));
    EXPECT_EQ(to_hex(prk), row.at("prk").get<std::string>());
    Bytes out(row.at("L").get<std::size_t>());
    crypto::hkdf_expand(prk, hex(row, "info"), out);
    EXPECT_EQ(to_hex(out), row.at("okm").get<std::string>());
    tally.ran();
  }
  const Json chacha = vectors::load("rfc/rfc8439_chacha20_poly1305.json");
  for (const auto& row : chacha.at("aead")) {
    const Bytes sealed =
        crypto::chacha20poly1305_seal(fixed_hex<32>(row, "key"), fixed_hex<12>(row, "nonce"),
                                      hex(row, "aad"), hex(row, "plaintext"));
    EXPECT_EQ(to_hex(sealed),
              row.at("ciphertext").get<std::string>() + row.at("tag").get<std::string>());
    tally.ran();
  }
  EXPECT_EQ(tally.run(), tally.total());
}

}  // namespace
}  // namespace weft
