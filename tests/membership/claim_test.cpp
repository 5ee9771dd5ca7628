#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "base/wire.hpp"
#include "overlay/membership/claim.hpp"

namespace weft::membership {
namespace {

struct ClaimTest : ::testing::Test {
  ClaimTest() { network.bytes[3] = 9; }
  Claim claim_of(const Identity& who) const {
    Claim claim;
    claim.node = who.id;
    claim.incarnation = 77;
    claim.flags = 0x101;
    claim.addresses = {UdpAddress{Endpoint::v4(0x0a000001, 4000)},
                       WssAddress{"relay.example", 443, "/weft"}};
    claim.key = Certificate::issue(who, network, crypto::Key32{5}, 3, 1'800'000'000);
    sign(claim, network, RealNotary(who.key));
    return claim;
  }
  SeededRng rng{3};
  Identity ann = Identity::from_seed(rng.bytes<32>());
  Identity bob = Identity::from_seed(rng.bytes<32>());
  NetworkId network;
};

TEST_F(ClaimTest, ItsWordComesThroughWhole) {
  const Claim claim = claim_of(ann);
  const auto word = decode_word(claim.raw);
  ASSERT_TRUE(word.has_value()) << word.error().detail;
  const auto& read = std::get<Claim>(*word);
  EXPECT_EQ(read.node, ann.id);
  EXPECT_EQ(read.kind, ClaimKind::Alive);
  EXPECT_EQ(read.incarnation, 77u);
  EXPECT_EQ(read.flags, 0x101);
  EXPECT_EQ(read.addresses, claim.addresses);
  ASSERT_TRUE(read.key.has_value());
  EXPECT_EQ(read.key->static_key, claim.key->static_key);
  EXPECT_EQ(read.key->epoch, 3u);
  EXPECT_EQ(read.key->not_after, claim.key->not_after);
  EXPECT_EQ(read.raw, claim.raw);
  EXPECT_TRUE(genuine(read, ann.public_key(), network, RealNotary(bob.key)));
}

TEST_F(ClaimTest, ItsBytesAreThese) {
  Claim claim;
  claim.node = ann.id;
  claim.incarnation = 2;
  claim.addresses = {UdpAddress{Endpoint::v4(0x0a000001, 4000)}};
  sign(claim, network, RealNotary(ann.key));
  const std::string node = to_hex(ann.id.view());
  const std::string expected =
      "980101c420" + node + "0200" + "919301c4040a000001cd0fa0" + "90" + "c440";
  EXPECT_EQ(to_hex(claim.raw).substr(0, expected.size()), expected);
  EXPECT_EQ(claim.raw.size(), expected.size() / 2 + 64);
  Bytes text = to_bytes(bytes_of(std::string_view("weft member v1\0", 15)));
  append(text, network.view());
  text.push_back(0x97);
  append(text, ByteView(claim.raw).subspan(1, claim.raw.size() - 67));
  EXPECT_TRUE(crypto::ed25519_verify(ann.public_key(), text, claim.signature));
}

TEST_F(ClaimTest, AnotherNetworkOrKeyOrByteIsNotGenuine) {
  const Claim claim = claim_of(ann);
  const RealNotary notary(bob.key);
  NetworkId other = network;
  other.bytes[0] ^= 1;
  EXPECT_FALSE(genuine(claim, ann.public_key(), other, notary));
  EXPECT_FALSE(genuine(claim, bob.public_key(), network, notary));
  for (const std::size_t at : {std::size_t{10}, claim.raw.size() - 1}) {
    Bytes bad = claim.raw;
    bad[at] ^= 1;
    const auto word = decode_word(bad);
    ASSERT_TRUE(word.has_value());
    EXPECT_FALSE(genuine(std::get<Claim>(*word), ann.public_key(), network, notary));
  }
  EXPECT_TRUE(genuine(claim, ann.public_key(), network, notary));
}

TEST_F(ClaimTest, AnAccusationNamesItsAccuser) {
  Accusation accusation;
  accusation.subject = ann.id;
  accusation.incarnation = 5;
  accusation.accuser = bob.id;
  sign(accusation, network, RealNotary(bob.key));
  const auto word = decode_word(accusation.raw);
  ASSERT_TRUE(word.has_value());
  const auto& read = std::get<Accusation>(*word);
  EXPECT_EQ(read.subject, ann.id);
  EXPECT_EQ(read.accuser, bob.id);
  EXPECT_EQ(read.incarnation, 5u);
  EXPECT_TRUE(genuine(read, bob.public_key(), network, RealNotary(ann.key)));
  EXPECT_FALSE(genuine(read, ann.public_key(), network, RealNotary(ann.key)));
  EXPECT_LE(accusation.raw.size(), kMaxAccusation);
}

TEST_F(ClaimTest, WhatIsTooMuchIsRefused) {
  const auto with = [&](Incarnation incarnation) {
    Claim claim;
    claim.node = ann.id;
    claim.incarnation = incarnation;
    sign(claim, network, RealNotary(ann.key));
    return decode_word(claim.raw).has_value();
  };
  EXPECT_TRUE(with(1));
  EXPECT_TRUE(with(kHighestIncarnation));
  EXPECT_FALSE(with(0));
  EXPECT_FALSE(with(kHighestIncarnation + 1));
  EXPECT_FALSE(with(Incarnation{1} << 63));
  Bytes longer = claim_of(ann).raw;
  longer.push_back(0);
  EXPECT_FALSE(decode_word(longer).has_value());
  EXPECT_FALSE(decode_word({}).has_value());
}

TEST_F(ClaimTest, LongAddressesGiveWaySoThatItFits) {
  Claim claim;
  claim.node = ann.id;
  claim.incarnation = 1;
  const WssAddress wide{std::string(200, 'a'), 443, "/" + std::string(100, 'b')};
  claim.addresses = {UdpAddress{Endpoint::v4(0x0a000001, 4000)}, wide, wide, wide};
  claim.key = Certificate::issue(ann, network, crypto::Key32{5}, 3, 1'800'000'000);
  sign(claim, network, RealNotary(ann.key));
  EXPECT_LE(claim.raw.size(), kMaxClaim);
  const auto word = decode_word(claim.raw);
  ASSERT_TRUE(word.has_value());
  EXPECT_EQ(std::get<Claim>(*word).addresses.front(), claim.addresses.front());
}

TEST_F(ClaimTest, GoneCountsOverAliveAndHigherOverBoth) {
  Claim claim;
  claim.incarnation = 5;
  EXPECT_TRUE(claim.newer_than(4, ClaimKind::Left));
  EXPECT_FALSE(claim.newer_than(5, ClaimKind::Alive));
  EXPECT_FALSE(claim.newer_than(5, ClaimKind::Left));
  claim.kind = ClaimKind::Left;
  EXPECT_TRUE(claim.newer_than(5, ClaimKind::Alive));
  EXPECT_FALSE(claim.newer_than(6, ClaimKind::Alive));
}

}  // namespace
}  // namespace weft::membership
