// The packet seam against RFC 9001 appendix A, in place, across backends.
#include "base/packet_cipher.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "base/seeded_rng.hpp"
#include "tests/harness/vectors.hpp"

namespace weft {
namespace {

using Suite = PacketCipherSuite;
using Direction = PacketCipher::Direction;

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// RFC 9001 A.5: a short packet under ChaCha20-Poly1305.
TEST(PacketCipher, Rfc9001ChaChaShortHeader) {
  const auto secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
  Bytes key(32);
  Bytes hp(32);
  crypto::expand_label(secret, "quic key", key);
  crypto::expand_label(secret, "quic hp", hp);
  const auto nonce = hex("e0459b3474bdd0e46d417eb0");
  const auto header = hex("4200bff4");
  Bytes out(17);
  ASSERT_TRUE(PacketCipher::create(Suite::ChaCha20Poly1305, key, Direction::Seal)
                  ->seal(out, hex("01"), nonce, header));
  EXPECT_EQ(to_hex(out), "655e5cd55c41f69080575d7999c25a5bfb");
  ByteArray<5> mask;
  ASSERT_TRUE(
      HeaderProtection::create(Suite::ChaCha20Poly1305, hp)->mask(mask, ByteView(out).subspan(1)));
  EXPECT_EQ(to_hex(mask), "aefefe7d03");
}

// RFC 9001 A.2 and A.3: header protection of the Initials.
TEST(HeaderProtection, Rfc9001Initials) {
  ByteArray<5> mask;
  const auto client =
      HeaderProtection::create(Suite::Aes128Gcm, hex("9f50449e04a0e810283a1e9933adedd2"));
  ASSERT_TRUE(client->mask(mask, hex("d1b1c98dd7689fb8ec11d242b123dc9b")));
  EXPECT_EQ(to_hex(mask), "437b9aec36");
  ASSERT_TRUE(client->mask(mask, hex("d1b1c98dd7689fb8ec11d242b123dc9b")));
  EXPECT_EQ(to_hex(mask), "437b9aec36") << "a context is reused";
  EXPECT_FALSE(client->mask(mask, hex("d1b1c98dd7689fb8ec11d242b123dc")));
  const auto server =
      HeaderProtection::create(Suite::Aes128Gcm, hex("c206b8d9b9f0f37644430b490eeaa314"));
  ASSERT_TRUE(server->mask(mask, hex("2cd0991cd25b0aac406a5816b6394100")));
  EXPECT_EQ(to_hex(mask), "2ec0d8356a");
}

// A whole protected packet of appendix A, rebuilt from its parts and taken apart again.
void check_packet(const vectors::Json& side, const Bytes& payload) {
  const Bytes header = vectors::hex(side, "header");
  Bytes nonce = vectors::hex(side, "iv");
  nonce.back() ^= side.at("pn").get<std::uint8_t>();
  Bytes body(payload.size() + PacketCipher::kTagSize);
  const Bytes key = vectors::hex(side, "key");
  ASSERT_TRUE(PacketCipher::create(Suite::Aes128Gcm, key, Direction::Seal)
                  ->seal(body, payload, nonce, header));
  const std::size_t pn_size = (header[0] & 3u) + 1;
  ByteArray<5> mask;
  ASSERT_TRUE(HeaderProtection::create(Suite::Aes128Gcm, vectors::hex(side, "hp"))
                  ->mask(mask, ByteView(body).subspan(4 - pn_size)));
  EXPECT_EQ(to_hex(mask), side.at("mask").get<std::string>());
  Bytes packet = header;
  packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0f));
  for (std::size_t i = 0; i < pn_size; ++i) packet[header.size() - pn_size + i] ^= mask[1 + i];
  append(packet, body);
  EXPECT_EQ(to_hex(packet), side.at("packet").get<std::string>());
  Bytes opened(payload.size());
  ASSERT_TRUE(PacketCipher::create(Suite::Aes128Gcm, key, Direction::Open)
                  ->open(opened, body, nonce, header));
  EXPECT_EQ(opened, payload);
}

TEST(PacketCipher, Rfc9001AppendixAFile) {
  const std::string file = "quic/rfc9001_appendix_a.json";
  WEFT_NEED_VECTORS(file);
  const auto all = vectors::load(file);
  vectors::Tally tally(file, 4);
  Bytes payload = vectors::hex(all.at("client"), "crypto_frame");
  payload.resize(all.at("client").at("payload_len").get<std::size_t>());
  check_packet(all.at("client"), payload);
  tally.ran();
  check_packet(all.at("server"), vectors::hex(all.at("server"), "payload"));
  tally.ran();
  const auto& retry = all.at("retry");
  const Bytes packet = vectors::hex(retry, "packet");
  const Bytes odcid = vectors::hex(retry, "odcid");
  Bytes pseudo{static_cast<std::uint8_t>(odcid.size())};
  append(pseudo, odcid);
  append(pseudo, ByteView(packet).first(packet.size() - 16));
  Bytes tag(16);
  ASSERT_TRUE(PacketCipher::create(Suite::Aes128Gcm, vectors::hex(retry, "key"), Direction::Seal)
                  ->seal(tag, {}, vectors::hex(retry, "nonce"), pseudo));
  EXPECT_EQ(to_hex(tag), to_hex(ByteView(packet).last(16)));
  tally.ran();
  const auto& chacha = all.at("chacha20_short_header");
  Bytes opened(1);
  ASSERT_TRUE(
      PacketCipher::create(Suite::ChaCha20Poly1305, vectors::hex(chacha, "key"), Direction::Open)
          ->open(opened, vectors::hex(chacha, "ciphertext"), vectors::hex(chacha, "nonce"),
                 vectors::hex(chacha, "header")));
  EXPECT_EQ(to_hex(opened), chacha.at("plaintext").get<std::string>());
  Bytes ku(32);
  crypto::expand_label(vectors::hex(chacha, "secret"), "quic ku", ku);
  EXPECT_EQ(to_hex(ku), chacha.at("ku").get<std::string>());
  tally.ran();
}

struct Case {
  Suite suite;
  PacketCipherBackend backend;
};

class PacketCiphers : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!set_packet_cipher_backend(GetParam().backend)) GTEST_SKIP() << "backend not built in";
    key_.resize(key_size(GetParam().suite));
    rng_.fill(key_);
    sealer_ = PacketCipher::create(GetParam().suite, key_, Direction::Seal);
    opener_ = PacketCipher::create(GetParam().suite, key_, Direction::Open);
  }
  void TearDown() override { set_packet_cipher_backend(before_); }

  PacketCipherBackend before_ = packet_cipher_backend();
  SeededRng rng_{5};
  Bytes key_;
  std::unique_ptr<PacketCipher> sealer_;
  std::unique_ptr<PacketCipher> opener_;
};

// One keyed context, many packets of all sizes, in place and apart; the other backend agrees.
TEST_P(PacketCiphers, SealsInPlaceAndAgreesWithTheOtherBackend) {
  ASSERT_TRUE(set_packet_cipher_backend(PacketCipherBackend::OpenSsl));
  const auto reference = PacketCipher::create(GetParam().suite, key_, Direction::Seal);
  for (std::size_t size = 0; size < 1500; size += size < 70 ? 1 : 61) {
    Bytes plaintext(size);
    rng_.fill(plaintext);
    const auto nonce = rng_.bytes<12>();
    Bytes ad(static_cast<std::size_t>(rng_.uniform(40)));
    rng_.fill(ad);
    Bytes in_place = plaintext;
    in_place.resize(size + PacketCipher::kTagSize);
    ASSERT_TRUE(sealer_->seal(in_place, ByteView(in_place).first(size), nonce, ad));
    Bytes apart(size + PacketCipher::kTagSize);
    ASSERT_TRUE(reference->seal(apart, plaintext, nonce, ad));
    ASSERT_EQ(in_place, apart) << size;
    Bytes opened(size);
    ASSERT_TRUE(opener_->open(opened, apart, nonce, ad));
    ASSERT_EQ(opened, plaintext);
    ASSERT_TRUE(opener_->open(MutableByteView(in_place).first(size), in_place, nonce, ad));
    ASSERT_TRUE(equal(ByteView(in_place).first(size), plaintext));
  }
}

// A refusal leaves the context good for the next packet.
TEST_P(PacketCiphers, RefusesEveryFlippedByteAndGoesOn) {
  const auto nonce = rng_.bytes<12>();
  const auto ad = rng_.bytes<20>();
  const Bytes plaintext(50, 0x42);
  Bytes sealed(plaintext.size() + PacketCipher::kTagSize);
  ASSERT_TRUE(sealer_->seal(sealed, plaintext, nonce, ad));
  Bytes opened(plaintext.size());
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes bad = sealed;
    bad[i] ^= 1;
    EXPECT_FALSE(opener_->open(opened, bad, nonce, ad));
    ASSERT_TRUE(opener_->open(opened, sealed, nonce, ad));
  }
  auto other_ad = ad;
  other_ad[0] ^= 1;
  EXPECT_FALSE(opener_->open(opened, sealed, nonce, other_ad));
  auto other_nonce = nonce;
  other_nonce[11] ^= 1;
  EXPECT_FALSE(opener_->open(opened, sealed, other_nonce, ad));
  for (std::size_t n = 0; n < PacketCipher::kTagSize; ++n)
    EXPECT_FALSE(opener_->open(opened, ByteView(sealed).first(n), nonce, ad));
}

INSTANTIATE_TEST_SUITE_P(Each, PacketCiphers,
                         ::testing::Values(Case{Suite::Aes256Gcm, PacketCipherBackend::OpenSsl},
                                           Case{Suite::Aes256Gcm, PacketCipherBackend::Gcrypt},
                                           Case{Suite::Aes128Gcm, PacketCipherBackend::OpenSsl},
                                           Case{Suite::ChaCha20Poly1305,
                                                PacketCipherBackend::OpenSsl}),
                         [](const auto& each) {
                           std::string name = std::string(name_of(each.param.suite)) + "_" +
                                              std::string(name_of(each.param.backend));
                           std::erase(name, '-');
                           return name;
                         });

TEST(PacketCipher, NamesAndKeySizes) {
  EXPECT_EQ(name_of(Suite::Aes256Gcm), "AES-256-GCM");
  EXPECT_EQ(key_size(Suite::Aes256Gcm), 32u);
  EXPECT_EQ(key_size(Suite::ChaCha20Poly1305), 32u);
  EXPECT_EQ(key_size(Suite::Aes128Gcm), 16u);
}

}  // namespace
}  // namespace weft
