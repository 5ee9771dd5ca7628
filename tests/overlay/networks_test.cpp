// One node in several networks: they share a socket and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "overlay/network.hpp"
#include "overlay/post/forward.hpp"
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

// Of the DHT of that founder's network, asked by `node`.
std::optional<discovery::Answer> ask(Three& t, Node& node, const Node& founder,
                                     discovery::Question question) {
  std::optional<discovery::QuestionId> id;
  {
    const Overlay::Meaning meaning(*node.overlay, t.id(founder));
    id = node.overlay->ask_dht(t.world.now, std::move(question));
  }
  std::optional<discovery::Answer> out;
  t.world.run_until([&] {
    for (const auto& told : node.of<DhtAnswer>())
      if (told.network == t.id(founder) && told.answer.id == id) out = told.answer;
    return out.has_value();
  });
  return out;
}

TEST(Networks, WhatIsInOneDhtIsNotInAnother) {
  Three t;
  t.world.run(20s);
  discovery::Question put;
  put.action = discovery::Question::Action::Put;
  put.value = "of b";
  const auto stored = ask(t, t.m, t.b, put);
  ASSERT_TRUE(stored && stored->found) << "no answer, or refused";
  discovery::Question get;
  get.key = to_hex(stored->found->key.view());
  const auto there = ask(t, t.x, t.b, get);
  ASSERT_TRUE(there && there->found);
  EXPECT_EQ(there->found->value, "of b");
  for (Node* node : {&t.a, &t.c}) {
    const auto elsewhere = ask(t, *node, *node, get);
    ASSERT_TRUE(elsewhere);
    EXPECT_FALSE(elsewhere->found);
  }
  EXPECT_FALSE(ask(t, t.m, t.a, get)->found);  // although this very node put it
  discovery::Question member;
  member.action = discovery::Question::Action::Lookup;
  member.member = t.x.identity.id;
  const auto in_b = ask(t, t.b, t.b, member);
  ASSERT_TRUE(in_b && in_b->found);
  EXPECT_FALSE(in_b->found->endpoints.empty());
  const auto in_a = ask(t, t.a, t.a, member);
  EXPECT_TRUE(!in_a->found || in_a->found->endpoints.empty());
}

// m has sessions with a in one network and with x in another.
TEST(Networks, NothingIsHandedOnFromOneIntoAnother) {
  Three t;
  Mail& b = t.of(t.b, t.b).mail();
  Mail& a = t.of(t.a, t.a).mail();
  const auto forward = [&](Node& node, Mail& mail) {
    const Bytes inner = to_bytes(bytes_of("sealed, so it says"));
    const Bytes order =
        post::Forward{post::Forward::Type::Forward, t.x.identity.id, inner}.encode();
    EXPECT_TRUE(mail.office().send(t.world.now, t.m.identity.id, post::Channel::Forward,
                                   ByteView(order).subspan(1)));
    node.overlay->settle(t.world.now);
    t.world.run(1s);
  };
  const auto& in_a = std::as_const(t.of(t.m, t.a).mail()).office().counters();
  const auto& in_b = std::as_const(t.of(t.m, t.b).mail()).office().counters();
  forward(t.b, b);
  EXPECT_EQ(in_b.forwarded_on, 1u);
  forward(t.a, a);
  EXPECT_EQ(in_a.forwarded_on, 0u);
  EXPECT_EQ(in_a.forward_no_way, 1u);
  EXPECT_EQ(in_b.forwarded_on, 1u);
  EXPECT_FALSE(a.office().send(t.world.now, t.x.identity.id, post::Channel::Membership, {}));
}

TEST(Networks, WhatIsMeantIsAskedAndNothingElse) {
  Three t;
  auto& overlay = *t.m.overlay;
  EXPECT_EQ(overlay.name(), "m-at-a");
  {
    const Overlay::Meaning meaning(overlay, t.id(t.b));
    EXPECT_EQ(overlay.name(), "m-at-b");
    EXPECT_EQ(overlay.members().size(), 3u);
    EXPECT_TRUE(overlay.find_node("x"));
    EXPECT_FALSE(overlay.find_node("a"));
    const Overlay::Meaning inner(overlay, std::nullopt);
    EXPECT_EQ(overlay.name(), "m-at-a");
  }
  EXPECT_EQ(overlay.name(), "m-at-a");
  CommandId command = 0;
  {
    const Overlay::Meaning gone(overlay, NetworkId{{7}});
    EXPECT_TRUE(overlay.members().empty());
    command = overlay.unexpose(t.world.now, "files");
  }
  EXPECT_EQ(t.world.finish(t.m, command).error().code, Errc::NotFound);
}

TEST(Networks, NoMoreThanTheLimitAreFoundedOrJoined) {
  World world;
  Node& a = world.add("a", [](OverlayConfig& config) { config.max_networks = 2; });
  Node& b = world.add("b");
  ASSERT_TRUE(world.finish(a, a.overlay->found_network(world.now, "work", "a")));
  const auto third = world.finish(a, a.overlay->found_network(world.now, "club", "a"));
  EXPECT_EQ(third.error().code, Errc::Limit);
  const auto joined = world.join(a, world.invite(b, "guest")->ticket);
  EXPECT_EQ(joined.error().code, Errc::Conflict);
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

// What it exposes in one network must not be offered in another, whenever it is cut short.
TEST(Networks, ACrashWhileOneIsLeftMixesNothing) {
  std::set<std::size_t> outcomes;
  for (const auto wait : {0ms, 2ms, 5ms, 20ms}) {
    SCOPED_TRACE(wait.count());
    Three t;
    ASSERT_TRUE(t.expose(t.m, t.a, "files", {"*"}));
    ASSERT_TRUE(t.expose(t.m, t.b, "music", {"*"}));
    t.world.run(2s);
    t.m.disk_delay = 3ms;  // state.db, then trust.db
    const NetworkId gone = t.id(t.b);
    t.m.overlay->leave(t.world.now, gone);
    ASSERT_TRUE(t.world.run_until([&] { return t.m.overlay->find(gone) == nullptr; }));
    t.world.run(wait);
    t.world.crash(t.m);
    t.world.start(t.m);
    t.world.run(3s);
    outcomes.insert(t.m.overlay->networks(t.world.now).size());
    const auto exposed = [&](const Node& founder) {
      std::set<std::string> out;
      for (const auto& e : t.of(t.m, founder).streams().offering().registry().list())
        out.insert(e.name);
      return out;
    };
    EXPECT_EQ(exposed(t.a), std::set<std::string>{"files"});
    EXPECT_EQ(exposed(t.c), std::set<std::string>{});
    if (t.m.overlay->find(gone) == nullptr) {
      EXPECT_TRUE(std::ranges::none_of(
          t.m.disk, [&](const auto& row) { return std::get<NetworkId>(row.first) == gone; }));
    }
    EXPECT_FALSE(t.connect(t.a, t.a, "files", "m-at-a"));
  }
  EXPECT_EQ(outcomes, (std::set<std::size_t>{2, 3})) << "no cut fell between the two";
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

TEST(Networks, OneWithNobodyElseInItIsLeftUnlessItIsTheOnlyOne) {
  World world;
  Node& a = world.add("a");
  const NetworkId first = *a.overlay->network();
  EXPECT_EQ(world.finish(a, a.overlay->leave(world.now, first)).error().code, Errc::Conflict);
  const auto founded = world.finish(a, a.overlay->found_network(world.now, "work", "laptop"));
  ASSERT_TRUE(founded);
  ASSERT_TRUE(world.finish(a, a.overlay->leave(world.now, first)));
  EXPECT_EQ(a.overlay->network_name(), "work");
  world.run(1s);
  world.crash(a);
  world.start(a);
  EXPECT_EQ(a.overlay->network_name(), "work");
  EXPECT_EQ(a.overlay->networks(world.now).size(), 1u);
}

}  // namespace
}  // namespace weft::overlay::testing
