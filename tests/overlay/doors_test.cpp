// Doors stay with the node they were opened to; who has no right to expose offers nothing; whether
// targets answer is known at both ends.
#include <array>

#include <gtest/gtest.h>

#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

using service::Health;
using service::OpenStatus;

struct Four {
  explicit Four(std::vector<std::string> may_of_e = {"expose"}) {
    world.bring_in(a, b);
    world.bring_in(a, c);
    world.bring_in(a, e, std::move(may_of_e));
    EXPECT_TRUE(world.run_until([&] { return world.linked(b, c) && world.linked(c, e); }));
  }
  // A door of c; its id.
  std::uint64_t door(service::Mapping mapping) {
    mapping.listen = Endpoint::v4(0x7f000001, next_port++);
    const auto made = world.finish(c, c.overlay->add_mapping(world.now, std::move(mapping)));
    EXPECT_TRUE(made) << made.error().detail;
    return std::get<MappingOutcome>(*made).mapping.id;
  }
  // Where a client of a door ends: the node's name, or what went wrong.
  std::string reached(std::uint64_t door) {
    const auto asked = [](const Node& node) { return node.of<InboundStream>().size(); };
    const std::array before{asked(a), asked(b), asked(e)};
    const auto id = c.overlay->connect_door(world.now, door);
    world.run_until([&] { return c.stream_of(id) || c.connect_error(id); }, 60s);
    if (!c.stream_of(id)) return c.connect_error(id)->detail;
    const Client& client = c.clients.at(*c.stream_of(id));
    world.run_until([&] { return client.accepted || client.refused || client.closed; });
    if (client.refused) return client.refused_because;
    if (!client.accepted) return "nobody";
    if (asked(e) > before[2]) return "e";
    return asked(b) > before[1] ? "b" : "a";
  }
  void crash_seen(Node& node) {
    world.crash(node);
    ASSERT_TRUE(
        world.run_until([&] { return c.overlay->away_since(node.identity.id) != 0; }, 120s));
  }
  bool offers(const std::string& node, const std::string& service = "blog") {
    return std::ranges::any_of(c.overlay->services(), [&](const ServiceView& view) {
      return view.name == service && view.node == node;
    });
  }
  void offer(Node& node) {
    ASSERT_TRUE(world.expose(node, "blog", {"*"}));
    ASSERT_TRUE(world.run_until([&] { return offers(node.name); }));
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  Node& e = world.add("e");
  std::uint16_t next_port = 9000;
};

service::Mapping to_blog() { return {0, "blog", {}, {}, false}; }

TEST(Doors, StayWithTheNodeThatWasShown) {
  Four t;
  t.offer(t.b);
  const auto door = t.door(to_blog());
  EXPECT_EQ(t.c.overlay->mappings()[0].node, t.b.identity.id);
  t.offer(t.e);  // nearer or not
  for (int i = 0; i < 6; ++i) EXPECT_EQ(t.reached(door), "b");
  t.crash_seen(t.b);
  EXPECT_EQ(t.reached(door), "b does not answer");
  t.world.start(t.b);
  ASSERT_TRUE(t.world.run_until([&] { return t.world.linked(t.b, t.c); }, 120s));
  EXPECT_EQ(t.reached(door), "b");
}

TEST(Doors, ANameThatTwoOfferNeedsANode) {
  Four t;
  t.offer(t.b);
  t.offer(t.e);
  const auto made = t.world.finish(t.c, t.c.overlay->add_mapping(t.world.now, to_blog()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::Conflict);
  EXPECT_EQ(made.error().detail, "\"blog\" is offered by b and e");
  const auto piped = t.c.overlay->connect(t.world.now, "blog", "");
  t.world.run(1s);
  EXPECT_EQ(t.c.connect_error(piped)->code, Errc::Conflict);
  EXPECT_TRUE(t.c.overlay->provider("blog", "", true));  // one owner, and any will do
  auto pinned = to_blog();
  pinned.node = t.b.identity.id;
  t.door(pinned);
  EXPECT_EQ(*t.c.overlay->provider("blog", ""), t.b.identity.id);  // the door says who is meant
}

TEST(Doors, WhoIsAwayStillCounts) {
  Four t;
  t.offer(t.b);
  t.crash_seen(t.b);
  const auto gone = t.c.overlay->services();
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_FALSE(gone[0].up);
  EXPECT_FALSE(gone[0].healthy);
  EXPECT_GT(gone[0].away_since, kEpoch);
  t.offer(t.e);
  EXPECT_EQ(t.c.overlay->provider("blog", "").error().code, Errc::Conflict);
}

// As stored by a version before doors were pinned.
TEST(Doors, ADoorWithoutANodeGetsTheOnlyOneThereIs) {
  Four t;
  t.offer(t.b);
  auto old = to_blog();
  old.id = 7;
  old.listen = Endpoint::v4(0x7f000001, 9999);
  Bytes key;
  append_be(key, old.id);
  const auto unpinned_home = [&] {
    t.world.crash(t.c);
    t.c.disk[{Table::Mapping, *t.a.overlay->network(), key}] = old.encode();
    t.world.start(t.c);
  };
  unpinned_home();
  ASSERT_TRUE(t.world.run_until([&] { return t.offers("b"); }, 120s));
  EXPECT_EQ(t.reached(7), "b");
  EXPECT_TRUE(t.c.noticed("door 7 to blog named no node: from now on it leads to b"));
  EXPECT_EQ(t.c.overlay->warnings().pinned, std::vector<std::uint64_t>{7});
  t.world.run(1s);
  t.world.crash(t.c);
  t.world.start(t.c);
  EXPECT_EQ(t.c.overlay->mappings()[0].node, t.b.identity.id);

  t.offer(t.e);
  unpinned_home();
  ASSERT_TRUE(t.world.run_until([&] { return t.offers("b") && t.offers("e"); }, 120s));
  EXPECT_EQ(t.reached(7), "\"blog\" is offered by b and e");
  ASSERT_EQ(t.c.overlay->warnings().unpinned.size(), 1u);
  EXPECT_FALSE(t.c.overlay->mappings()[0].node);
}

TEST(Doors, AReplicaServesWhenTheTargetOfTheFirstRefuses) {
  Four t;
  t.offer(t.b);
  t.offer(t.e);
  auto pinned = to_blog();
  pinned.node = t.b.identity.id;
  auto named = pinned;
  named.also = {t.e.identity.id};
  const auto only_b = t.door(pinned), either = t.door(named);
  t.b.dead_targets = true;
  EXPECT_EQ(t.reached(only_b), "127.0.0.1:8080: Connection refused");
  for (int i = 0; i < 6; ++i) EXPECT_EQ(t.reached(either), "e");
  t.e.dead_targets = true;
  EXPECT_EQ(t.reached(either), "127.0.0.1:8080: Connection refused");
  t.b.dead_targets = t.e.dead_targets = false;
  t.crash_seen(t.b);
  EXPECT_EQ(t.reached(either), "e");
}

TEST(Doors, TheFirstBytesReachTheReplicaThatServes) {
  Four t;
  t.offer(t.b);
  t.offer(t.e);
  auto named = to_blog();
  named.node = t.b.identity.id;
  named.any = true;  // all of a's nodes have one owner
  const auto door = t.door(named);
  t.b.dead_targets = t.e.dead_targets = true;
  (void)t.reached(door);
  t.e.dead_targets = false;
  const auto id = t.c.overlay->connect_door(t.world.now, door);
  ASSERT_TRUE(t.world.run_until([&] { return t.c.stream_of(id).has_value(); }));
  t.world.say(t.c, *t.c.stream_of(id), "hello");
  EXPECT_TRUE(
      t.world.run_until([&] { return t.c.clients.at(*t.c.stream_of(id)).received == "hello"; }));
}

TEST(Rights, WhoMayNotExposeIsRefusedAtBothEnds) {
  Four t({"relay"});
  const auto tried = t.world.expose(t.e, "blog", {"*"});
  ASSERT_FALSE(tried);
  EXPECT_EQ(tried.error().code, Errc::Denied);
  EXPECT_TRUE(t.e.overlay->exposures().empty());
}

// It exposed in a network of its own, where it may, and was then let in without the right.
TEST(Rights, WhatComesAlongIsNotOfferedWithoutTheRight) {
  World world;
  Node& a = world.add("a");
  Node& e = world.add("e");
  ASSERT_TRUE(world.expose(e, "blog", {"*"}));
  world.bring_in(a, e, {"relay"});
  ASSERT_TRUE(world.finish(e, e.overlay->set_access(world.now, "blog", "a", true)));
  world.run(2s);
  EXPECT_TRUE(a.overlay->services().empty());
  EXPECT_TRUE(e.overlay->warnings().may_not_expose);
  const auto id = a.overlay->connect(world.now, "blog", "e");
  world.run(1s);
  ASSERT_TRUE(a.connect_error(id));
  EXPECT_EQ(a.connect_error(id)->detail, "e has no right to expose services in this network");
}

// The right is taken back while it cannot hear of it: the others do not wait for its word.
TEST(Rights, WhoLosesTheRightIsHeardNoMore) {
  Four t;
  t.offer(t.e);
  const auto door = t.door(to_blog());
  EXPECT_EQ(t.reached(door), "e");
  for (Node* other : {&t.a, &t.b, &t.c}) t.world.cut(t.e, *other);
  const auto revoked = t.a.overlay->change_rights(t.world.now, "e", {"expose"}, false);
  ASSERT_TRUE(t.world.finish(t.a, revoked));
  ASSERT_TRUE(t.world.run_until([&] { return t.c.overlay->services().empty(); }, 10s));
  EXPECT_EQ(t.reached(door), "e has no right to expose services in this network");
  ASSERT_TRUE(t.world.expose(t.e, "wiki", {"*"}));  // as far as it knows it may
  for (Node* other : {&t.a, &t.b, &t.c}) t.world.cut(t.e, *other, false);
  const auto told = [&] {
    return t.c.noticed("e offers services without the right to expose: ignored");
  };
  EXPECT_TRUE(t.world.run_until(told, 180s));  // it said them before it heard
  ASSERT_TRUE(t.world.run_until([&] { return t.e.overlay->warnings().may_not_expose; }, 180s));
  t.world.run(2s);
  EXPECT_TRUE(t.c.overlay->services().empty());
  EXPECT_TRUE(t.c.overlay->warnings().unlicensed.empty());  // it offers nothing now
  const auto back = t.a.overlay->change_rights(t.world.now, "e", {"expose"}, true);
  ASSERT_TRUE(t.world.finish(t.a, back));
  ASSERT_TRUE(t.world.run_until([&] { return t.offers("e"); }, 10s));
  EXPECT_EQ(t.reached(door), "e");
}

TEST(Health, IsKnownAtBothEndsAndComesBack) {
  Four t;
  t.b.dead_targets = true;
  t.offer(t.b);
  EXPECT_EQ(t.b.overlay->health("blog").health, Health::Refused);
  ASSERT_TRUE(
      t.world.run_until([&] { return t.c.overlay->services()[0].health == Health::Refused; }, 3s));
  EXPECT_FALSE(t.c.overlay->services()[0].healthy);
  t.world.run(30s);
  const auto looks = t.b.of<ProbeTarget>().size();
  EXPECT_GE(looks, 3u);
  EXPECT_LE(looks, 5u);
  t.b.dead_targets = false;
  ASSERT_TRUE(
      t.world.run_until([&] { return t.c.overlay->services()[0].health == Health::Ok; }, 13s));
  const auto enough = t.b.of<ProbeTarget>().size();
  t.world.run(60s);
  EXPECT_EQ(t.b.of<ProbeTarget>().size(), enough);  // one that answered is left alone
}

TEST(Health, ARealConnectionTellsItToo) {
  Four t;
  t.offer(t.b);
  ASSERT_TRUE(
      t.world.run_until([&] { return t.c.overlay->services()[0].health == Health::Ok; }, 3s));
  t.b.dead_targets = true;
  EXPECT_EQ(t.world.open(t.c, "blog", "b").refused, OpenStatus::TargetRefused);
  EXPECT_EQ(t.c.overlay->services()[0].health, Health::Refused);
  EXPECT_EQ(t.b.overlay->health("blog").detail, "127.0.0.1:8080: Connection refused");
  ASSERT_TRUE(
      t.world.run_until([&] { return t.a.overlay->services()[0].health == Health::Refused; }, 3s));
}

TEST(Health, NobodyIsAskedForWhomNobodyWaits) {
  World world;
  Node& a = world.add("a");
  a.dead_targets = true;
  ASSERT_TRUE(world.expose(a, "blog"));
  world.run(60s);
  EXPECT_EQ(a.of<ProbeTarget>().size(), 1u);
}

TEST(Access, ADenialNamesItsRuleAndAResetLiftsIt) {
  Four t;
  ASSERT_TRUE(t.world.expose(t.b, "blog", {"c"}));
  const auto set = [&](const std::string& who, bool allow) {
    return t.world.finish(t.b, t.b.overlay->set_access(t.world.now, "blog", who, allow));
  };
  ASSERT_TRUE(set("*", false));
  EXPECT_EQ(t.b.overlay->denied_by("blog", "c"), std::vector<std::string>{"*"});
  EXPECT_TRUE(t.b.overlay->access("blog").readers.empty());
  t.world.open(t.c, "blog", "b");
  EXPECT_EQ(t.c.of<ConnectRefused>().back().who, "*");
  ASSERT_TRUE(t.world.finish(t.b, t.b.overlay->reset_access(t.world.now, "blog", {"*"})));
  EXPECT_EQ(t.b.overlay->access("blog").readers, std::vector<std::string>{"c"});
  EXPECT_TRUE(t.world.open(t.c, "blog", "b").accepted);
  EXPECT_EQ(t.world.finish(t.b, t.b.overlay->reset_access(t.world.now, "blog", {"*"})).error().code,
            Errc::NotFound);
  ASSERT_TRUE(t.world.finish(t.b, t.b.overlay->reset_access(t.world.now, "blog", {})));
  EXPECT_EQ(t.world.open(t.c, "blog", "b").refused, OpenStatus::Denied);
  EXPECT_EQ(t.c.of<ConnectRefused>().back().who, "");
}

TEST(Access, SeveralAreLetInAtOnceOrNobody) {
  Four t;
  ASSERT_TRUE(t.world.expose(t.b, "blog"));
  const auto allow = [&](std::vector<std::string> who) {
    return t.world.finish(t.b, t.b.overlay->set_access(t.world.now, "blog", who, true));
  };
  EXPECT_EQ(allow({"c", "nobody"}).error().code, Errc::NotFound);
  EXPECT_TRUE(t.b.overlay->access("blog").allow.empty());
  ASSERT_TRUE(allow({"c", "e"}));
  EXPECT_EQ(t.b.overlay->access("blog").readers, (std::vector<std::string>{"c", "e"}));
}

TEST(Access, AGroupThatIsNoneIsToldSo) {
  Four t;
  ASSERT_TRUE(t.world.expose(t.b, "blog"));
  for (const bool allow : {true, false}) {
    const auto id = t.b.overlay->set_access(t.world.now, "blog", "group:nope", allow);
    EXPECT_EQ(t.world.finish(t.b, id).error().code, Errc::NotFound);
  }
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, "staff", "b", true)));
  const auto id = t.a.overlay->group_change(t.world.now, "staff", "c", false);
  EXPECT_EQ(t.world.finish(t.a, id).error().detail, "c is not in the group \"staff\"");
}

}  // namespace
}  // namespace weft::overlay::testing
