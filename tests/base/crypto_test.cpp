// The primitives against the RFCs' own examples, so that they are checked on machines without the
// vector files; the files themselves are run by wycheproof_test.
#include "base/crypto.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::crypto {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }
template <std::size_t N>
ByteArray<N> fixed(std::string_view text) {
  return to_array<N>(hex(text)).value();
}

TEST(Sha256, EmptyAndAbcAreAsInFips180) {
  EXPECT_EQ(to_hex(sha256(ByteView{})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256({bytes_of("a"), bytes_of(""), bytes_of("bc")})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hkdf, Rfc5869AppendixA1AndA3) {
  const Bytes ikm(22, 0x0b);
  Hash prk = hkdf_extract(hex("000102030405060708090a0b0c"), ikm);
  EXPECT_EQ(to_hex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  Bytes okm(42);
  hkdf_expand(prk, hex("f0f1f2f3f4f5f6f7f8f9"), okm);
  EXPECT_EQ(to_hex(okm),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  prk = hkdf_extract({}, ikm);
  hkdf_expand(prk, {}, okm);
  EXPECT_EQ(to_hex(okm),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, NoisesFormIsRfc5869WithoutInfo) {
  SeededRng rng(1);
  const Hash ck = rng.bytes<32>();
  const auto ikm = rng.bytes<48>();
  ByteArray<96> expected;
  hkdf_expand(hkdf_extract(ck, ikm), {}, expected);
  const auto two = noise_hkdf2(ck, ikm);
  const auto three = noise_hkdf3(ck, ikm);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto part = ByteView(expected).subspan(32 * i, 32);
    EXPECT_TRUE(equal(three[i], part));
    if (i < 2) {
      EXPECT_TRUE(equal(two[i], part));
    }
  }
}

TEST(Hkdf, LabelsAreAsInRfc9001AppendixA1) {
  const auto secret = hex("c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea");
  Bytes key(16);
  Bytes iv(12);
  Bytes hp(16);
  expand_label(secret, "quic key", key);
  expand_label(secret, "quic iv", iv);
  expand_label(secret, "quic hp", hp);
  EXPECT_EQ(to_hex(key), "1f369613dd76d5467730efcbe3b1a22d");
  EXPECT_EQ(to_hex(iv), "fa044b2f42a3fd3b46fb255c");
  EXPECT_EQ(to_hex(hp), "9f50449e04a0e810283a1e9933adedd2");
}

// RFC 7748 6.1 and 5.2.
TEST(X25519, Rfc7748) {
  const auto a = X25519KeyPair::from_secret(
      fixed<32>("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const auto b = X25519KeyPair::from_secret(
      fixed<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  EXPECT_EQ(to_hex(a.public_key),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(x25519(a.secret, b.public_key).value()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(x25519(a.secret, b.public_key), x25519(b.secret, a.public_key));
  Key32 k{9};
  Key32 u{9};
  for (int i = 0; i < 1000; ++i) {
    const Key32 next = x25519(k, u).value();
    u = k;
    k = next;
  }
  EXPECT_EQ(to_hex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, LowOrderPointsGiveNothing) {
  const Key32 secret{1, 2, 3};
  EXPECT_FALSE(x25519(secret, Key32{}));
  EXPECT_FALSE(x25519(secret, Key32{1}));
  EXPECT_TRUE(x25519(secret, Key32{9}));
}

// RFC 8032 7.1, test 2.
TEST(Ed25519, Rfc8032) {
  const auto key = Ed25519KeyPair::from_seed(
      fixed<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(key.public_key),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Bytes message = hex("72");
  auto signature = ed25519_sign(key, message);
  EXPECT_EQ(to_hex(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(ed25519_verify(key.public_key, message, signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    auto forged = signature;
    forged[i] ^= 1;
    EXPECT_FALSE(ed25519_verify(key.public_key, message, forged)) << "byte " << i;
  }
  EXPECT_FALSE(ed25519_verify(key.public_key, hex("73"), signature));
}

// RFC 8439 2.8.2.
TEST(ChaCha20Poly1305, Rfc8439) {
  const auto key = fixed<32>("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const auto nonce = fixed<12>("070000004041424344454647");
  const auto ad = hex("50515253c0c1c2c3c4c5c6c7");
  const auto plaintext = bytes_of(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
      "future, sunscreen would be it.");
  const Bytes sealed = chacha20poly1305_seal(key, nonce, ad, plaintext);
  EXPECT_EQ(to_hex(ByteView(sealed).first(16)), "d31a8d34648e60db7b86afbc53ef7ec2");
  EXPECT_EQ(to_hex(ByteView(sealed).last(16)), "1ae10b594f09e26a7e902ecbd0600691");
  EXPECT_EQ(chacha20poly1305_open(key, nonce, ad, sealed), to_bytes(plaintext));
}

// The one-shot AEADs refuse every flipped byte, truncation and other associated data.
template <class Seal, class Open>
void check_refusals(Seal seal, Open open) {
  SeededRng rng(3);
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 100u}) {
    Bytes plaintext(size);
    rng.fill(plaintext);
    const Bytes ad = to_bytes(bytes_of("ad"));
    const Bytes sealed = seal(ad, plaintext);
    ASSERT_EQ(sealed.size(), size + kTagSize);
    ASSERT_EQ(open(ad, sealed), plaintext);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      Bytes bad = sealed;
      bad[i] ^= 0x80;
      EXPECT_FALSE(open(ad, bad));
    }
    for (std::size_t n = 0; n < sealed.size(); ++n)
      EXPECT_FALSE(open(ad, to_bytes(ByteView(sealed).first(n))));
    EXPECT_FALSE(open(Bytes{}, sealed));
  }
}

TEST(Aead, RefusesWhatWasNotSealed) {
  SeededRng rng(4);
  const Key32 key = rng.bytes<32>();
  const auto nonce = rng.bytes<12>();
  const auto long_nonce = rng.bytes<24>();
  check_refusals(
      [&](const Bytes& ad, const Bytes& p) { return aes256gcm_seal(key, nonce, ad, p); },
      [&](const Bytes& ad, const Bytes& c) { return aes256gcm_open(key, nonce, ad, c); });
  check_refusals(
      [&](const Bytes& ad, const Bytes& p) { return chacha20poly1305_seal(key, nonce, ad, p); },
      [&](const Bytes& ad, const Bytes& c) { return chacha20poly1305_open(key, nonce, ad, c); });
  check_refusals(
      [&](const Bytes& ad, const Bytes& p) {
        Bytes out(p.size() + kTagSize);
        xchacha20poly1305_seal(key, long_nonce, ad, p, out);
        return out;
      },
      [&](const Bytes& ad, const Bytes& c) -> std::optional<Bytes> {
        Bytes out(c.size() < kTagSize ? 0 : c.size() - kTagSize);
        if (!xchacha20poly1305_open(key, long_nonce, ad, c, out)) return std::nullopt;
        return out;
      });
}

// The SipHash paper, appendix A: key 00..0f, input 00..0e.
TEST(SipHash, PaperExample) {
  ByteArray<16> key;
  Bytes input;
  for (std::size_t i = 0; i < 16; ++i) key[i] = static_cast<std::uint8_t>(i);
  for (std::uint8_t i = 0; i < 15; ++i) input.push_back(i);
  EXPECT_EQ(to_hex(siphash24(key, input)), "e545be4961ca29a1");
}

TEST(EqualConstantTime, ComparesContentAndLength) {
  EXPECT_TRUE(equal_constant_time(hex("0102"), hex("0102")));
  EXPECT_FALSE(equal_constant_time(hex("0102"), hex("0103")));
  EXPECT_FALSE(equal_constant_time(hex("0102"), hex("010203")));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Wipe, OverwritesWithZeros) {
  Bytes secret = hex("c0ffee");
  wipe(secret);
  EXPECT_EQ(secret, hex("000000"));
}

}  // namespace
}  // namespace weft::crypto
