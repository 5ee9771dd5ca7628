// A member that lies: what it says is bounded, counted, and harms nobody but itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/membership/world.hpp"

namespace weft::membership::testing {
namespace {

struct Hostile : ::testing::Test {
  Hostile() : world(6, {}) {
    EXPECT_TRUE(world.run_until([&] { return world.all_alive(); }, 60s));
    world.run(20s);
  }
  Packet news(std::vector<Bytes> words) const {
    Packet packet;
    packet.type = PacketType::News;
    packet.words = std::move(words);
    return packet;
  }
  const Identity& who(std::size_t i) const { return world.peers[i]->identity; }
  Bytes claim(std::size_t of, std::size_t signer, Incarnation incarnation,
              ClaimKind kind = ClaimKind::Alive) const {
    Claim out;
    out.node = who(of).id;
    out.kind = kind;
    out.incarnation = incarnation;
    sign(out, world.network(), RealNotary(who(signer).key));
    return out.raw;
  }
  Bytes accusation(std::size_t of, const Identity& accuser, Incarnation incarnation) const {
    Accusation out;
    out.subject = who(of).id;
    out.incarnation = incarnation;
    out.accuser = accuser.id;
    sign(out, world.network(), RealNotary(accuser.key));
    return out.raw;
  }
  Incarnation known(std::size_t at, std::size_t of) const {
    return world.peers[at]->swim->table().find(who(of).id)->incarnation;
  }
  const SwimCounters& counters(std::size_t i) const { return world.peers[i]->swim->counters(); }

  World world;
};

TEST_F(Hostile, NobodySpeaksForAnother) {
  const auto before = known(0, 2);
  world.inject(1, 0, news({claim(2, 1, before + 1)}).encode());
  EXPECT_EQ(counters(0).forged, 1u);
  EXPECT_EQ(known(0, 2), before);
  world.inject(1, 0, news({claim(2, 1, before, ClaimKind::Left)}).encode());
  EXPECT_EQ(counters(0).forged, 2u);
  EXPECT_EQ(world.state(0, 2), State::Alive);
  // The control: its own word, by whomever.
  world.inject(1, 0, news({claim(2, 2, before + 1)}).encode());
  EXPECT_EQ(known(0, 2), before + 1);
  EXPECT_EQ(counters(0).forged, 2u);
}

TEST_F(Hostile, AnIncarnationFarAheadIsBelievedFromItselfOnly) {
  const auto before = known(0, 2);
  const Bytes ahead = claim(2, 2, before + kMaxJump + 1);
  world.inject(1, 0, news({ahead}).encode());
  EXPECT_EQ(counters(0).jumps, 1u);
  EXPECT_EQ(known(0, 2), before);
  world.inject(1, 0, news({claim(2, 2, before + kMaxJump)}).encode());
  EXPECT_EQ(known(0, 2), before + kMaxJump);
  // Its node hears of that and speaks above it: nobody can be silenced by a word of its own.
  EXPECT_TRUE(world.run_until(
      [&] { return world.peers[2]->swim->incarnation() > before + kMaxJump; }, 120s));
  EXPECT_TRUE(world.all_alive());
}

TEST_F(Hostile, AnIncarnationThatNobodyReachesIsRefused) {
  const auto before = known(0, 1);
  Claim out;
  out.node = who(1).id;
  out.incarnation = Incarnation{1} << 63;
  sign(out, world.network(), RealNotary(who(1).key));
  world.inject(1, 0, news({out.raw}).encode());
  EXPECT_EQ(counters(0).malformed, 1u);
  EXPECT_EQ(known(0, 1), before);
  world.run(60s);
  EXPECT_TRUE(world.all_alive());
}

TEST_F(Hostile, AtTheHighestIncarnationItStaysThere) {
  World two(2, {});
  two.crash(0);
  two.peers[0]->stored = kHighestIncarnation - 2;
  two.start(0);
  EXPECT_TRUE(two.run_until([&] { return two.all_alive(); }, 60s));
  for (unsigned i = 0; i < 5; ++i) {
    two.peers[0]->swim->set_self(two.now,
                                 {0, {UdpAddress{Endpoint::v4(0x0a090900U + i, 5)}}, std::nullopt});
    two.drain(0);
    two.run(2s);
  }
  EXPECT_EQ(two.peers[0]->swim->incarnation(), kHighestIncarnation);
  EXPECT_TRUE(two.all_alive());
}

TEST_F(Hostile, OneAccuserKillsNobody) {
  for (int round = 0; round < 60; ++round) {
    for (std::size_t to = 0; to < 6; ++to)
      if (to != 1 && to != 2)
        world.inject(1, to, news({accusation(2, who(1), known(to, 2))}).encode());
    world.run(1s);
  }
  for (const auto& peer : world.peers)
    for (const auto& change : peer->changes) EXPECT_NE(change.change.state, State::Dead);
  EXPECT_TRUE(world.run_until([&] { return world.all_alive(); }, 10s));
  EXPECT_GT(counters(2).refutations, 0u);
  // It speaks once a second at most, however often it is accused.
  EXPECT_LE(counters(2).refutations, 70u);
}

TEST_F(Hostile, ThreeAccusersDoKillWhoDoesNotAnswer) {
  // The control of the one above.
  world.crash(2);
  const auto incarnation = known(0, 2);
  for (const std::size_t accuser : {1u, 3u, 4u})
    world.inject(1, 0, news({accusation(2, who(accuser), incarnation)}).encode());
  EXPECT_EQ(world.state(0, 2), State::Suspect);
  EXPECT_TRUE(world.run_until([&] { return world.state(0, 2) == State::Dead; }, 5s));
}

TEST_F(Hostile, AnAccuserThatIsNoMemberIsNotHeard) {
  const Identity stranger = Identity::from_seed(ByteArray<32>{42});
  world.inject(1, 0, news({accusation(2, stranger, known(0, 2))}).encode());
  EXPECT_EQ(counters(0).strangers, 1u);
  EXPECT_EQ(world.state(0, 2), State::Alive);
  // Nor is one that was removed, whose accusation was heard before.
  world.inject(1, 0, news({accusation(2, who(5), known(0, 2))}).encode());
  EXPECT_EQ(world.state(0, 2), State::Suspect);
  auto fewer = world.roster;
  std::erase_if(fewer, [&](const auto& one) { return one.id == who(5).id; });
  world.peers[0]->swim->set_members(world.now, fewer);
  EXPECT_TRUE(world.peers[0]->swim->table().find(who(2).id)->accusers.empty());
  EXPECT_EQ(world.peers[0]->swim->table().find(who(5).id), nullptr);
  world.inject(5, 0, news({}).encode());
  EXPECT_EQ(counters(0).strangers, 2u);
}

TEST_F(Hostile, AForgedAccusationIsNone) {
  Accusation out;
  out.subject = who(2).id;
  out.incarnation = known(0, 2);
  out.accuser = who(3).id;
  sign(out, world.network(), RealNotary(who(1).key));
  world.inject(1, 0, news({out.raw}).encode());
  EXPECT_EQ(counters(0).forged, 1u);
  EXPECT_EQ(world.state(0, 2), State::Alive);
}

TEST_F(Hostile, ALiveSessionOutweighsAccusations) {
  auto& sessions = world.peers[0]->sessions;
  sessions[who(2).id] = {world.now, 1ms};
  for (const std::size_t accuser : {1u, 3u, 4u})
    world.inject(1, 0, news({accusation(2, who(accuser), known(0, 2))}).encode());
  EXPECT_EQ(world.state(0, 2), State::Alive);
  EXPECT_EQ(counters(0).outweighed, 3u);
}

TEST_F(Hostile, AFloodIsDroppedAndCounted) {
  const auto before = world.peers[0]->packets;
  Packet ping;
  for (int i = 0; i < 10'000; ++i) world.inject(1, 0, ping.encode());
  EXPECT_GE(counters(0).limited, 9'500u);
  EXPECT_LE(world.peers[0]->packets - before, 300u);
  // Others are served.
  const auto limited = counters(0).limited;
  world.inject(2, 0, ping.encode());
  EXPECT_EQ(counters(0).limited, limited);
}

TEST_F(Hostile, ForgedWordsCostFewSignatures) {
  std::uint64_t sent = 0;
  for (int i = 0; i < 200; ++i) {
    world.inject(1, 0, news({claim(2, 1, known(0, 2) + 1)}).encode());
    ++sent;
  }
  EXPECT_EQ(counters(0).forged + counters(0).limited, sent);
  EXPECT_LE(counters(0).forged, 100u);
}

TEST_F(Hostile, AQuestionIsAnsweredWithinBounds) {
  Packet compare;
  compare.type = PacketType::Compare;
  for (unsigned i = 0; i < 16; ++i) compare.ranges.push_back({Range{}.child(i), Bytes(8, 1), 99});
  const auto before = world.peers[0]->bytes;
  for (int i = 0; i < 200; ++i) world.inject(1, 0, compare.encode());
  EXPECT_LE(world.peers[0]->bytes - before, 1u << 20);
  EXPECT_GT(counters(0).limited, 0u);
}

TEST_F(Hostile, WhatDoesNotParseIsCounted) {
  world.inject(1, 0, Bytes{1, 2, 3});
  world.inject(1, 0, news({Bytes{1, 2, 3}}).encode());
  EXPECT_EQ(counters(0).malformed, 2u);
}

// A dead one that is heard again and again is answered once a minute.
TEST_F(Hostile, TheDeadAreNotAnsweredWithoutEnd) {
  for (std::size_t i = 0; i < 6; ++i)
    if (i != 2) {
      world.cut(2, i);
      world.cut(i, 2);
    }
  ASSERT_TRUE(world.run_until([&] { return world.state(0, 2) == State::Dead; }, 60s));
  world.run(70s);
  const auto before = world.peers[0]->packets;
  Packet ping;
  for (int i = 0; i < 100; ++i) world.inject(2, 0, ping.encode());
  EXPECT_LE(world.peers[0]->packets - before, 3u);
}

}  // namespace
}  // namespace weft::membership::testing
