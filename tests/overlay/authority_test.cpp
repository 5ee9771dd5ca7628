// Who has a say in a network of whole nodes: old copies, stopped rosters, names given twice.
#include <gtest/gtest.h>

#include "overlay/roster/entry.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

bool lists(const Node& node, const std::string& name) {
  return std::ranges::any_of(node.overlay->members(),
                             [&](const MemberView& member) { return member.name == name; });
}
bool attends(const Node& node, Instant now, std::string_view words) {
  return std::ranges::any_of(node.overlay->roster_attention(now), [&](const std::string& line) {
    return line.find(words) != std::string::npos;
  });
}

struct Admins {
  Admins() {
    world.bring_in(a, b, {"expose", "admin"});
    world.bring_in(a, c, {"expose", "admin"});
    EXPECT_TRUE(world.run_until([&] { return world.linked(b, c); }, 10s));
  }
  void apart(const std::vector<Node*>& here, const std::vector<Node*>& there, bool on = true) {
    for (const auto* x : here)
      for (const auto* y : there) world.cut(*x, *y, on);
    if (on) world.run(50s);
  }
  // Puts an entry on a stopped node's disk, behind its head or beside it, as if it had come from a
  // peer.
  void plant(Node& node, const crypto::Ed25519KeyPair& signer, std::uint64_t kind, Bytes body,
             bool critical, bool moves_head, bool beside = false) {
    world.crash(node);
    for (auto& [key, value] : node.disk) {
      const auto& [table, network, name] = key;
      if (table != Table::Network || text_of(name) != "head") continue;
      roster::Head parent{read_be<std::uint64_t>(value), *to_array<32>(ByteView(value).subspan(8))};
      if (beside) {
        const auto at = node.disk.at({Table::Roster, network, to_bytes(parent.hash)});
        parent = {parent.seq - 1, roster::Entry::decode(at)->prev};
      }
      const auto entry =
          roster::Entry::sign(signer, network, parent, static_cast<roster::Kind>(kind),
                              std::move(body), kEpoch, critical);
      const auto hash = entry.hash();
      if (moves_head) {
        value.clear();
        append_be(value, entry.seq);
        append(value, hash);
      }
      node.disk[{Table::Roster, network, to_bytes(hash)}] = entry.encode();
      break;
    }
    world.start(node);
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
};

// F2: b is removed; its old copy lets e in as an admin; e knocks.
TEST(Authority, WhomARemovedAdminsOldCopyLetsInStaysOut) {
  Admins t;
  auto& [world, a, b, c] = t;
  const auto copy = b.disk;
  ASSERT_TRUE(world.finish(c, c.overlay->group_change(world.now, "friends", "c", true)));
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  world.run(2s);
  world.crash(b);
  Node& e = world.add("e");
  t.apart({&a, &c}, {&b, &e});
  b.disk = copy;
  world.start(b);
  world.bring_in(b, e, {"expose", "admin"});
  ASSERT_EQ(e.overlay->role(), "admin");
  world.crash(b);
  t.apart({&a, &c}, {&e}, false);
  world.run(60s);
  for (const Node* node : {&a, &c}) {
    EXPECT_FALSE(lists(*node, "e"));
    EXPECT_FALSE(lists(*node, "b"));
    EXPECT_FALSE(world.linked(*node, e));
  }
  // With b's copy beside it, too.
  t.apart({&a, &c}, {&b}, false);
  world.start(b);
  world.run(60s);
  EXPECT_EQ(a.overlay->members().size(), 2u);
  EXPECT_TRUE(world.same_head(a, c));
}

// A removal that lost a fork, while its author is away: whoever heard it passes it on.
TEST(Authority, ARemovalBesideTheChainReachesWhoWasAway) {
  Admins t;
  auto& [world, a, b, c] = t;
  Node& d = world.add("d");
  Node& e = world.add("e");
  world.bring_in(a, d);
  world.bring_in(a, e);
  ASSERT_TRUE(world.run_until([&] { return world.linked(c, d) && world.linked(c, e); }, 10s));
  t.apart({&a, &b, &e}, {&c, &d});
  ASSERT_TRUE(world.finish(c, c.overlay->remove_node(world.now, "e")));
  world.run(1s);
  ASSERT_TRUE(world.finish(a, a.overlay->group_change(world.now, "north", "a", true)));
  world.run(1s);
  world.crash(c);
  world.crash(a);  // b, a plain witness here, meets d: neither may restate c's removal but b
  t.apart({&b, &e}, {&d}, false);
  ASSERT_TRUE(world.run_until([&] { return world.linked(b, d); }, 150s));
  EXPECT_TRUE(world.run_until([&] { return !lists(b, "e") && !lists(d, "e"); }, 20s));
  EXPECT_EQ(b.overlay->groups().size(), 1u);
  EXPECT_TRUE(world.run_until([&] { return world.same_head(b, d); }, 20s));
  world.run(2s);
  EXPECT_EQ(e.overlay->role(), "none");
}

// Both have the same head, so neither asks the other for anything.
TEST(Authority, ARemovalBesideTheChainIsToldToWhoHasTheSameHead) {
  Admins t;
  auto& [world, a, b, c] = t;
  Node& d = world.add("d");
  Node& e = world.add("e");
  world.bring_in(a, d);
  world.bring_in(a, e);
  ASSERT_TRUE(world.finish(a, a.overlay->group_change(world.now, "north", "a", true)));
  ASSERT_TRUE(world.run_until(
      [&] {
        return world.linked(b, d) && d.overlay->groups().size() == 1 && world.same_head(b, d);
      },
      10s));
  world.run(1s);  // and their disks have it
  world.crash(a);
  world.crash(c);
  t.plant(b, c.identity.key, static_cast<std::uint64_t>(roster::Kind::Removal),
          roster::pack(roster::RemovalBody{false, e.identity.id.bytes}), false, false, true);
  EXPECT_FALSE(lists(b, "e"));
  EXPECT_TRUE(world.run_until([&] { return !lists(d, "e"); }, 90s));
  EXPECT_TRUE(world.same_head(b, d));
}

// F3: the most junior admin stops the roster; the founder sees who, goes on, and removes it.
TEST(Authority, AStopIsLiftedByASeniorsCommand) {
  Admins t;
  auto& [world, a, b, c] = t;
  world.crash(c);
  t.plant(a, c.identity.key, 99, {1}, true, false);
  t.plant(b, c.identity.key, 99, {1}, true, false);
  EXPECT_TRUE(attends(a, world.now, "c signed an entry of kind 99"));
  EXPECT_TRUE(attends(a, world.now, "weft remove c"));
  ASSERT_TRUE(world.run_until([&] { return world.linked(a, b); }, 60s));
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "c")));
  EXPECT_FALSE(attends(a, world.now, "stopped"));
  EXPECT_TRUE(world.run_until([&] { return world.same_head(a, b); }, 10s));
  Node& d = world.add("d");
  world.bring_in(a, d);
  EXPECT_TRUE(lists(b, "d") || world.run_until([&] { return lists(b, "d"); }, 10s));
}

// F17: both let in a "pi" while apart, and both were told that they are in.
TEST(Authority, ANameGivenTwiceCostsNobodyItsPlace) {
  Admins t;
  auto& [world, a, b, c] = t;
  Node& one = world.add("one");
  Node& two = world.add("two");
  t.apart({&a, &one}, {&b, &c, &two});
  ASSERT_TRUE(world.join(one, world.invite(a, "pi")->ticket));
  ASSERT_TRUE(world.join(two, world.invite(b, "pi")->ticket));
  t.apart({&a, &one}, {&b, &c, &two}, false);
  const std::vector<Node*> all{&a, &b, &c, &one, &two};
  EXPECT_TRUE(world.run_until(
      [&] {
        return std::ranges::all_of(
            all, [](const Node* node) { return lists(*node, "pi") && lists(*node, "pi-2"); });
      },
      150s));
  EXPECT_EQ(one.overlay->name(), "pi");
  EXPECT_EQ(two.overlay->name(), "pi-2");
  EXPECT_TRUE(two.noticed("called pi-2 now"));
  EXPECT_TRUE(attends(b, world.now, "pi-2"));
}

// W4: what a removed node says, nobody hears; its commands say so.
TEST(Authority, ARemovedNodesCommandsFailWithTheTruth) {
  Admins t;
  auto& [world, a, b, c] = t;
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  ASSERT_TRUE(world.run_until([&] { return b.overlay->role() == "none"; }, 5s));
  const auto refused = [&](Node& node) {
    for (const auto id : {node.overlay->remove_node(world.now, "c"),
                          node.overlay->invite(world.now, "x", {"expose"}, {}, 15min)}) {
      const auto answer = world.finish(node, id);
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code, Errc::Denied);
      EXPECT_NE(answer.error().detail.find("was removed"), std::string::npos);
    }
  };
  refused(b);
  EXPECT_TRUE(b.overlay->removed());
  // The founder's node too, whose person could still sign.
  t.plant(a, a.person, static_cast<std::uint64_t>(roster::Kind::Removal),
          roster::pack(roster::RemovalBody{false, a.identity.id.bytes}), false, true);
  refused(a);
}

// A senior's change comes in before a junior's: everybody is told what no longer counts.
TEST(Authority, AReorganisationIsToldWithWhatWasLost) {
  Admins t;
  auto& [world, a, b, c] = t;
  t.apart({&a}, {&b, &c});
  ASSERT_TRUE(world.finish(a, a.overlay->group_change(world.now, "north", "a", true)));
  ASSERT_TRUE(world.finish(c, c.overlay->group_change(world.now, "south", "c", true)));
  world.run(1s);
  t.apart({&a}, {&b, &c}, false);
  ASSERT_TRUE(world.run_until([&] { return b.overlay->groups().size() == 2; }, 150s));
  EXPECT_TRUE(attends(b, world.now, "c: put c into the group south"));
  EXPECT_TRUE(std::ranges::any_of(b.of<RosterChanged>(),
                                  [](const RosterChanged& change) { return change.lost == 1; }));
  world.run(25h);
  EXPECT_FALSE(attends(b, world.now, "south"));
}

}  // namespace
}  // namespace weft::overlay::testing
