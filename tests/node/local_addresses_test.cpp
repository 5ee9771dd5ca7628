#include "node/local_addresses.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "node/lan_group.hpp"
#include "node/route_facts.hpp"

namespace weft::node {
namespace {

LocalAddress on(unsigned interface, const std::string& text, bool routed = false) {
  LocalAddress out;
  out.endpoint =
      *endpoint_from_text(text.find(':') == std::string::npos ? text + ":0" : "[" + text + "]:0");
  out.interface = interface;
  out.name = "eth" + std::to_string(interface);
  out.routed = routed;
  return out;
}

Endpoint at(const std::string& text) { return on(0, text).endpoint; }

TEST(LocalAddresses, AWeekOfPrivacyAddressesLeavesTheOneOfIPv4ItsPlace) {
  std::vector<LocalAddress> all{on(2, "10.9.0.1")};
  all.push_back(on(2, "2001:db8::1"));
  for (int i = 2; i < 12; ++i) {
    all.push_back(on(2, "2001:db8::" + std::to_string(i)));
    all.back().deprecated = true;
  }
  const auto out = best_of(all);
  EXPECT_EQ(out.size(), kMostEndpoints);
  EXPECT_EQ(out[0], at("2001:db8::1"));
  EXPECT_EQ(out[1], at("10.9.0.1"));
}

TEST(LocalAddresses, ManyAddressesOfOneFamilyThatAreAllGoodLeaveTheOtherItsPlaces) {
  std::vector<LocalAddress> all;
  for (int i = 1; i < 30; ++i) all.push_back(on(2, "2001:db8::" + std::to_string(i), true));
  for (int i = 1; i < 30; ++i) all.push_back(on(3, "10.0.0." + std::to_string(i)));
  const auto out = best_of(all);
  EXPECT_EQ(out.size(), kMostEndpoints);
  EXPECT_EQ(std::ranges::count(out, true, &Endpoint::is_v4), 3);
}

TEST(LocalAddresses, BridgesWithoutCarrierAreNotTold) {
  std::vector<LocalAddress> all;
  for (unsigned i = 1; i < 20; ++i) {
    all.push_back(on(i, "172." + std::to_string(16 + i) + ".0.1"));
    all.back().carrier = false;
  }
  all.push_back(on(40, "10.9.0.1"));
  EXPECT_EQ(best_of(all), std::vector{at("10.9.0.1")});
}

TEST(LocalAddresses, BusyBridgesComeBehindTheWireThatLeadsOut) {
  std::vector<LocalAddress> all;
  for (unsigned i = 1; i < 20; ++i) all.push_back(on(i, "172." + std::to_string(16 + i) + ".0.1"));
  all.push_back(on(40, "10.9.0.1", true));
  EXPECT_EQ(best_of(all).front(), at("10.9.0.1"));
}

TEST(LocalAddresses, ContainersAndLoopbackAreTheLastResort) {
  auto docker = on(3, "172.17.0.1");
  docker.name = "docker0";
  auto other = on(4, "172.18.0.1");
  other.name = "br-0123456789ab";
  EXPECT_TRUE(of_containers(docker.name) && of_containers(other.name));
  EXPECT_FALSE(of_containers("br0") || of_containers("br-lan"));
  const auto loopback = on(1, "127.0.0.1");
  EXPECT_EQ(best_of({loopback, docker, on(2, "10.9.0.1"), other}), std::vector{at("10.9.0.1")});
  EXPECT_EQ(best_of({loopback}), std::vector{at("127.0.0.1")});
  EXPECT_TRUE(best_of({on(2, "fe80::1")}).empty());
}

TEST(LocalAddresses, EachInterfaceHasItsFirstBeforeAnyHasItsSecond) {
  std::vector<LocalAddress> all;
  for (int i = 1; i < 20; ++i) all.push_back(on(2, "10.1.0." + std::to_string(i)));
  all.push_back(on(3, "10.2.0.1"));
  const auto out = best_of(all);
  EXPECT_EQ(out[0], at("10.1.0.1"));
  EXPECT_EQ(out[1], at("10.2.0.1"));
  EXPECT_EQ(out.size(), kMostEndpoints);
}

TEST(LocalAddresses, AnAddressThatWasAskedForIsToldWhateverItIs) {
  const auto only = *endpoint_from_text("127.0.0.1:41820");
  EXPECT_EQ(local_endpoints({only}), std::vector{only});
  EXPECT_FALSE(reachable_from_others({only}));
  EXPECT_TRUE(reachable_from_others({*endpoint_from_text("10.9.0.1:1")}));
}

TEST(LanPlaces, TheWireThatLeadsOutIsAmongSixteenAndTheRestIsCounted) {
  std::vector<LocalAddress> all;
  for (unsigned i = 1; i <= 25; ++i) all.push_back(on(i, "172." + std::to_string(i) + ".0.1"));
  all.push_back(on(40, "10.9.0.1", true));
  all.push_back(on(41, "10.9.1.1"));
  all.back().carrier = false;
  all.push_back(on(2, "172.99.0.1"));  // a second address of one that is chosen
  const auto out = lan_places(all, IpFamily::V4);
  EXPECT_EQ(out.places.front().endpoint, at("10.9.0.1"));
  EXPECT_EQ(out.places.size(), kMostInterfaces + 1);
  EXPECT_EQ(out.left_out, 26 - kMostInterfaces);
  EXPECT_TRUE(lan_places(all, IpFamily::V6).places.empty());
}

TEST(LocalAddresses, TheKernelSaysWhichAddressesThisMachineHas) {
  const auto all = machine_addresses();
  EXPECT_TRUE(std::ranges::any_of(all, [](const auto& a) { return a.endpoint.is_loopback(); }));
  EXPECT_TRUE(route_facts().flags.contains(at("127.0.0.1")));
}

}  // namespace
}  // namespace weft::node
