#include "base/identity.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "base/wire.hpp"

namespace weft {
namespace {

constexpr UnixTime kNow = 1'800'000'000;

class CertificateTest : public ::testing::Test {
 protected:
  CertificateTest() {
    network_.bytes = rng_.bytes<32>();
    identity_ = Identity::generate(rng_);
    key_ = crypto::X25519KeyPair::generate(rng_);
    certificate_ = Certificate::issue(identity_, network_, key_.public_key, 42, kNow);
  }

  // A certificate of odd fields, properly signed: only decode's own rules can refuse it.
  Bytes signed_fields(std::uint64_t version, std::uint64_t not_before, std::uint64_t not_after) {
    const auto fields = [&](std::size_t count) {
      wire::Writer out;
      out.array(count).uint(version).bin(network_.bytes).bin(identity_.public_key());
      out.bin(key_.public_key).uint(42).uint(not_before).uint(not_after);
      return out;
    };
    Bytes message = to_bytes(bytes_of("weft static v1"));
    message.push_back(0);
    append(message, fields(7).bytes());
    return fields(8).bin(crypto::ed25519_sign(identity_.key, message)).take();
  }

  static Errc refusal(ByteView bytes) {
    const auto decoded = Certificate::decode(bytes);
    EXPECT_FALSE(decoded);
    return decoded ? Errc::Usage : decoded.error().code;
  }

  SeededRng rng_{1};
  NetworkId network_;
  Identity identity_;
  crypto::X25519KeyPair key_;
  Certificate certificate_;
};

TEST(Identity, NodeIdIsTheDomainSeparatedHashOfTheKey) {
  const auto identity = Identity::from_seed(ByteArray<32>{7});
  Bytes input = to_bytes(bytes_of("weft node v1"));
  input.push_back(0);
  append(input, identity.public_key());
  EXPECT_EQ(identity.id.bytes, crypto::sha256(input));
  EXPECT_EQ(identity.id, node_id_of(identity.public_key()));
  EXPECT_EQ(Identity::from_seed(ByteArray<32>{7}).id, identity.id);
  EXPECT_NE(Identity::from_seed(ByteArray<32>{8}).id, identity.id);
}

TEST_F(CertificateTest, RoundTrip) {
  const Bytes encoded = certificate_.encode();
  EXPECT_LE(encoded.size(), kMaxCertificateSize);
  const auto decoded = Certificate::decode(encoded);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(decoded->encode(), encoded);
  EXPECT_EQ(decoded->network, network_);
  EXPECT_EQ(decoded->identity, identity_.public_key());
  EXPECT_EQ(decoded->static_key, key_.public_key);
  EXPECT_EQ(decoded->epoch, 42u);
  EXPECT_EQ(decoded->not_before, kNow);
  EXPECT_EQ(decoded->not_after, kNow + kCertificateLifetime);
  EXPECT_EQ(decoded->node(), identity_.id);
  EXPECT_TRUE(decoded->check(network_, key_.public_key, kNow));
}

// The bytes of docs/wire/certificate.md.
TEST(Certificate, BytesAreAsDocumented) {
  const auto identity = Identity::from_seed(ByteArray<32>{1});
  const auto certificate = Certificate::issue(identity, NetworkId{ByteArray<32>{2}},
                                              crypto::Key32{3}, 1'800'000'000, 1'800'000'000);
  const Bytes encoded = certificate.encode();
  EXPECT_EQ(encoded.size(), 185u);
  EXPECT_EQ(to_hex(ByteView(encoded).first(4)), "9801c420");
  EXPECT_EQ(to_hex(crypto::sha256(encoded)),
            "7b8e1316bf0990de44d45f4e177e8a70b610e827627a42e1436ac2ad65ab7d4d");
}

TEST_F(CertificateTest, EveryFlippedBitIsRefused) {
  const Bytes good = certificate_.encode();
  ASSERT_TRUE(Certificate::decode(good));
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ 1 << bit);
      EXPECT_FALSE(Certificate::decode(bad)) << "byte " << i << " bit " << bit;
    }
}

TEST_F(CertificateTest, EveryTruncationAndTrailingByteIsRefused) {
  Bytes good = certificate_.encode();
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_FALSE(Certificate::decode(ByteView(good).first(n)));
  good.push_back(0);
  EXPECT_EQ(refusal(good), Errc::NonCanonical);
  EXPECT_EQ(refusal(Bytes(kMaxCertificateSize + 1, 0x98)), Errc::TooLarge);
}

// Equal meaning in longer bytes: the signature would verify, the encoding must not.
TEST_F(CertificateTest, OtherEncodingsOfTheSameFieldsAreNonCanonical) {
  const Bytes good = certificate_.encode();
  Bytes longer{0xdc, 0, 8};  // array16
  append(longer, ByteView(good).subspan(1));
  EXPECT_EQ(refusal(longer), Errc::NonCanonical);
  longer = {0x98, 0xcc, 1};  // version as uint8
  append(longer, ByteView(good).subspan(2));
  EXPECT_EQ(refusal(longer), Errc::NonCanonical);
  longer = {0x98, 0x01, 0xc5, 0, 32};  // network as bin16
  append(longer, ByteView(good).subspan(4));
  EXPECT_EQ(refusal(longer), Errc::NonCanonical);
}

TEST_F(CertificateTest, FieldsThatMakeNoSenseAreRefusedThoughSigned) {
  const auto now = static_cast<std::uint64_t>(kNow);
  const auto lifetime = static_cast<std::uint64_t>(kCertificateLifetime);
  EXPECT_TRUE(Certificate::decode(signed_fields(1, now, now + lifetime)));  // the control
  EXPECT_EQ(refusal(signed_fields(2, now, now + lifetime)), Errc::Unsupported);
  EXPECT_EQ(refusal(signed_fields(1, now, now + lifetime + 1)), Errc::Malformed);
  EXPECT_EQ(refusal(signed_fields(1, now, now - 1)), Errc::Malformed);
  EXPECT_EQ(refusal(signed_fields(1, ~0ULL, ~0ULL)), Errc::Malformed);
}

TEST_F(CertificateTest, SomebodyElsesSignatureIsRefused) {
  auto forged = certificate_;
  forged.identity = Identity::generate(rng_).public_key();
  EXPECT_EQ(refusal(forged.encode()), Errc::BadSignature);
}

TEST_F(CertificateTest, CheckKnowsNetworkKeyAndTime) {
  const auto code = [&](const Result<void>& result) {
    return result ? Errc::Usage : result.error().code;
  };
  NetworkId other = network_;
  other.bytes[0] ^= 1;
  EXPECT_EQ(code(certificate_.check(other, key_.public_key, kNow)), Errc::WrongNetwork);
  auto key = key_.public_key;
  key[31] ^= 1;
  EXPECT_EQ(code(certificate_.check(network_, key, kNow)), Errc::BadKey);
  const auto at = [&](UnixTime now) { return certificate_.check(network_, key_.public_key, now); };
  EXPECT_TRUE(at(kNow - kClockSkew));
  EXPECT_EQ(code(at(kNow - kClockSkew - 1)), Errc::NotYetValid);
  EXPECT_TRUE(at(certificate_.not_after + kClockSkew));
  EXPECT_EQ(code(at(certificate_.not_after + kClockSkew + 1)), Errc::Expired);
}

}  // namespace
}  // namespace weft
