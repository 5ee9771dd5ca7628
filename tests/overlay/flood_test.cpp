// A member that floods others with control messages: it loses its own session, nobody else theirs.
#include <gtest/gtest.h>

#include "overlay/control_message.hpp"
#include "overlay/roster/ticket.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

// a knows all; the line is slow enough that what is told faster than it carries piles up.
struct Four {
  explicit Four(std::uint64_t bits_per_second) : world(11, {.bits_per_second = bits_per_second}) {
    for (Node* node : {&b, &c, &e}) world.bring_in(a, *node);
    EXPECT_TRUE(world.run_until([&] { return world.linked(b, c) && world.linked(c, e); }, 10s));
    world.run(3s);
    for (Node* node : {&a, &b, &c, &e}) node->events.clear();
  }
  session::SessionId between(const Node& from, const Node& to) {
    for (const auto& seen : from.overlay->peers())
      if (seen.id == to.identity.id && seen.session) return session_of(from, to);
    return 0;
  }
  session::SessionId session_of(const Node& from, const Node& to) {
    for (session::SessionId id = 1; id < 64; ++id) {
      const auto info = from.overlay->sessions().info(id);
      if (info && info->up && info->peer == to.identity.id) return id;
    }
    return 0;
  }
  // Frames of ours in the middle of what the honest part of `from` says.
  void shout(Node& from, const Node& to, const ControlMessage& message) {
    const auto session = between(from, to);
    if (session != on) unsaid.clear();
    on = session;
    if (session == 0) return;
    if (unsaid.size() < 4096) append(unsaid, encode(message));
    const auto taken = from.overlay->sessions().write(world.now, session, 0, unsaid);
    unsaid.erase(unsaid.begin(), unsaid.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  Hello hello() {
    Hello out;
    out.instance = e.rng.bytes<8>();
    out.observed = a.endpoint;
    for (std::size_t i = 0; i < kMaxEndpointsPerNode; ++i)
      out.endpoints.push_back(Endpoint::v4(static_cast<std::uint32_t>(e.rng.u64()), 4000));
    return out;
  }
  std::size_t downs(const Node& at, const Node& whom) {
    std::size_t count = 0;
    for (const auto& down : at.of<PeerDown>()) count += down.peer == whom.identity.id;
    return count;
  }

  World world;
  session::SessionId on = 0;
  Bytes unsaid;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  Node& e = world.add("e");
};

TEST(Flood, HellosAsFastAsTheyGoEndTheFloodersSessionAndNobodyElses) {
  Four t(20'000'000);
  for (int i = 0; i < 3000; ++i) {
    for (int n = 0; n < 20; ++n) t.shout(t.e, t.a, t.hello());
    t.world.run(1ms);
  }
  EXPECT_GE(t.downs(t.a, t.e), 1u);
  EXPECT_TRUE(t.a.noticed("e sends more control messages than anybody needs"));
  EXPECT_EQ(t.downs(t.a, t.b) + t.downs(t.a, t.c) + t.downs(t.b, t.a) + t.downs(t.c, t.a), 0u);
}

// As much as passes without being taken for a flood is told to others once a second.
TEST(Flood, WhatPassesAsNoFloodIsToldToOthersOnceASecond) {
  Four t(20'000'000);
  std::size_t heard = 0;
  t.world.tap = [&](const Node& from, const Node& to, ByteView bytes) {
    if (&from == &t.a && &to == &t.b && bytes.size() > 250) ++heard;
    return true;
  };
  for (int i = 0; i < 1000; ++i) {
    for (int n = 0; n < 5; ++n) t.shout(t.e, t.a, t.hello());
    t.world.run(10ms);
  }
  EXPECT_EQ(t.downs(t.a, t.e), 0u);
  EXPECT_GE(heard, 5u);
  EXPECT_LE(heard, 20u);
}

TEST(Flood, WhoIsSlowForAMomentKeepsItsSessionAndEndsWithTheNewestState) {
  Four t(0);
  for (int i = 0; i < 150; ++i)
    ASSERT_TRUE(t.world.expose(t.a, "a-service-with-a-long-name-" + std::to_string(i), {"b"}));
  t.world.run(1s);
  t.a.events.clear();
  // Nothing gets through from a to b for a while; then all at once.
  t.world.cut(t.a, t.b);
  for (int i = 0; i < 400; ++i)
    ASSERT_TRUE(t.world.finish(
        t.a,
        t.a.overlay->set_access(
            t.world.now, "a-service-with-a-long-name-" + std::to_string(i % 150), "b", i >= 300)));
  ASSERT_LE(t.world.now - Instant{}, 60s);
  t.world.cut(t.a, t.b, false);
  t.world.run(10s);
  EXPECT_EQ(t.downs(t.a, t.b), 0u);
  EXPECT_EQ(t.b.overlay->services().size(), 100u);
}

TEST(Flood, AskingWithoutReadingCostsOneAnswerAtATime) {
  Four t(0);
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(t.world.finish(
        t.a, t.a.overlay->group_change(t.world.now, "g" + std::to_string(i / 2), "a", i % 2 == 0)));
  t.a.events.clear();
  t.world.tap = [&](const Node& from, const Node& to, ByteView) {
    return !(&from == &t.a && &to == &t.e);  // e gets nothing, and so grants nothing
  };
  for (int i = 0; i < 200; ++i) {
    t.shout(t.e, t.a, RosterGet{});
    t.world.run(10ms);
  }
  EXPECT_EQ(t.downs(t.a, t.e), 0u);  // its outbox never came near the limit
  t.world.tap = nullptr;
  t.world.run(3s);
  EXPECT_TRUE(t.world.linked(t.a, t.e));
}

// Whoever has a ticket that does not hold, and then says nothing, not even that it leaves.
TEST(Flood, AJoinerWithoutATicketThatHoldsIsGoneInTenSeconds) {
  World world;
  Node& a = world.add("a");
  auto ticket = *roster::Ticket::from_text(world.invite(a, "c")->ticket);
  ticket.secret[0] ^= 1;
  Node& stranger = world.add("stranger");
  world.tap = [&](const Node& from, const Node&, ByteView) {
    return &from != &stranger || !a.noticed("refused a join");
  };
  (void)stranger.overlay->join(world.now, ticket.to_text());
  ASSERT_TRUE(world.run_until([&] { return a.noticed("refused a join"); }, 5s));
  world.run(7s);
  EXPECT_EQ(a.overlay->sessions().session_count(), 1u);
  world.run(6s);
  EXPECT_EQ(a.overlay->sessions().session_count(), 0u);
}

}  // namespace
}  // namespace weft::overlay::testing
