#include "overlay/discovery/publisher.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::discovery {
namespace {

constexpr UnixTime kWall = 1'800'000'000;
const Endpoint kA = Endpoint::v4(0x0a000001, 7);
const Endpoint kB = Endpoint::v4(0x0a000002, 7);
const Endpoint kNat = Endpoint::v4(0xc0000201, 7000);

struct Fixture {
  Fixture() {
    crypto::initialise();
    credential.key = crypto::X25519KeyPair::generate(rng);
    credential.certificate =
        Certificate::issue(identity, network, credential.key.public_key, 1, kWall);
  }
  std::vector<dht::Record> records(UnixTime wall = kWall) {
    return publisher.records(identity, network, credential.certificate, audience, rng, wall);
  }
  dht::NodeInfo info(const dht::Record& record) const {
    return *dht::NodeInfo::decode(*dht::open_value(audience, record.key(), record.value));
  }
  SeededRng rng{3};
  Identity identity = Identity::generate(rng);
  NetworkId network{};
  StaticCredential credential;
  crypto::Key32 audience = dht::audience_key({});
  Publisher publisher{Instant{1s}};
};

TEST(Publisher, SaysWhereTheNodeIsAndWhatItExposesToMembersOnly) {
  Fixture f;
  f.publisher.set_addresses(Instant{1s}, {kA, Endpoint::v4(0x7f000001, 7), kB}, {kNat});
  f.publisher.set_services(Instant{1s}, {"blog", "git"});
  const auto records = f.records();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(udp_endpoints(f.info(records[0]).addresses), (std::vector{kNat, kA, kB}));
  EXPECT_EQ(records[0].kind, dht::RecordKind::Node);
  EXPECT_EQ(records[0].key(), f.identity.id);
  EXPECT_EQ(records[2].kind, dht::RecordKind::Provider);
  EXPECT_EQ(records[2].key(), dht::service_key(f.network, "git"));
  for (const auto& record : records) EXPECT_EQ(record.check(f.network), dht::PutError::None);
  ByteArray<32> foreign{};
  foreign.fill(1);
  EXPECT_FALSE(dht::open_value(dht::audience_key(foreign), records[0].key(), records[0].value));
}

TEST(Publisher, AddressesOfTcpHaveTheirPlacesBehindThoseOfUdp) {
  Fixture f;
  std::vector<Endpoint> many;
  for (std::uint16_t port = 1; port <= 9; ++port) many.push_back(Endpoint::v4(0x0a000001, port));
  const Address tcp = TcpAddress{kA};
  f.publisher.set_carriers(Instant{1s}, {tcp});
  f.publisher.set_addresses(Instant{1s}, many, {});
  ASSERT_EQ(f.publisher.addresses().size(), dht::NodeInfo::kMaxAddresses);
  EXPECT_EQ(f.publisher.addresses().back(), tcp);
  EXPECT_EQ(f.publisher.addresses().front(), Address(UdpAddress{many.front()}));
  f.publisher.set_carriers(Instant{2s}, std::vector(9, tcp));
  EXPECT_EQ(f.publisher.addresses()[dht::NodeInfo::kMaxAddresses / 2 - 1],
            Address(UdpAddress{many[dht::NodeInfo::kMaxAddresses / 2 - 1]}));
}

TEST(Publisher, EveryTenMinutesAndSoonAfterAChange) {
  Fixture f;
  EXPECT_TRUE(f.publisher.due(Instant{1s}, true));
  EXPECT_FALSE(f.publisher.due(Instant{2s}, true));
  f.publisher.set_addresses(Instant{2s}, {kA}, {});
  EXPECT_TRUE(f.publisher.due(Instant{2s}, true));
  f.publisher.set_addresses(Instant{3s}, {kA}, {});  // no change
  f.publisher.set_services(Instant{3s}, {});
  EXPECT_FALSE(f.publisher.due(Instant{3s}, true));
  EXPECT_EQ(f.publisher.poll_timeout(), Instant{2s} + Publisher::kEvery);
  f.publisher.set_services(Instant{4s}, {"blog"});
  EXPECT_TRUE(f.publisher.due(Instant{4s}, true));
}

TEST(Publisher, WaitsWhileNobodyCouldHoldARecord) {
  Fixture f;
  EXPECT_FALSE(f.publisher.due(Instant{1s}, false));
  EXPECT_EQ(f.publisher.poll_timeout(), Instant{1s} + Publisher::kAgain);
  EXPECT_TRUE(f.publisher.due(Instant{2s}, true));
}

TEST(Publisher, EachSequenceOutdoesTheLastAndALostState) {
  Fixture f;
  const auto first = f.records()[0].seq;
  EXPECT_EQ(first, static_cast<std::uint64_t>(kWall));
  EXPECT_EQ(f.records()[0].seq, first + 1);              // in the same second
  EXPECT_EQ(f.records(kWall - 3600)[0].seq, first + 2);  // the clock was set back
  EXPECT_EQ(f.records(kWall + 60)[0].seq, first + 60);
}

TEST(Publisher, AsManyAddressesAsARecordHolds) {
  Fixture f;
  std::vector<Endpoint> many;
  for (std::uint16_t i = 1; i < 20; ++i) many.push_back(Endpoint::v4(0x0a000001, i));
  f.publisher.set_addresses(Instant{1s}, many, {kNat});
  const auto told = udp_endpoints(f.info(f.records()[0]).addresses);
  EXPECT_EQ(told.size(), dht::NodeInfo::kMaxAddresses);
  EXPECT_EQ(told.front(), kNat);
}

}  // namespace
}  // namespace weft::discovery
