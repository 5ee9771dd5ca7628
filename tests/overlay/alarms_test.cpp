// An identity that runs twice; sessions that one end has lost, or both ends have moved away from.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

bool attends(const World& world, const Node& node, std::string_view part) {
  return std::ranges::any_of(node.overlay->attention(world.now), [&](const std::string& line) {
    return line.find(part) != std::string::npos;
  });
}

TEST(Identity, ThatRunsTwiceIsNamedOnAllThreeNodes) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  ASSERT_TRUE(world.run_until([&] { return world.linked(a, b); }));
  world.run(10s);
  Node& copy = world.clone(b);
  ASSERT_TRUE(world.run_until(
      [&] {
        return attends(world, a, "identity of b runs twice") &&
               attends(world, b, "this node's identity runs twice") &&
               attends(world, copy, "this node's identity runs twice");
      },
      60s));
  EXPECT_TRUE(a.noticed("runs twice"));
  EXPECT_TRUE(b.noticed("runs twice"));
  EXPECT_TRUE(copy.noticed("runs twice"));
  // Both stay, and the younger is used: no more sessions come and go.
  world.run(10s);
  const auto ups = a.of<PeerUp>().size();
  world.run(60s);
  EXPECT_LE(a.of<PeerUp>().size(), ups + 1);
  world.crash(copy);
  world.run(15min);
  EXPECT_FALSE(attends(world, a, "runs twice"));
  EXPECT_FALSE(attends(world, b, "runs twice"));
  EXPECT_TRUE(world.linked(a, b));
}

TEST(Identity, OfANodeThatIsRestartedAgainAndAgainRunsOnce) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(world.run_until([&] { return world.linked(a, b); }, 60s));
    world.crash(b);
    world.run(1s);
    world.start(b);
    world.run(3s);
    EXPECT_TRUE(a.overlay->attention(world.now).empty());
    EXPECT_TRUE(b.overlay->attention(world.now).empty());
  }
}

// Both changed networks at the same moment: neither is where the other knows it to be, and each
// hears the other's beacon.
TEST(Sessions, BothEndsRenumberedAtOnceGoOnWithinTwoSecondsOfTheBeacon) {
  for (const bool dialler_hears : {true, false}) {
    SCOPED_TRACE(dialler_hears);
    World world;
    Node& a = world.add("a");
    Node& b = world.add("b");
    world.bring_in(a, b);
    ASSERT_TRUE(world.expose(a, "web", {"*"}));
    world.run(10s);
    Client& client = world.open(b, "web", "a");
    ASSERT_TRUE(client.accepted);
    const auto key = world.last_key(b);
    world.move(a, Endpoint::v4(0x0a010001, 5000));
    world.move(b, Endpoint::v4(0x0a010002, 5000));
    for (Node* node : {&a, &b})
      node->overlay->set_listen_endpoints(world.now, node->config.listen_endpoints);
    world.say(b, key, "hello");
    world.run(1s);
    EXPECT_NE(client.received, "hello");
    Node& hears = dialler_hears ? b : a;
    Node& heard = dialler_hears ? a : b;
    const auto keys = heard.overlay->network_keys();
    hears.overlay->peer_heard(world.now, heard.identity.id, keys->credential.certificate,
                              heard.endpoint);
    EXPECT_TRUE(world.run_until([&] { return client.received == "hello"; }, 2s));
    EXPECT_FALSE(client.ended);
  }
}

// b stood still for a minute (a stopped process, a paused machine): a has given the session up and
// dials anew; b's streams of the lost session end soon, not after another idle limit.
TEST(Sessions, LostByThePeerAreEndedSoonOnceAnotherIsThere) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  ASSERT_TRUE(world.expose(a, "web", {"*"}));
  world.run(10s);
  Client& client = world.open(b, "web", "a");
  ASSERT_TRUE(client.accepted);
  // What a sends to b while b stands still is kept by b's socket and read when it goes on; b's own
  // side of time is what stands, so for the world a is merely unheard and b's packets are lost.
  const auto drop = [&](const Node& from, const Node&, ByteView) { return &from != &b; };
  world.tap = drop;
  ASSERT_TRUE(world.run_until([&] { return !world.linked(a, b); }, 60s));
  world.tap = nullptr;
  ASSERT_TRUE(world.run_until([&] { return world.linked(a, b); }, 70s));
  const auto linked = world.now;
  ASSERT_TRUE(world.run_until([&] { return client.ended.has_value(); }, 60s));
  EXPECT_LE(world.now - linked, 9s);
}

}  // namespace
}  // namespace weft::overlay::testing
