#include "base/sealed.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::sealed {
namespace {

constexpr UnixTime kNow = 1'800'000'000;

// Counts what a datagram makes us compute.
class CountingCrypto final : public Crypto {
 public:
  std::optional<SharedKey> shared_key(const crypto::Key32& own_secret,
                                      const crypto::Key32& peer_static,
                                      const NetworkId& network) const override {
    ++dh;
    return real_crypto().shared_key(own_secret, peer_static, network);
  }
  Result<Certificate> certificate(ByteView bytes) const override {
    ++signatures;
    return real_crypto().certificate(bytes);
  }
  ByteArray<kGateSize> gate(const GateKey& key, ByteView datagram) const override {
    return real_crypto().gate(key, datagram);
  }
  void seal(const SharedKey& key, const Nonce& nonce, ByteView ad, ByteView plaintext,
            MutableByteView out) const override {
    real_crypto().seal(key, nonce, ad, plaintext, out);
  }
  bool open(const SharedKey& key, const Nonce& nonce, ByteView ad, ByteView ciphertext,
            MutableByteView out) const override {
    return real_crypto().open(key, nonce, ad, ciphertext, out);
  }
  mutable int dh = 0;
  mutable int signatures = 0;
};

struct Node {
  Identity identity;
  crypto::X25519KeyPair key;
  Bytes certificate;
  GateKey gate;
};

class SealedTest : public ::testing::Test {
 protected:
  SealedTest() {
    network_.bytes = rng_.bytes<32>();
    network_secret_ = rng_.bytes<32>();
    alice_ = make_node();
    bob_ = make_node();
    key_ = *real_crypto().shared_key(alice_.key.secret, bob_.key.public_key, network_);
  }

  Node make_node() {
    Node out;
    out.identity = Identity::generate(rng_);
    out.key = crypto::X25519KeyPair::generate(rng_);
    out.certificate =
        Certificate::issue(out.identity, network_, out.key.public_key, 7, kNow).encode();
    out.gate = gate_key(network_secret_, out.identity.public_key());
    return out;
  }

  Direction to_bob() const { return {network_, alice_.identity.id, bob_.identity.id}; }

  Outgoing message(bool hello, std::string_view body = "find_node") {
    Outgoing out;
    out.body = bytes_of(body);
    out.nonce = rng_.bytes<24>();
    out.sender_static = alice_.key.public_key;
    if (hello) out.hello_certificate = alice_.certificate;
    return out;
  }

  Bytes seal_to_bob(const Outgoing& out) {
    return *seal(real_crypto(), key_, bob_.gate, to_bob(), out);
  }

  // The receive path as PeerKeys' owner does it; the Errc of the first refusal.
  Result<Opened> receive(ByteView datagram, const Crypto& crypto = real_crypto(),
                         UnixTime now = kNow) {
    WEFT_TRY(const Incoming in, parse(datagram));
    if (!gate_matches(crypto, bob_.gate, in)) return fail(Errc::AuthFailed, "gate");
    Direction direction = to_bob();
    SharedKey key = key_;
    if (in.hello()) {
      direction.sender = NodeId{};
      const auto shared = crypto.shared_key(bob_.key.secret, *in.hello_static, network_);
      if (!shared) return fail(Errc::BadKey);
      key = *shared;
    } else if (in.sender != key_id_of(alice_.key.public_key)) {
      return fail(Errc::NotFound);
    }
    return open(crypto, key, direction, in, now);
  }

  SeededRng rng_{1};
  NetworkId network_;
  ByteArray<32> network_secret_{};
  Node alice_;
  Node bob_;
  SharedKey key_{};
};

TEST_F(SealedTest, HelloTellsWhoSpeaks) {
  const auto opened = receive(seal_to_bob(message(true)));
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->sender, alice_.identity.id);
  ASSERT_TRUE(opened->certificate);
  EXPECT_EQ(opened->certificate->encode(), alice_.certificate);
  EXPECT_EQ(text_of(opened->body), "find_node");
  EXPECT_FALSE(opened->answers);
}

TEST_F(SealedTest, KeyIdIsEnoughLater) {
  const auto opened = receive(seal_to_bob(message(false)));
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->sender, alice_.identity.id);
  EXPECT_FALSE(opened->certificate);
  EXPECT_EQ(text_of(opened->body), "find_node");
}

TEST_F(SealedTest, ReplyNamesTheRequestsNonce) {
  auto out = message(false);
  out.answers = rng_.bytes<24>();
  const auto opened = receive(seal_to_bob(out));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->answers, out.answers);
}

TEST_F(SealedTest, SizesAreAsAnnounced) {
  for (const bool hello : {false, true})
    for (const bool reply : {false, true}) {
      auto out = message(hello);
      if (reply) out.answers = rng_.bytes<24>();
      const auto expected = overhead(reply, out.hello_certificate.size()) + out.body.size();
      EXPECT_EQ(seal_to_bob(out).size(), expected);
      out.pad_to = kPaddedRequest;
      const Bytes padded = seal_to_bob(out);
      EXPECT_EQ(padded.size(), kPaddedRequest);
      EXPECT_TRUE(receive(padded));
    }
}

TEST_F(SealedTest, TooLargeIsRefusedAndTheLimitIsNot) {
  auto out = message(false);
  const Bytes body(kMaxDatagram - overhead(false, 0) + 1, 0xab);
  out.body = ByteView(body).first(body.size() - 1);
  EXPECT_EQ(seal_to_bob(out).size(), kMaxDatagram);
  EXPECT_TRUE(receive(seal_to_bob(out)));
  out.body = body;
  EXPECT_EQ(seal(real_crypto(), key_, bob_.gate, to_bob(), out).error().code, Errc::TooLarge);
  EXPECT_EQ(parse(Bytes(kMaxDatagram + 1, 4)).error().code, Errc::TooLarge);
}

// Every byte flipped: refused, and before any DH, because the gate covers all of them.
TEST_F(SealedTest, EveryFlippedByteIsRefusedBeforeAnyDh) {
  for (const bool hello : {false, true}) {
    const Bytes good = seal_to_bob(message(hello));
    ASSERT_TRUE(receive(good));
    const CountingCrypto crypto;
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes bad = good;
      bad[i] ^= 0x40;
      EXPECT_FALSE(receive(bad, crypto)) << "byte " << i;
    }
    EXPECT_EQ(crypto.dh, 0);
    EXPECT_EQ(crypto.signatures, 0);
  }
}

// Someone inside the network can compute gates: then the box itself must hold.
TEST_F(SealedTest, EveryFlippedByteIsRefusedAlsoWithTheGateMendedByAMember) {
  for (const bool hello : {false, true}) {
    const Bytes good = seal_to_bob(message(hello));
    for (std::size_t i = 0; i < good.size(); ++i) {
      if (i >= kGateOffset && i < kGateOffset + kGateSize) continue;
      Bytes bad = good;
      bad[i] ^= 0x40;
      Bytes gateless = bad;
      std::fill_n(gateless.begin() + kGateOffset, kGateSize, std::uint8_t{0});
      const auto gate = real_crypto().gate(bob_.gate, gateless);
      std::ranges::copy(gate, bad.begin() + kGateOffset);
      EXPECT_FALSE(receive(bad)) << "byte " << i;
    }
  }
}

TEST_F(SealedTest, EveryTruncationIsRefused) {
  const Bytes good = seal_to_bob(message(true));
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(receive(ByteView(good).first(n)));
}

TEST_F(SealedTest, WithoutTheNetworkSecretNoGate) {
  const auto wrong = gate_key(rng_.bytes<32>(), bob_.identity.public_key());
  const Bytes sent = *seal(real_crypto(), key_, wrong, to_bob(), message(true));
  const CountingCrypto crypto;
  EXPECT_FALSE(receive(sent, crypto));
  EXPECT_EQ(crypto.dh, 0);
}

TEST_F(SealedTest, BoundToReceiverSenderAndNetwork) {
  const auto out = message(false);
  auto direction = to_bob();
  direction.receiver = alice_.identity.id;
  EXPECT_FALSE(receive(*seal(real_crypto(), key_, bob_.gate, direction, out)));
  direction = to_bob();
  direction.sender = bob_.identity.id;
  EXPECT_FALSE(receive(*seal(real_crypto(), key_, bob_.gate, direction, out)));
  direction = to_bob();
  direction.network.bytes[0] ^= 1;
  EXPECT_FALSE(receive(*seal(real_crypto(), key_, bob_.gate, direction, out)));
  EXPECT_TRUE(receive(seal_to_bob(out)));
}

// Both directions share one key; what Bob sent to Alice must not open as if Alice had sent it.
TEST_F(SealedTest, ReflectionIsRefused) {
  auto out = message(false);
  const Direction back{network_, bob_.identity.id, alice_.identity.id};
  const Bytes sent = *seal(real_crypto(), key_, bob_.gate, back, out);
  const auto in = parse(sent);
  ASSERT_TRUE(in);
  EXPECT_EQ(open(real_crypto(), key_, to_bob(), *in, kNow).error().code, Errc::AuthFailed);
  EXPECT_TRUE(open(real_crypto(), key_, back, *in, kNow));
}

TEST_F(SealedTest, KeysDifferBetweenNetworksAndAgreeBetweenEnds) {
  EXPECT_EQ(key_, *real_crypto().shared_key(bob_.key.secret, alice_.key.public_key, network_));
  NetworkId other = network_;
  other.bytes[31] ^= 1;
  EXPECT_NE(key_, *real_crypto().shared_key(alice_.key.secret, bob_.key.public_key, other));
  EXPECT_FALSE(real_crypto().shared_key(alice_.key.secret, crypto::Key32{}, network_));
}

TEST_F(SealedTest, HelloCertificateMustFitTheKeyTheNetworkAndTheTime) {
  const auto refusal = [&](const Bytes& certificate, UnixTime now = kNow) {
    auto out = message(true);
    out.hello_certificate = certificate;
    const auto opened = receive(seal_to_bob(out), real_crypto(), now);
    EXPECT_FALSE(opened);
    return opened ? Errc::Usage : opened.error().code;
  };
  EXPECT_EQ(refusal(bob_.certificate), Errc::BadKey);
  NetworkId other = network_;
  other.bytes[5] ^= 1;
  EXPECT_EQ(
      refusal(Certificate::issue(alice_.identity, other, alice_.key.public_key, 7, kNow).encode()),
      Errc::WrongNetwork);
  EXPECT_EQ(refusal(alice_.certificate, kNow + 31 * 86400), Errc::Expired);
  EXPECT_EQ(refusal(alice_.certificate, kNow - 3600), Errc::NotYetValid);
  Bytes forged = alice_.certificate;
  forged.back() ^= 1;
  EXPECT_EQ(refusal(forged), Errc::BadSignature);
}

// Only the very bytes that were verified, and all but the signature is judged anew.
TEST_F(SealedTest, ACertificateVerifiedBeforeIsNotVerifiedAgain) {
  const CountingCrypto crypto;
  const auto open_again = [&](const Outgoing& out, const CertificateHash& verified,
                              UnixTime now = kNow) {
    const Bytes sent = seal_to_bob(out);
    return open(crypto, key_, to_bob(), *parse(sent), now, verified);
  };
  const auto first = open_again(message(true), {});
  ASSERT_TRUE(first);
  EXPECT_EQ(crypto.signatures, 1);
  const auto second = open_again(message(true), first->certificate_hash);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->sender, alice_.identity.id);
  EXPECT_EQ(second->certificate_hash, first->certificate_hash);
  EXPECT_EQ(crypto.signatures, 1);
  EXPECT_EQ(open_again(message(true), first->certificate_hash, kNow + 31 * 86400).error().code,
            Errc::Expired);
  auto forged = message(true);
  Bytes certificate = alice_.certificate;
  certificate.back() ^= 1;
  forged.hello_certificate = certificate;
  EXPECT_EQ(open_again(forged, first->certificate_hash).error().code, Errc::BadSignature);
  EXPECT_EQ(crypto.signatures, 2);
}

TEST_F(SealedTest, UnknownFlagsAndVersionsAreUnsupported) {
  Bytes sent = seal_to_bob(message(false));
  sent[2] |= 0x04;
  EXPECT_EQ(parse(sent).error().code, Errc::Unsupported);
  sent[2] = 0;
  sent[1] = 2;
  EXPECT_EQ(parse(sent).error().code, Errc::Unsupported);
  sent[0] = 5;
  EXPECT_EQ(parse(sent).error().code, Errc::Malformed);
}

TEST(PeerKeys, ForgetsTheLeastRecentlyUsed) {
  SeededRng rng(2);
  PeerKeys keys(3);
  std::array<KeyId, 4> ids;
  for (auto& id : ids) id = key_id_of(rng.bytes<32>());
  const auto id = [&](std::size_t i) { return ids[i]; };
  for (std::size_t i = 0; i < 3; ++i) keys.insert(id(i), {});
  ASSERT_NE(keys.find(id(0)), nullptr);  // touched: now 1 is the oldest
  keys.insert(id(3), {});
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.find(id(1)), nullptr);
  EXPECT_NE(keys.find(id(0)), nullptr);
  EXPECT_NE(keys.find(id(2)), nullptr);
  EXPECT_NE(keys.find(id(3)), nullptr);
  keys.forget(id(3));
  EXPECT_EQ(keys.find(id(3)), nullptr);
  keys.insert(id(0), {});  // again: replaced, not doubled
  EXPECT_EQ(keys.size(), 2u);
  keys.clear();
  EXPECT_EQ(keys.size(), 0u);
}

}  // namespace
}  // namespace weft::sealed
