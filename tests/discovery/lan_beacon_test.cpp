#include "overlay/discovery/lan_beacon.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "dht/record.hpp"
#include "overlay/discovery/beacon_history.hpp"

namespace weft::discovery {
namespace {

constexpr UnixTime kNow = 1'800'000'000;

struct Lan {
  Lan() {
    network.bytes.fill(7);
    secret.fill(9);
    const Identity identity = Identity::generate(rng);
    const auto key = crypto::X25519KeyPair::generate(rng);
    self = {network, secret, Certificate::issue(identity, network, key.public_key, 1, kNow), 41820};
  }
  SeededRng rng{5};
  NetworkId network;
  ByteArray<32> secret{};
  LanIdentity self;
};

TEST(LanBeacon, TellsPortAndCertificateToMembers) {
  Lan lan;
  const Bytes beacon = LanBeacon::encode(lan.self, kNow, lan.rng);
  const auto read = LanBeacon::decode(lan.network, lan.secret, beacon);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sent, kNow);
  EXPECT_EQ(read->port, 41820);
  EXPECT_EQ(read->certificate.identity, lan.self.certificate.identity);
  EXPECT_LT(beacon.size(), 300U);
}

TEST(LanBeacon, ItsBytesStandWhereTheDocumentSays) {
  Lan lan;
  const Bytes beacon = LanBeacon::encode(lan.self, kNow, lan.rng);
  EXPECT_EQ(text_of(ByteView(beacon).first(4)), "WFL1");
  const auto plain = dht::open_value(dht::audience_key(lan.secret), NodeId{lan.network.bytes},
                                     ByteView(beacon).subspan(4));
  ASSERT_TRUE(plain);
  EXPECT_EQ(to_hex(ByteView(*plain).first(10)), "000000006b49d200a35c");
  EXPECT_EQ(to_hex(ByteView(*plain).subspan(10)), to_hex(lan.self.certificate.encode()));
}

TEST(LanBeacon, SaysNothingToStrangersAndIsNeverTheSameTwice) {
  Lan lan;
  const Bytes beacon = LanBeacon::encode(lan.self, kNow, lan.rng);
  ByteArray<32> other{};
  EXPECT_FALSE(LanBeacon::decode(lan.network, other, beacon));
  NetworkId elsewhere;
  elsewhere.bytes.fill(8);
  EXPECT_FALSE(LanBeacon::decode(elsewhere, lan.secret, beacon));
  EXPECT_NE(beacon, LanBeacon::encode(lan.self, kNow, lan.rng));
  // Neither the identity nor the network stands in it in clear.
  const auto contains = [&](ByteView part) { return !std::ranges::search(beacon, part).empty(); };
  EXPECT_FALSE(contains(lan.self.certificate.identity));
  EXPECT_FALSE(contains(lan.network.view()));
}

TEST(LanBeacon, DamagedOrCutIsRefused) {
  Lan lan;
  const Bytes beacon = LanBeacon::encode(lan.self, kNow, lan.rng);
  for (std::size_t i = 0; i < beacon.size(); ++i) {
    Bytes damaged = beacon;
    damaged[i] ^= 1;
    EXPECT_FALSE(LanBeacon::decode(lan.network, lan.secret, damaged)) << i;
    EXPECT_FALSE(LanBeacon::decode(lan.network, lan.secret, ByteView(beacon).first(i))) << i;
  }
  lan.self.port = 0;
  EXPECT_FALSE(
      LanBeacon::decode(lan.network, lan.secret, LanBeacon::encode(lan.self, kNow, lan.rng)));
}

struct Heard {
  BeaconHistory history;
  IdentityKey member{};
  Instant now{1h};
  [[nodiscard]] bool counts(UnixTime sent, std::uint16_t port) {
    return history.take(now, member, sent, at(port)).counts;
  }
  static Endpoint at(std::uint16_t port) { return Endpoint::v4(0x0a000001, port); }
};

TEST(BeaconHistory, ARecordingSentAgainFromElsewhereIsDropped) {
  Heard h;
  EXPECT_TRUE(h.counts(kNow, 1));
  EXPECT_TRUE(h.counts(kNow + 30, 1));
  EXPECT_FALSE(h.counts(kNow, 2));
  EXPECT_TRUE(h.counts(kNow + 60, 3));  // it moved
  EXPECT_FALSE(h.counts(kNow + 30, 1));
}

TEST(BeaconHistory, OneBeaconIsHeardFromFewAddresses) {
  Heard h;
  std::size_t counted = 0;
  for (std::uint16_t port = 1; port <= 100; ++port) counted += h.counts(kNow, port) ? 1U : 0U;
  EXPECT_EQ(counted, BeaconHistory::kSources);
  EXPECT_TRUE(h.counts(kNow, 1));  // the same again says nothing new
}

TEST(BeaconHistory, FreshIsWhoWasNotKnownThere) {
  Heard h;
  EXPECT_TRUE(h.history.take(h.now, h.member, kNow, Heard::at(1)).fresh);
  EXPECT_TRUE(h.history.take(h.now, h.member, kNow, Heard::at(2)).fresh);
  EXPECT_FALSE(h.history.take(h.now, h.member, kNow + 30, Heard::at(1)).fresh);
  EXPECT_FALSE(h.history.take(h.now, h.member, kNow + 30, Heard::at(2)).fresh);
  EXPECT_TRUE(h.history.take(h.now, h.member, kNow + 60, Heard::at(3)).fresh);
}

TEST(BeaconHistory, WhoseClockWasSetBackIsHeardAgainAfterAWhile) {
  Heard h;
  EXPECT_TRUE(h.counts(kNow, 1));
  for (int i = 0; i < 4; ++i) {
    h.now += 30s;
    EXPECT_FALSE(h.counts(kNow - 86400 + 30 * i, 1));
  }
  h.now += 30s;
  EXPECT_TRUE(h.counts(kNow - 86400 + 120, 1));
}

TEST(BeaconHistory, RemembersSoManyMembersAndForgetsTheOldestFirst) {
  Heard h;
  for (std::size_t i = 0; i <= BeaconHistory::kMembers; ++i) {
    h.member[0] = static_cast<std::uint8_t>(i);
    h.member[1] = static_cast<std::uint8_t>(i >> 8);
    h.now += 1ms;
    EXPECT_TRUE(h.counts(kNow, 1));
  }
  EXPECT_EQ(h.history.size(), BeaconHistory::kMembers);
  EXPECT_FALSE(h.counts(kNow - 1, 1));  // the last one is remembered
  h.member = {};
  EXPECT_TRUE(h.counts(kNow - 1, 1));  // the first one gave way
}

}  // namespace
}  // namespace weft::discovery
