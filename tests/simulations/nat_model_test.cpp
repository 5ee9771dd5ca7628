#include "simulations/nat_model.hpp"

#include <gtest/gtest.h>

namespace weft::sim {
namespace {

const Endpoint kServer = Endpoint::v4(0x20000001, 4000);
const Endpoint kServerOtherPort = Endpoint::v4(0x20000001, 4001);
const Endpoint kStranger = Endpoint::v4(0x20000002, 4000);
constexpr NatModel::Inside kInside{7, 4000};

class NatFiltering : public testing::TestWithParam<std::tuple<const char*, bool, bool>> {};

TEST_P(NatFiltering, LetsInWhomRfc4787Says) {
  const auto [kind, same_address, stranger] = GetParam();
  NatModel nat(*nat_behavior_named(kind), 1);
  const Instant now{};
  const auto port = nat.outbound(now, kInside, kServer);
  ASSERT_TRUE(port);
  EXPECT_EQ(nat.inbound(now, *port, kServer), kInside);  // the control: whom we spoke to may answer
  EXPECT_EQ(nat.inbound(now, *port, kServerOtherPort).has_value(), same_address);
  EXPECT_EQ(nat.inbound(now, *port, kStranger).has_value(), stranger);
  EXPECT_EQ(nat.counters().filtered, (same_address ? 0U : 1U) + (stranger ? 0U : 1U));
}
INSTANTIATE_TEST_SUITE_P(Kinds, NatFiltering,
                         testing::Values(std::tuple{"full_cone", true, true},
                                         std::tuple{"restricted", true, false},
                                         std::tuple{"port_restricted", false, false},
                                         std::tuple{"symmetric", false, false}));

TEST(NatModel, OnlyASymmetricOneMapsEachDestinationAnew) {
  NatModel cone(*nat_behavior_named("port_restricted"), 1);
  NatModel symmetric(*nat_behavior_named("symmetric"), 1);
  EXPECT_EQ(cone.outbound({}, kInside, kServer), cone.outbound({}, kInside, kStranger));
  EXPECT_NE(symmetric.outbound({}, kInside, kServer), symmetric.outbound({}, kInside, kStranger));
}

TEST(NatModel, MappingsExpireUnlessUsedFromInside) {
  auto behavior = *nat_behavior_named("full_cone");
  behavior.timeout = 30s;
  NatModel nat(behavior, 1);
  const auto port = nat.outbound({}, kInside, kServer);
  EXPECT_TRUE(nat.inbound(Instant{29s}, *port, kServer));
  EXPECT_FALSE(nat.inbound(Instant{31s}, *port, kServer));  // inbound did not refresh it
  EXPECT_TRUE(nat.outbound(Instant{31s}, kInside, kServer));
  EXPECT_EQ(nat.counters().expired, 1U);
}

// What has expired takes neither a port nor a place, however lately it was looked for.
TEST(NatModel, AnExpiredMappingGivesItsPortAndItsPlaceBackAtOnce) {
  auto behavior = *nat_behavior_named("port_restricted");
  behavior.timeout = 30s;
  behavior.quota = 1;
  NatModel nat(behavior, 1);
  EXPECT_EQ(nat.outbound({}, kInside, kServer), kInside.port);
  EXPECT_EQ(nat.outbound(Instant{29'500ms}, {8, 4001}, kServer), std::nullopt);  // a check for old
  EXPECT_EQ(nat.outbound(Instant{30'100ms}, kInside, kServer), kInside.port);
}

TEST(NatModel, WhoHasOpenedAPortOpensItAgainWhenItMoves) {
  NatModel nat(*nat_behavior_named("port_restricted"), 1);
  nat.open_port({9, 5000}, 5000);
  nat.reopen({9, 5000}, {9, 5064});
  EXPECT_FALSE(nat.inbound({}, 5000, kStranger));
  EXPECT_EQ(nat.inbound({}, 5064, kStranger), (NatModel::Inside{9, 5064}));
}

TEST(NatModel, RefusesFlowsOverItsQuotaAndKeepsOpenedPorts) {
  auto behavior = *nat_behavior_named("symmetric");
  behavior.quota = 3;
  NatModel nat(behavior, 1);
  nat.open_port({9, 5000}, 5000);
  EXPECT_TRUE(nat.outbound({}, kInside, kServer));
  EXPECT_TRUE(nat.outbound({}, kInside, kStranger));
  EXPECT_FALSE(nat.outbound({}, kInside, kServerOtherPort));
  EXPECT_EQ(nat.counters().refused, 1U);
  nat.forget();
  EXPECT_EQ(nat.mappings(), 1U);
  EXPECT_EQ(nat.inbound({}, 5000, kStranger), (NatModel::Inside{9, 5000}));
}

}  // namespace
}  // namespace weft::sim
