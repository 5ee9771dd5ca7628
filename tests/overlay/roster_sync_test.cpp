// The roster between nodes: everybody ends with the same chain, a newcomer is known wherever it
// knocks, a removed node is out within a second of the entry's arrival.
#include <gtest/gtest.h>

#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

struct Three {
  explicit Three(std::uint64_t seed = 1, harness::LinkOptions link = {}) : world(seed, link) {
    world.bring_in(a, b);
    world.bring_in(a, c);
    EXPECT_TRUE(world.run_until([&] { return world.linked(b, c); }, 10s));
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
};

TEST(RosterSync, MembersFindEachOtherThroughTheInviter) {
  Three t;
  EXPECT_TRUE(t.world.same_head(t.a, t.b));
  EXPECT_TRUE(t.world.same_head(t.a, t.c));
  EXPECT_TRUE(t.world.linked(t.a, t.c));
}

TEST(RosterSync, WhoWasAwayCatchesUpOnReturn) {
  Three t;
  t.world.crash(t.c);
  for (const auto* group : {"g1", "g2", "g3"})
    ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, group, "b", true)));
  t.world.start(t.c);
  EXPECT_TRUE(t.world.run_until([&] { return t.c.overlay->groups().size() == 3; }, 10s));
}

TEST(RosterSync, AChainLongerThanOneAnswerArrivesWhole) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  world.bring_in(a, b);
  world.crash(b);
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(world.finish(
        a, a.overlay->group_change(world.now, "g" + std::to_string(i / 2), "a", i % 2 == 0)));
  ASSERT_TRUE(world.finish(a, a.overlay->group_change(world.now, "last", "b", true)));
  world.start(b);
  EXPECT_TRUE(world.run_until([&] { return b.overlay->groups().size() == 1; }, 30s));
  world.bring_in(a, c);  // a joiner fetches it in as many answers
  EXPECT_EQ(c.overlay->groups().size(), 1u);
}

// The inviter went away before it could tell c: c learns from the newcomer itself.
TEST(RosterSync, ANewcomerIsKnownToAThirdNodeThatNeverHeardOfIt) {
  Three t;
  Node& d = t.world.add("d");
  t.world.cut(t.a, t.c);
  t.world.cut(t.b, t.c);
  t.world.cut(t.a, t.b);  // b does not know either and cannot pass it on
  t.world.bring_in(t.a, d);
  t.world.run(500ms);  // a tells d where b and c are
  t.world.crash(t.a);
  const auto started = t.world.now;
  EXPECT_TRUE(
      t.world.run_until([&] { return t.world.linked(d, t.c) && t.world.linked(d, t.b); }, 20s));
  EXPECT_LE(t.world.now - started, 12s);
  EXPECT_TRUE(t.world.same_head(d, t.c));
  ASSERT_TRUE(t.world.expose(t.c, "web", {"d"}));
  EXPECT_TRUE(t.world.open(d, "web", "c").accepted);
}

// a and b may both sign; c is linked to both.
struct TwoAdmins {
  TwoAdmins() {
    world.bring_in(a, b, {"expose", "admin"});
    world.bring_in(a, c);
    EXPECT_TRUE(world.run_until([&] { return world.linked(b, c); }, 10s));
  }
  // a and the others lose sight of each other; then a signs something.
  void part(const std::vector<Node*>& others) {
    for (const Node* other : others) world.cut(a, *other);
    world.run(50s);
    EXPECT_TRUE(world.finish(a, a.overlay->group_change(world.now, "north", "c", true)));
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
};

// Two admins write at one place of the chain while apart: one entry loses the fork, and its author
// signs it again, because it was acknowledged.
TEST(RosterSync, WhatTwoAdminsWroteApartIsAllThereWhenTheyMeet) {
  TwoAdmins t;
  auto& [world, a, b, c] = t;
  Node& d = world.add("d");
  Node& e = world.add("e");
  t.part({&b, &c});
  world.bring_in(a, d);
  ASSERT_TRUE(world.finish(b, b.overlay->group_change(world.now, "south", "c", true)));
  world.bring_in(b, e);
  for (Node* other : {&b, &c}) world.cut(a, *other, false);
  std::vector<Node*> all{&a, &b, &c, &d, &e};
  EXPECT_TRUE(world.run_until(
      [&] {
        for (const Node* node : all)
          if (node->overlay->members().size() != 5 || node->overlay->groups().size() != 2)
            return false;
        for (const Node* x : all)
          for (const Node* y : all)
            if (x != y && !world.linked(*x, *y)) return false;
        return true;
      },
      150s));
  for (Node* node : all) EXPECT_FALSE(node->noticed("signed twice"));
}

// Its admission lost a fork while the one who signed it is away: for the others it is a stranger
// again, until that one signs it anew.
TEST(RosterSync, WhoseAdmissionLostAForkLosesItsSessionsUntilItIsSignedAgain) {
  TwoAdmins t;
  auto& [world, a, b, c] = t;
  Node& e = world.add("e");
  t.part({&b, &c, &e});
  world.bring_in(b, e);
  ASSERT_TRUE(world.run_until([&] { return world.linked(c, e); }, 20s));
  world.crash(b);
  const auto ends = [&] {
    return std::ranges::count_if(e.of<PeerDown>(), [](const PeerDown& down) {
      return down.name == "c" && down.reason == session::CloseReason::Peer;
    });
  };
  ASSERT_EQ(ends(), 0);
  world.cut(a, c, false);
  ASSERT_TRUE(world.run_until([&] { return c.overlay->groups().size() == 1; }, 60s));
  EXPECT_EQ(c.overlay->members().size(), 3u);
  world.run(1s);
  EXPECT_EQ(ends(), 1);
  EXPECT_TRUE(world.linked(a, c));
  for (Node* other : {&b, &e}) world.cut(a, *other, false);
  world.start(b);
  EXPECT_TRUE(world.run_until([&] { return world.linked(c, e) && world.linked(a, e); }, 150s));
}

TEST(RosterSync, AStrangerWithTheNetworksSecretMakesNobodyAllocate) {
  Three t;
  // d was a member of a's roster that nobody else will ever accept: it forged its own admission.
  Node& d = t.world.add("d");
  const auto ticket = t.world.invite(t.a, "d");
  t.world.crash(t.a);  // nobody answers the ticket, yet d holds the network's secret
  (void)d.overlay->join(t.world.now, ticket->ticket);
  const auto sessions_before = t.c.overlay->sessions().session_count();
  t.world.run(60s);
  EXPECT_LE(t.c.overlay->sessions().session_count(), sessions_before);
  EXPECT_EQ(t.c.overlay->members().size(), 3u);
}

TEST(Removal, EndsLiveSessionsWithinASecondOfTheEntrysArrival) {
  Three t;
  ASSERT_TRUE(t.world.expose(t.c, "web", {"*"}));
  Client& client = t.world.open(t.b, "web", "c");
  ASSERT_TRUE(client.accepted);
  const auto key = t.world.last_key(t.b);
  t.world.say(t.b, key, "ping");
  ASSERT_TRUE(t.world.run_until([&] { return client.received == "ping"; }));
  const auto ordered = t.world.now;
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "b")));
  ASSERT_TRUE(t.world.run_until([&] { return !t.world.linked(t.b, t.c); }, 2s));
  EXPECT_LE(t.world.now - ordered, 1s);
  ASSERT_TRUE(t.world.run_until([&] { return client.ended.has_value(); }, 2s));
  EXPECT_LE(*client.ended - ordered, 1s);
  EXPECT_FALSE(t.world.linked(t.a, t.b));
}

// Its session lasts a moment longer, so that it reads why; that moment answers nothing else.
TEST(Removal, IsObeyedAtOnceAlsoOnTheSessionThatStillTellsOfIt) {
  Three t;
  ASSERT_TRUE(t.world.finish(t.b, t.b.overlay->ping(t.world.now, "a")));
  const auto id = t.a.overlay->remove_node(t.world.now, "b");
  ASSERT_TRUE(t.world.run_until([&] { return t.a.answer(id).has_value(); }, 1s));
  const auto seen_by_b = t.b.overlay->peers();
  ASSERT_TRUE(std::ranges::any_of(seen_by_b, [&](const PeerView& peer) {
    return peer.id == t.a.identity.id && peer.state == "up";
  }));
  EXPECT_FALSE(t.world.finish(t.b, t.b.overlay->ping(t.world.now, "a")));
}

std::size_t ups_of(const Node& node, const Node& peer) {
  const auto all = node.of<PeerUp>();
  return static_cast<std::size_t>(
      std::ranges::count(all, peer.identity.id, [](const PeerUp& up) { return up.peer; }));
}

TEST(Removal, ARemovedNodeCanDoNothingMore) {
  Three t;
  ASSERT_TRUE(t.world.expose(t.c, "web", {"*"}));
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "b")));
  t.world.run(2s);
  EXPECT_EQ(t.b.overlay->role(), "none");  // it was told
  EXPECT_FALSE(t.b.of<RemovedFromNetwork>().empty());
  const auto ups = ups_of(t.a, t.b) + ups_of(t.c, t.b);
  t.world.run(70s);
  t.world.crash(t.b);
  t.world.start(t.b);
  t.world.run(10s);
  const auto id = t.b.overlay->connect(t.world.now, "web", "c");
  // b's end may be up one message before c refuses it; then the stream ends with the session.
  EXPECT_TRUE(t.world.run_until(
      [&] {
        const auto key = t.b.stream_of(id);
        return t.b.connect_error(id) || (key && t.b.clients.at(*key).closed);
      },
      15s));
  EXPECT_EQ(ups_of(t.a, t.b) + ups_of(t.c, t.b), ups);
  EXPECT_GT(t.c.overlay->sessions().counters().cert_removed, 0u);
  EXPECT_EQ(t.a.overlay->members().size(), 2u);
}

// Refused again and again, it does not hammer: the pauses grow as for a peer that is not there.
TEST(Removal, WhoIsRefusedWaitsEverLonger) {
  Three t;
  t.world.cut(t.a, t.b);  // b is not told, and keeps trying
  t.world.cut(t.b, t.c);
  t.world.run(50s);
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "b")));
  t.world.run(1s);
  t.world.cut(t.a, t.b, false);
  const auto before = t.a.overlay->sessions().counters().cert_removed;
  t.world.run(10min);
  const auto refused = t.a.overlay->sessions().counters().cert_removed - before;
  EXPECT_GE(refused, 2u);
  EXPECT_LE(refused, 40u);
  // Its owner is told why nothing works, once.
  EXPECT_EQ(std::ranges::count_if(
                t.b.of<Notice>(),
                [](const Notice& notice) { return notice.text == "a says this node was removed"; }),
            1);
}

TEST(Removal, ReachesANodeThatWasAwayWhenItReturns) {
  Three t;
  t.world.crash(t.c);
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "b")));
  t.world.start(t.c);
  EXPECT_TRUE(t.world.run_until([&] { return t.c.overlay->members().size() == 2; }, 10s));
  t.world.run(2s);
  EXPECT_FALSE(t.world.linked(t.b, t.c));
}

TEST(Removal, ARemovedNodeMayJoinAnotherNetworkByATicket) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  world.bring_in(a, b);
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  world.run(2s);
  const auto back = world.join(b, world.invite(a, "b")->ticket);  // its members would refuse it
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Errc::Denied);
  const auto ticket = world.invite(c, "b");  // into another network
  EXPECT_TRUE(world.join(b, ticket->ticket));
}

}  // namespace
}  // namespace weft::overlay::testing
