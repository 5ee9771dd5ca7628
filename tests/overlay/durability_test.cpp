// Nothing is acknowledged or told to others before it is stored; a disk that refuses loses nothing
// but time; a crash at any moment leaves all that was acknowledged.
#include <gtest/gtest.h>

#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

struct Two {
  explicit Two(std::uint64_t seed = 1) : world(seed) { world.bring_in(a, b); }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
};

TEST(Durability, NoAnswerBeforeTheRowsAreStored) {
  Two t;
  t.a.disk_delay = 300ms;
  const auto before = t.world.now;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  EXPECT_GE(t.world.now - before, 300ms);
  const auto invited = t.world.now;
  ASSERT_TRUE(t.world.invite(t.a, "c"));
  EXPECT_GE(t.world.now - invited, 300ms);
}

TEST(Durability, ARosterEntryIsToldToNobodyBeforeItIsStored) {
  Two t;
  t.a.disk_delay = 5s;
  const auto id = t.a.overlay->group_change(t.world.now, "staff", "b", true);
  t.world.run(2s);
  // Even a peer that asks, because it came back just now, does not get it.
  t.world.crash(t.b);
  t.world.start(t.b);
  t.world.run(2s);
  EXPECT_TRUE(t.b.overlay->groups().empty());
  ASSERT_TRUE(t.world.finish(t.a, id));
  EXPECT_TRUE(t.world.run_until([&] { return t.b.overlay->groups().size() == 1; }, 5s));
}

TEST(Durability, ACrashBeforeTheEntryIsStoredIsNoEquivocationLater) {
  Two t;
  t.a.disk_delay = 5s;
  (void)t.a.overlay->group_change(t.world.now, "one", "b", true);
  t.world.run(2s);
  t.world.crash(t.a);
  t.a.disk_delay = 1ms;
  t.world.start(t.a);
  EXPECT_TRUE(t.a.overlay->groups().empty());
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, "two", "b", true)));
  EXPECT_TRUE(t.world.run_until([&] { return t.b.overlay->groups().size() == 1; }, 10s));
  EXPECT_FALSE(t.b.noticed("signed twice"));
}

TEST(Durability, AFullDiskIsSaidAndTheNodeGoesOnServing) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  t.a.disk_full = true;
  const auto refused = t.world.expose(t.a, "ssh", {"b"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Storage);
  EXPECT_NE(refused.error().detail.find("disk is full"), std::string::npos);
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  EXPECT_EQ(t.world.invite(t.a, "c").error().code, Errc::Storage);
  // Room again: what was refused is stored by itself.
  t.a.disk_full = false;
  t.world.run(12s);
  t.world.crash(t.a);
  t.world.start(t.a);
  EXPECT_EQ(t.a.overlay->exposures().size(), 2u);
}

TEST(Durability, ARosterEntryTheDiskRefusedTakesEffectEverywhereOnceItIsStored) {
  Two t;
  Node& c = t.world.add("c");
  t.world.bring_in(t.a, c);
  t.a.disk_full = true;
  const auto refused = t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "b"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Storage);
  t.world.run(1s);
  EXPECT_EQ(c.overlay->members().size(), 3u);  // not told: it is not stored
  t.a.disk_full = false;
  t.world.run(12s);
  EXPECT_EQ(c.overlay->members().size(), 2u);
  EXPECT_FALSE(t.world.linked(t.a, t.b));
  t.world.crash(t.a);
  t.world.start(t.a);
  EXPECT_EQ(t.a.overlay->members().size(), 2u);
}

TEST(Durability, WhatTheDiskRefusedIsNoYesTheSecondTime) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  t.a.disk_full = true;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(t.world.finish(t.a, t.a.overlay->set_access(t.world.now, "web", "b", false)));
    EXPECT_FALSE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, "staff", "b", true)));
  }
  t.a.disk_full = false;
  t.world.run(12s);
  EXPECT_TRUE(t.world.finish(t.a, t.a.overlay->set_access(t.world.now, "web", "b", false)));
  EXPECT_TRUE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, "staff", "b", true)));
}

// The owner has let go of the address by then: a door without a listener helps nobody.
TEST(Durability, ADoorTheDiskRefusedIsNone) {
  Two t;
  service::Mapping door;
  door.service = "web";
  door.node = t.b.identity.id;
  door.listen = Endpoint::v4(0x7f000001, 5001);
  t.a.disk_full = true;
  EXPECT_FALSE(t.world.finish(t.a, t.a.overlay->add_mapping(t.world.now, door)));
  EXPECT_TRUE(t.a.overlay->mappings().empty());
  t.a.disk_full = false;
  t.world.run(12s);
  EXPECT_TRUE(t.world.finish(t.a, t.a.overlay->add_mapping(t.world.now, door)));
  t.world.crash(t.a);
  t.world.start(t.a);
  EXPECT_EQ(t.a.overlay->mappings().size(), 1u);
}

// The disk takes a later change while an earlier one still waits for its second try.
TEST(Durability, ADiskThatRefusesSomeWritesLeavesAHomeThatStarts) {
  Two t;
  const auto group = [&](const std::string& name) {
    return t.world.finish(t.a, t.a.overlay->group_change(t.world.now, name, "b", true)).has_value();
  };
  t.a.disk_full = true;
  EXPECT_FALSE(group("first"));
  EXPECT_FALSE(t.world.expose(t.a, "web").has_value());
  t.a.disk_full = false;
  EXPECT_TRUE(group("second"));
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->unexpose(t.world.now, "web")));
  Node& at_once = t.world.add("copy");
  at_once.disk = t.a.disk;
  t.world.crash(at_once);
  t.world.start(at_once);  // as if a had been killed here
  EXPECT_EQ(at_once.overlay->groups().size(), 2u);
  t.world.crash(at_once);
  t.world.run(12s);
  t.world.crash(t.a);
  t.world.start(t.a);
  EXPECT_EQ(t.a.overlay->groups().size(), 2u);
  EXPECT_TRUE(t.a.overlay->exposures().empty());  // the retry does not bring it back
}

TEST(Durability, AJoinTheInviterCannotStoreIsRefusedAndWorksLater) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  a.disk_full = true;
  const auto refused = world.join(b, ticket->ticket);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Storage);
  // Asking again while nothing is stored must not be a yes either.
  EXPECT_FALSE(world.join(b, ticket->ticket));
  a.disk_full = false;
  world.run(12s);
  const auto joined = world.join(b, ticket->ticket);
  ASSERT_TRUE(joined) << joined.error().detail;
  world.crash(a);
  world.start(a);
  EXPECT_EQ(a.overlay->members().size(), 2u);
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, b); }, 10s));
}

TEST(Durability, AJoinerThatCannotStoreStaysInItsOldNetwork) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  ASSERT_TRUE(world.expose(b, "web"));
  const auto old = b.overlay->network();
  const auto ticket = world.invite(a, "b");
  b.disk_full = true;
  const auto failed = world.join(b, ticket->ticket);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::Storage);
  EXPECT_EQ(b.overlay->network(), old);
  b.disk_full = false;
  world.run(12s);  // what was given up is not stored later, behind everybody's back
  world.crash(b);
  world.start(b);
  EXPECT_EQ(b.overlay->network(), old);
  EXPECT_EQ(b.overlay->exposures().size(), 1u);
  const auto joined = world.join(b, ticket->ticket);  // the same identity, the same answer
  ASSERT_TRUE(joined) << joined.error().detail;
  world.run(12s);
  world.crash(b);
  world.start(b);
  EXPECT_EQ(b.overlay->network(), a.overlay->network());
  EXPECT_EQ(b.overlay->exposures().size(), 1u);
}

// One seed of a long series: commands, joins and crashes at random moments on random disks; what
// was acknowledged is there after the restart.
void crash_story(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  World world(seed);
  SeededRng dice(seed ^ 0xd1ce);
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  std::map<std::string, bool> acknowledged;  // service -> exposed
  std::set<std::string> groups;
  for (int round = 0; round < 12; ++round) {
    a.disk_delay = Duration(static_cast<std::int64_t>(dice.uniform(30'000'000)));
    std::map<CommandId, std::pair<std::string, bool>> sent;
    std::map<CommandId, std::string> grouped;
    for (int i = 0; i < 5; ++i) {
      const std::string name = "s" + std::to_string(dice.uniform(6));
      if (dice.uniform(3) == 0) {
        sent[a.overlay->unexpose(world.now, name)] = {name, false};
      } else {
        sent[a.overlay->expose(
            world.now, {name, service::Protocol::Tcp, *service::Target::from_text("80")}, {})] = {
            name, true};
      }
      const std::string group = "g" + std::to_string(round * 5 + i);
      grouped[a.overlay->group_change(world.now, group, "b", true)] = group;
      world.run(Duration(static_cast<std::int64_t>(dice.uniform(20'000'000))));
    }
    std::set<std::string> unsure;  // asked after the last answer: either outcome is right
    for (const auto& [id, what] : sent) {
      const auto answer = a.answer(id);
      if (answer && *answer) {
        acknowledged[what.first] = what.second;
        unsure.erase(what.first);
      } else if (!answer) {
        unsure.insert(what.first);
      }
    }
    for (const auto& [id, group] : grouped)
      if (const auto answer = a.answer(id); answer && *answer) groups.insert(group);
    world.crash(a);
    world.start(a);
    std::set<std::string> there;
    for (const auto& exposure : a.overlay->exposures()) there.insert(exposure.name);
    for (const auto& [name, exposed] : acknowledged) {
      if (!unsure.contains(name)) {
        EXPECT_EQ(there.contains(name), exposed) << name;
      }
    }
    for (const auto& name : unsure) acknowledged[name] = there.contains(name);
    std::set<std::string> known;
    for (const auto& [group, nodes] : a.overlay->groups()) known.insert(group);
    for (const auto& group : groups) EXPECT_TRUE(known.contains(group)) << group;
  }
  EXPECT_TRUE(world.run_until(
      [&] { return world.linked(a, b) && a.overlay->groups() == b.overlay->groups(); }, 60s));
  EXPECT_FALSE(b.noticed("signed twice"));
}

TEST(Durability, ACrashAtAnyMomentKeepsWhatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) crash_story(seed);
}

}  // namespace
}  // namespace weft::overlay::testing
