// One node in several networks: they share a socket and nothing else.
#include <gtest/gtest.h>

#include <algorithm>

#include "overlay/network.hpp"
#include "overlay/streams/services_view.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

// m is in the networks of a, b and c, and knows nobody else; x is a member of b's network alone.
struct Three {
  Three() {
    for (Node* node : {&a, &b, &c})
      EXPECT_TRUE(world.join(m, world.invite(*node, "m-at-" + node->name)->ticket));
    world.bring_in(b, x);
    EXPECT_TRUE(world.run_until([&] {
      return world.linked(m, a) && world.linked(m, b) && world.linked(m, c) && world.linked(m, x);
    }));
    world.run(2s);
  }
  Network& of(Node& node, const Node& founder) { return *node.overlay->find(id(founder)); }
  NetworkId id(const Node& founder) { return *founder.overlay->network(); }
  std::set<std::string> names(Node& node, const Node& founder) {
    std::set<std::string> out;
    for (const auto& member : of(node, founder).members().view()) out.insert(member.name);
    return out;
  }
  Result<Outcome> expose(Node& node, const Node& founder, const std::string& service,
                         std::vector<std::string> allow) {
    const CommandId command = node.overlay->next_command();
    auto& streams = of(node, founder).streams();
    const auto target = service::Target::from_text("8080");
    streams.offering().expose(command, {service, service::Protocol::Tcp, *target}, allow,
                              Wish::Command);
    streams.settle(world.now);
    node.overlay->settle(world.now);
    return world.finish(node, command);
  }
  std::optional<Error> connect(Node& node, const Node& founder, const std::string& service,
                               const std::string& where) {
    const CommandId command = node.overlay->next_command();
    of(node, founder).streams().outbound().connect(world.now, command, service, where);
    node.overlay->settle(world.now);
    std::optional<Error> error;
    std::optional<StreamKey> key;
    world.run_until([&] {
      error = node.connect_error(command);
      key = node.stream_of(command);
      return error || (key && (node.clients[*key].accepted || node.clients[*key].refused));
    });
    if (error) return error;
    if (node.clients[*key].refused) return Error{Errc::Denied, node.clients[*key].refused_because};
    return std::nullopt;
  }
  std::set<std::string> seen(Node& node, const Node& founder) {
    std::set<std::string> out;
    for (const auto& service : services_of(of(node, founder).streams())) out.insert(service.name);
    return out;
  }

  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  Node& x = world.add("x");
  Node& m = world.add("m");
};

TEST(Networks, AFirstStartsUnusedNetworkGivesItsPlaceAndOthersAreAdded) {
  Three t;
  const auto networks = t.m.overlay->networks(t.world.now);
  ASSERT_EQ(networks.size(), 3u);
  EXPECT_TRUE(networks[0].is_default);
  EXPECT_EQ(networks[0].id, t.id(t.a));
  EXPECT_EQ(networks[0].node_name, "m-at-a");
  EXPECT_EQ(networks[0].members, 2u);
  EXPECT_TRUE(t.m.overlay->find("b-net"));
  EXPECT_EQ(t.m.overlay->find("nowhere").error().code, Errc::NotFound);
}

TEST(Networks, NamesAndRostersNeverMix) {
  Three t;
  EXPECT_EQ(t.names(t.m, t.a), (std::set<std::string>{"a", "m-at-a"}));
  EXPECT_EQ(t.names(t.m, t.b), (std::set<std::string>{"b", "m-at-b", "x"}));
  EXPECT_EQ(t.names(t.m, t.c), (std::set<std::string>{"c", "m-at-c"}));
  EXPECT_EQ(t.names(t.a, t.a), (std::set<std::string>{"a", "m-at-a"}));
  EXPECT_FALSE(t.of(t.m, t.a).members().find("x"));
  EXPECT_FALSE(t.of(t.m, t.c).members().find("m-at-a"));
  EXPECT_FALSE(t.world.linked(t.a, t.b));
  EXPECT_FALSE(t.world.linked(t.a, t.x));
}

TEST(Networks, ServicesAndRulesOfOneAreNothingInAnother) {
  Three t;
  ASSERT_TRUE(t.expose(t.m, t.a, "files", {"*"}));
  ASSERT_TRUE(t.expose(t.m, t.b, "music", {"*"}));
  ASSERT_TRUE(t.expose(t.m, t.b, "diary", {"x"}));
  ASSERT_TRUE(t.expose(t.a, t.a, "blog", {"*"}));
  t.world.run(3s);
  EXPECT_EQ(t.seen(t.a, t.a), std::set<std::string>{"files"});
  EXPECT_EQ(t.seen(t.b, t.b), std::set<std::string>{"music"});
  EXPECT_EQ(t.seen(t.x, t.b), (std::set<std::string>{"diary", "music"}));
  EXPECT_EQ(t.seen(t.c, t.c), std::set<std::string>{});
  EXPECT_EQ(t.seen(t.m, t.a), std::set<std::string>{"blog"});
  EXPECT_EQ(t.seen(t.m, t.b), std::set<std::string>{});

  EXPECT_FALSE(t.connect(t.a, t.a, "files", "m-at-a"));
  EXPECT_FALSE(t.connect(t.x, t.b, "diary", "m-at-b"));
  // A name of another network leads nowhere, and what it exposes there is not here.
  EXPECT_TRUE(t.connect(t.a, t.a, "files", "m-at-b"));
  EXPECT_TRUE(t.connect(t.b, t.b, "files", "m-at-b"));
  EXPECT_TRUE(t.connect(t.c, t.c, "files", "m-at-c"));
  EXPECT_TRUE(t.connect(t.m, t.b, "blog", "a"));
  EXPECT_TRUE(t.connect(t.b, t.b, "diary", "m-at-b"));  // the rule names x
}

TEST(Networks, TheSameServiceNameMayBeInEach) {
  Three t;
  ASSERT_TRUE(t.expose(t.m, t.a, "web", {"*"}));
  ASSERT_TRUE(t.expose(t.m, t.b, "web", {}));
  t.world.run(3s);
  EXPECT_FALSE(t.connect(t.a, t.a, "web", "m-at-a"));
  EXPECT_TRUE(t.connect(t.b, t.b, "web", "m-at-b"));
}

TEST(Networks, LeavingOneEndsItAndNothingElse) {
  Three t;
  ASSERT_TRUE(t.expose(t.m, t.a, "files", {"*"}));
  ASSERT_TRUE(t.expose(t.m, t.b, "music", {"*"}));
  t.world.run(2s);
  t.a.events.clear();
  t.c.events.clear();
  const NetworkId gone = t.id(t.b);
  const auto left = t.world.finish(t.m, t.m.overlay->leave(t.world.now, gone));
  ASSERT_TRUE(left) << left.error().detail;
  EXPECT_TRUE(std::get<LeaveOutcome>(*left).told);
  t.world.run(3s);
  EXPECT_EQ(t.m.overlay->networks(t.world.now).size(), 2u);
  EXPECT_EQ(t.m.overlay->find(gone), nullptr);
  EXPECT_FALSE(t.world.linked(t.m, t.b));
  EXPECT_TRUE(t.world.linked(t.m, t.a));
  EXPECT_TRUE(t.world.linked(t.m, t.c));
  EXPECT_TRUE(t.a.of<PeerDown>().empty());
  EXPECT_TRUE(t.c.of<PeerDown>().empty());
  EXPECT_FALSE(t.connect(t.a, t.a, "files", "m-at-a"));
  EXPECT_TRUE(std::ranges::none_of(
      t.m.disk, [&](const auto& row) { return std::get<NetworkId>(row.first) == gone; }));
}

TEST(Networks, ACrashLosesNoneAndTheDefaultIsKept) {
  Three t;
  ASSERT_TRUE(t.expose(t.m, t.c, "notes", {"*"}));
  ASSERT_TRUE(t.world.finish(t.m, t.m.overlay->set_default(t.world.now, t.id(t.c))));
  t.world.crash(t.m);
  t.world.run(1s);
  t.world.start(t.m);
  ASSERT_EQ(t.m.overlay->networks(t.world.now).size(), 3u);
  EXPECT_EQ(t.m.overlay->network(), t.id(t.c));
  EXPECT_EQ(t.m.overlay->name(), "m-at-c");
  EXPECT_TRUE(t.world.run_until([&] {
    return t.world.linked(t.m, t.a) && t.world.linked(t.m, t.b) && t.world.linked(t.m, t.c);
  }));
  t.world.run(2s);
  EXPECT_FALSE(t.connect(t.c, t.c, "notes", "m-at-c"));
  EXPECT_TRUE(t.connect(t.a, t.a, "notes", "m-at-a"));
}

TEST(Networks, OneIsFoundedBesideOthers) {
  World world;
  Node& a = world.add("a");
  const auto founded = world.finish(a, a.overlay->found_network(world.now, "work", "laptop"));
  ASSERT_TRUE(founded) << founded.error().detail;
  EXPECT_EQ(std::get<NetworkOutcome>(*founded).name, "work");
  EXPECT_EQ(a.overlay->networks(world.now).size(), 2u);
  EXPECT_EQ(a.overlay->name(), "a");  // the default stays
  const auto again = world.finish(a, a.overlay->found_network(world.now, "work", "laptop"));
  EXPECT_EQ(again.error().code, Errc::AlreadyExists);
  Node& b = world.add("b");
  const CommandId command = a.overlay->next_command();
  (*a.overlay->find("work"))->inviter().invite(world.now, command, "b", {}, {}, 15min);
  a.overlay->settle(world.now);
  const auto ticket = world.finish(a, command);
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(world.join(b, std::get<InviteOutcome>(*ticket).ticket));
  EXPECT_EQ(b.overlay->network_name(), "work");
}

}  // namespace
}  // namespace weft::overlay::testing
