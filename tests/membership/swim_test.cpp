// Membership as it is lived: who dies, who only seems to, who comes back; with a few members and
// with many.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/membership/world.hpp"

namespace weft::membership::testing {
namespace {

constexpr Duration kSettled = 60s;

std::size_t seen(const Peer& peer, State state) {
  return static_cast<std::size_t>(std::ranges::count_if(
      peer.changes, [&](const Change& change) { return change.change.state == state; }));
}

class Sizes : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Sizes, AllFindEachOtherAndStayThat) {
  World world(GetParam(), {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.run(120s);
  EXPECT_TRUE(world.all_alive());
  for (const auto& peer : world.peers) {
    EXPECT_EQ(seen(*peer, State::Suspect), 0u);
    EXPECT_EQ(peer->swim->health(), 0);
  }
  EXPECT_LE(world.biggest, kMaxPacket);
}

TEST_P(Sizes, WhoDiesIsDeadForAllAndComesBackUnderAHigherIncarnation) {
  World world(GetParam(), {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.run(10s);
  const auto before = world.peers[1]->swim->incarnation();
  const Instant died = world.now;
  world.crash(1);
  ASSERT_TRUE(world.run_until([&] { return world.all_see(1, State::Dead); }, 60s));
  RecordProperty("dead_for_all_ms", static_cast<int>((world.now - died) / 1ms));
  EXPECT_LT(world.now - died, 12s);
  world.start(1);
  EXPECT_GT(world.peers[1]->swim->incarnation(), before);
  EXPECT_TRUE(world.run_until([&] { return world.all_alive(); }, 60s));
}

TEST_P(Sizes, WhoLeavesHasLeftAndIsNotCalledDead) {
  World world(GetParam(), {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.peers[1]->swim->leave(world.now);
  world.drain(1);
  world.run(200ms);
  world.crash(1);
  ASSERT_TRUE(world.run_until([&] { return world.all_see(1, State::Left); }, 5s));
  world.run(60s);
  EXPECT_TRUE(world.all_see(1, State::Left));
  for (std::size_t i = 0; i < world.peers.size(); ++i)
    if (i != 1) {
      EXPECT_EQ(seen(*world.peers[i], State::Dead), 0u);
    }
  world.start(1);
  EXPECT_TRUE(world.run_until([&] { return world.all_alive(); }, 60s));
}

INSTANTIATE_TEST_SUITE_P(Of, Sizes, ::testing::Values(2, 3, 4, 50));

TEST(Swim, FiftyKnowWithinSecondsThatOneDied) {
  std::vector<Duration> times;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world(50, {.seed = seed, .latency = 1ms, .real = false});
    ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
    world.run(10s + Duration(seed * 50'000'000));
    const Instant died = world.now;
    world.crash(9);
    ASSERT_TRUE(world.run_until([&] { return world.all_see(9, State::Dead); }, 30s));
    times.push_back(world.now - died);
  }
  std::ranges::sort(times);
  RecordProperty("median_ms", static_cast<int>(times[10] / 1ms));
  RecordProperty("ninth_tenth_ms", static_cast<int>(times[17] / 1ms));
  EXPECT_LE(times[10], 5s);
  EXPECT_LE(times[17], 7s);  // when it is probed first is chance: e^-t that nobody does for t
}

TEST(Swim, LossMakesNobodyDead) {
  World world(20, {.loss = 100});  // 10 %
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.run(600s);
  for (const auto& peer : world.peers) EXPECT_EQ(seen(*peer, State::Dead), 0u);
  // The control: with nothing coming through, somebody is.
  for (std::size_t i = 1; i < 20; ++i) world.cut(0, i);
  EXPECT_TRUE(world.run_until([&] { return world.all_see(0, State::Dead); }, 60s));
}

// a and b do not hear each other, all others hear both.
TEST(Swim, ACutLinkIsGoneRoundByOthers) {
  World world(5, {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.cut(0, 1);
  world.cut(1, 0);
  world.run(300s);
  EXPECT_TRUE(world.all_alive());
  EXPECT_EQ(seen(*world.peers[0], State::Dead), 0u);
  EXPECT_EQ(seen(*world.peers[1], State::Dead), 0u);
}

TEST(Swim, OneWayLossIsNoDeath) {
  World world(10, {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  for (std::size_t i = 1; i < 6; ++i) world.cut(0, i);  // five do not hear it; it hears all
  world.run(300s);
  EXPECT_EQ(std::ranges::count_if(world.peers,
                                  [&](const auto& peer) { return seen(*peer, State::Dead) > 0; }),
            0);
}

TEST(Swim, TwoHalvesFindEachOtherAgain) {
  World world(12, {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  const auto part = [&](bool on) {
    for (std::size_t a = 0; a < 6; ++a)
      for (std::size_t b = 6; b < 12; ++b) {
        world.cut(a, b, on);
        world.cut(b, a, on);
      }
  };
  part(true);
  ASSERT_TRUE(world.run_until(
      [&] {
        for (std::size_t a = 0; a < 6; ++a)
          if (world.state(a, 6 + a) != State::Dead || world.state(6 + a, a) != State::Dead)
            return false;
        return true;
      },
      60s));
  for (std::size_t a = 1; a < 6; ++a) EXPECT_EQ(world.state(0, a), State::Alive);
  part(false);
  const Instant healed = world.now;
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, 60s));
  RecordProperty("healed_ms", static_cast<int>((world.now - healed) / 1ms));
}

TEST(Swim, AProcessThatStoodStillAccusesNobodyAndIsBackSoon) {
  for (const auto span : {5s, 20s, 60s}) {
    World world(8, {});
    ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
    world.run(5s);
    for (auto& peer : world.peers) peer->changes.clear();
    world.pause(3, span);
    world.run(span);
    if (span >= 20s)
      for (std::size_t i = 0; i < 8; ++i)
        if (i != 3) {
          EXPECT_EQ(world.state(i, 3), State::Dead);
        }
    EXPECT_TRUE(world.run_until([&] { return world.all_alive(); }, 15s)) << span / 1s;
    EXPECT_EQ(world.peers[3]->swim->counters().aways, 1u);
    EXPECT_EQ(seen(*world.peers[3], State::Suspect), 0u);
    EXPECT_EQ(seen(*world.peers[3], State::Dead), 0u);
  }
}

// Five of fifty look at their datagrams half a second late for minutes. Plain SWIM takes others for
// dead because of them; with Lifeguard hardly anybody does.
TEST(Swim, SlowMembersDoNotMakeOthersDead) {
  const auto wrong = [](bool lifeguard) {
    World world(50, {.latency = 5ms, .real = false, .options = {.lifeguard = lifeguard}});
    EXPECT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
    std::size_t deaths = 0;
    world.on_change = [&](std::size_t, const StateChanged& change) {
      deaths += change.state == State::Dead && world.index(change.node) >= 5;
    };
    for (int round = 0; round < 30; ++round)
      for (std::size_t i = 0; i < 5; ++i) {
        world.pause(i, 1500ms);
        world.run(800ms);
      }
    return deaths;
  };
  const auto with = wrong(true), without = wrong(false);
  RecordProperty("with_lifeguard", static_cast<int>(with));
  RecordProperty("without", static_cast<int>(without));
  EXPECT_EQ(with, 0u);
}

TEST(Swim, AnIdleNetworkSaysLittle) {
  World world(50, {.latency = 1ms, .real = false});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.run(60s);  // what the start brought is told
  for (auto& peer : world.peers) peer->bytes = peer->packets = peer->wakes = 0;
  world.run(100s);
  std::uint64_t bytes = 0, packets = 0, wakes = 0;
  for (const auto& peer : world.peers) {
    bytes += peer->bytes;
    packets += peer->packets;
    wakes += peer->wakes;
  }
  constexpr std::uint64_t kSealing = 62;  // what sealing adds to a packet (base/sealed.hpp)
  const auto a_node = (bytes + packets * kSealing) / 50 / 100;
  RecordProperty("bytes_per_node_and_second", static_cast<int>(a_node));
  RecordProperty("wakes_per_node_and_100_s", static_cast<int>(wakes / 50));
  EXPECT_LE(a_node, 165u);
  EXPECT_LE(packets / 50, 210u);
}

TEST(Swim, WhoHasAnotherRosterIsTold) {
  World world(3, {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  for (auto& peer : world.peers) peer->swim->set_mark({4, 11});
  world.run(10s);
  for (const auto& peer : world.peers) EXPECT_TRUE(peer->behind.empty());
  world.peers[2]->swim->set_mark({5, 12});
  world.run(10s);
  ASSERT_FALSE(world.peers[0]->behind.empty());
  EXPECT_EQ(world.peers[0]->behind[0].node, world.peers[2]->identity.id);
  EXPECT_TRUE(world.peers[2]->behind.empty());
}

TEST(Swim, ANewAddressIsHeardByAll) {
  World world(6, {});
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, kSettled));
  world.run(10s);
  const Endpoint there = Endpoint::v4(0x0a090909, 5);
  world.peers[0]->swim->set_self(world.now, {0, {UdpAddress{there}}, std::nullopt});
  world.drain(0);
  world.run(5s);
  for (std::size_t i = 1; i < 6; ++i) {
    const auto& spoke = world.peers[i]->spoke;
    EXPECT_TRUE(std::ranges::any_of(spoke, [&](const Spoke& one) {
      return one.node == world.peers[0]->identity.id &&
             one.addresses == std::vector<Address>{UdpAddress{there}};
    }));
  }
}

// Three hundred members of whom it has heard nothing: who comes last learns them by comparison.
TEST(Swim, WhoComesLastLearnsAllByComparison) {
  World world(300, {.latency = 10ms, .real = false});
  world.crash(0);
  bool all = false;
  for (int seconds = 0; seconds < 300 && !all; ++seconds) {
    world.run(1s);
    all = world.all_alive();
  }
  ASSERT_TRUE(all);
  world.run(60s);
  world.start(0);
  const Instant began = world.now;
  const auto knows = [&] { return world.peers[0]->swim->table().present() == 299; };
  ASSERT_TRUE(world.run_until(knows, 60s));
  RecordProperty("learned_ms", static_cast<int>((world.now - began) / 1ms));
  EXPECT_LT(world.now - began, 15s);
  EXPECT_LE(world.biggest, kMaxPacket);
}

// A network of one waits for its second member, perhaps for days.
TEST(Swim, WhoWasAloneForLongWasNotAway) {
  World world(2, {});
  auto& peer = *world.peers[0];
  world.crash(1);
  world.crash(0);
  const auto both = world.roster;
  world.roster.pop_back();
  world.start(0);
  world.now += 24h;
  world.roster = both;
  peer.swim->set_members(world.now, both);
  world.drain(0);
  world.start(1);
  ASSERT_TRUE(world.run_until([&] { return world.all_alive(); }, 30s));
  EXPECT_EQ(peer.swim->counters().aways, 0u);
  EXPECT_EQ(peer.swim->health(), 0);
}

TEST(Swim, TheSameSeedGivesTheSameBytes) {
  const auto run = [] {
    World world(6, {.seed = 5, .loss = 50});
    world.run(60s);
    std::uint64_t bytes = 0;
    for (const auto& peer : world.peers) bytes = bytes * 31 + peer->bytes;
    return bytes;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace weft::membership::testing
