#include "simulations/network.hpp"

#include <gtest/gtest.h>

namespace weft::sim {
namespace {

// Nodes 0 and 1 are public, 2 and 3 are one home behind a full cone.
class Home : public testing::Test {
 protected:
  explicit Home(bool hairpin = false) {
    NetworkOptions options;
    options.nats = {{"full_cone", 100}};
    options.home_size = 2;
    options.latency.jitter_percent = 0;
    options.nat_hairpin = hairpin;
    network = std::make_unique<Network>(std::move(*Network::create(options, 3)));
    for (int i = 0; i < 2; ++i) network->add_node(Network::Placement::Public);
    for (int i = 0; i < 2; ++i) network->add_node(Network::Placement::Mixed);
  }
  std::optional<Duration> way(Instant now, std::uint32_t from, Endpoint to) {
    header = {};
    header.size = 100;
    const auto arrival = network->send(now, from, to, 100, header);
    return arrival ? std::optional(*arrival - now) : std::nullopt;
  }
  std::unique_ptr<Network> network;
  PacketHeader header;
};

TEST_F(Home, IsOnePlaceOnOneLine) {
  EXPECT_EQ(network->home_of(1), 1U);
  EXPECT_EQ(network->home_of(3), 2U);
  const auto far = network->public_endpoint(0);
  const auto first = way(Instant{1s}, 2, far);
  const auto second = way(Instant{2s}, 3, far);
  const auto queued = way(Instant{2s}, 2, far);
  ASSERT_TRUE(first && second && queued);
  EXPECT_EQ(*first, *second);
  EXPECT_GT(*queued, *second);                   // behind the other's packet
  EXPECT_NE(*first, *way(Instant{3s}, 1, far));  // the control: somebody else lives elsewhere
}

TEST_F(Home, HasNoWayToItselfThroughItsPublicAddress) {
  ASSERT_TRUE(way(Instant{1s}, 3, network->public_endpoint(0)));
  EXPECT_FALSE(way(Instant{2s}, 2, header.seen_from));
  EXPECT_EQ(network->dropped(Drop::Translator), 1U);
}

TEST_F(Home, ReachesItselfByItsOwnAddressesAndNobodyElseDoes) {
  const Endpoint there = network->own_endpoint(2);
  EXPECT_NE(there, network->public_endpoint(2));
  EXPECT_EQ(network->own_endpoint(0), network->public_endpoint(0));
  ASSERT_TRUE(way(Instant{1s}, 3, there));
  EXPECT_EQ(header.seen_from, network->own_endpoint(3));
  const auto arrival = network->arrive(Instant{2s}, header);
  EXPECT_EQ(arrival.node, 2U);
  EXPECT_EQ(arrival.verdict, Network::Arrival::Verdict::Deliver);
  EXPECT_FALSE(way(Instant{3s}, 0, there));
  EXPECT_EQ(network->dropped(Drop::NoRoute), 1U);
  network->move_node(2);
  ASSERT_TRUE(way(Instant{4s}, 3, there));  // its old port
  EXPECT_EQ(network->arrive(Instant{5s}, header).verdict, Network::Arrival::Verdict::Dropped);
  ASSERT_TRUE(way(Instant{6s}, 3, network->own_endpoint(2)));
  EXPECT_EQ(network->arrive(Instant{7s}, header).verdict, Network::Arrival::Verdict::Deliver);
}

TEST_F(Home, AFewHopsOpenTheTranslatorAndGetNowhere) {
  const Endpoint far = network->public_endpoint(0);
  EXPECT_FALSE(network->send(Instant{1s}, 3, far, 100, header, 3));
  EXPECT_EQ(network->dropped(Drop::HopLimit), 1U);
  const Endpoint mapped(network->public_endpoint(3));
  ASSERT_TRUE(way(Instant{2s}, 0, mapped));  // let in, by the mapping that is there now
  const auto arrival = network->arrive(Instant{3s}, header);
  EXPECT_EQ(arrival.node, 3U);
  EXPECT_NE(arrival.verdict, Network::Arrival::Verdict::Dropped);
}

class HairpinHome : public Home {
 protected:
  HairpinHome() : Home(true) {}
};
TEST_F(HairpinHome, ReachesItselfThroughItsPublicAddress) {
  ASSERT_TRUE(way(Instant{1s}, 3, network->public_endpoint(0)));
  const Endpoint outside = header.seen_from;
  ASSERT_TRUE(way(Instant{2s}, 2, outside));
  header.size = 100;
  const auto arrival = network->arrive(Instant{3s}, header);
  EXPECT_EQ(arrival.node, 3U);
  EXPECT_NE(arrival.verdict, Network::Arrival::Verdict::Dropped);
}

}  // namespace
}  // namespace weft::sim
