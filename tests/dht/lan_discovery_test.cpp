#include "node/lan_discovery.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::node {
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
  const Bytes beacon = encode_beacon(lan.self, lan.rng);
  const auto read = decode_beacon(lan.network, lan.secret, kNow, beacon);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->port, 41820);
  EXPECT_EQ(read->certificate.identity, lan.self.certificate.identity);
  EXPECT_LT(beacon.size(), 300U);
}

TEST(LanBeacon, SaysNothingToStrangersAndIsNeverTheSameTwice) {
  Lan lan;
  const Bytes beacon = encode_beacon(lan.self, lan.rng);
  ByteArray<32> other{};
  EXPECT_FALSE(decode_beacon(lan.network, other, kNow, beacon));
  NetworkId elsewhere;
  elsewhere.bytes.fill(8);
  EXPECT_FALSE(decode_beacon(elsewhere, lan.secret, kNow, beacon));
  EXPECT_NE(beacon, encode_beacon(lan.self, lan.rng));
  // Neither the identity nor the network stands in it in clear.
  const auto contains = [&](ByteView part) { return !std::ranges::search(beacon, part).empty(); };
  EXPECT_FALSE(contains(lan.self.certificate.identity));
  EXPECT_FALSE(contains(lan.network.view()));
}

TEST(LanBeacon, DamagedCutOrExpiredIsRefused) {
  Lan lan;
  const Bytes beacon = encode_beacon(lan.self, lan.rng);
  for (std::size_t i = 0; i < beacon.size(); ++i) {
    Bytes damaged = beacon;
    damaged[i] ^= 1;
    EXPECT_FALSE(decode_beacon(lan.network, lan.secret, kNow, damaged)) << i;
    EXPECT_FALSE(decode_beacon(lan.network, lan.secret, kNow, ByteView(beacon).first(i))) << i;
  }
  EXPECT_FALSE(decode_beacon(lan.network, lan.secret, kNow + 31 * 86400, beacon));
  lan.self.port = 0;
  EXPECT_FALSE(decode_beacon(lan.network, lan.secret, kNow, encode_beacon(lan.self, lan.rng)));
}

}  // namespace
}  // namespace weft::node
