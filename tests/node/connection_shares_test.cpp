#include "node/connection_shares.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/seeded_rng.hpp"

namespace weft::node {
namespace {

constexpr Instant kStart{};

ConnectionShares::Holder member(std::uint8_t number) {
  NodeId id;
  id.bytes[0] = number;
  return id;
}

std::size_t take_all(ConnectionShares& shares, const ConnectionShares::Holder& who,
                     std::size_t limit, std::vector<ConnectionShares::Place>& places) {
  std::size_t taken = 0;
  while (auto place = shares.take(kStart, who, limit)) {
    places.push_back(std::move(*place));
    ++taken;
  }
  return taken;
}

TEST(ConnectionShares, OneMemberTakesAQuarterAndAnotherStillFindsSome) {
  ConnectionShares shares;
  std::vector<ConnectionShares::Place> greedy, modest, local;
  EXPECT_EQ(take_all(shares, member(1), 1000, greedy), 250u);
  EXPECT_EQ(take_all(shares, member(2), 1000, modest), 187u);
  // The programs of this machine: half of what is left.
  EXPECT_EQ(take_all(shares, std::nullopt, 1000, local), 282u);
  EXPECT_TRUE(shares.take(kStart, member(3), 1000));
  greedy.clear();
  local.clear();
  EXPECT_EQ(shares.held(member(1)), 0u);
  EXPECT_TRUE(shares.take(kStart, member(2), 1000));  // its share has grown
}

TEST(ConnectionShares, HoweverManyTakeAllTheyMayTheNextFindsAPlace) {
  ConnectionShares shares;
  std::vector<ConnectionShares::Place> places;
  for (std::uint8_t who = 1; who <= 16; ++who)
    EXPECT_GT(take_all(shares, member(who), 900, places), 0u) << int{who};
  EXPECT_LE(shares.used(), 900u);
}

TEST(ConnectionShares, WhoWasRefusedIsNamedForAMinute) {
  ConnectionShares shares;
  std::vector<ConnectionShares::Place> places;
  take_all(shares, member(7), 8, places);
  ASSERT_FALSE(shares.take(kStart + 10s, member(7), 8));
  const auto crowds = shares.crowds(kStart + 60s);
  ASSERT_EQ(crowds.size(), 1u);
  EXPECT_EQ(crowds[0].holder, member(7));
  EXPECT_EQ(crowds[0].held, 2u);
  EXPECT_EQ(crowds[0].refused, 2u);
  EXPECT_TRUE(shares.crowds(kStart + 71s).empty());
}

TEST(ConnectionShares, PlacesAddUpWhateverHappens) {
  SeededRng rng(7);
  ConnectionShares shares;
  std::vector<std::pair<std::uint8_t, ConnectionShares::Place>> held;
  for (int step = 0; step < 20'000; ++step) {
    if (!held.empty() && rng.uniform(5) < 2) {
      const auto at = rng.uniform(held.size());
      std::swap(held[at], held.back());
      held.pop_back();
    } else {
      const auto who = static_cast<std::uint8_t>(rng.uniform(6));
      const auto holder = who == 0 ? std::nullopt : member(who);
      if (auto place = shares.take(kStart, holder, 200)) held.emplace_back(who, std::move(*place));
    }
    ASSERT_EQ(shares.used(), held.size());
    ASSERT_LE(shares.used(), 200u);
  }
  for (std::uint8_t who = 1; who < 6; ++who)
    EXPECT_EQ(shares.held(member(who)),
              static_cast<std::size_t>(
                  std::ranges::count(held, who, [](const auto& entry) { return entry.first; })));
  held.clear();
  EXPECT_EQ(shares.used(), 0u);
}

TEST(DescriptorPlan, KeepsSomeForSocketAndDatabases) {
  const auto usual = descriptor_plan(1024, 24);
  EXPECT_EQ(usual.api_connections, 64u);
  EXPECT_EQ(usual.kept, 32u);
  EXPECT_EQ(usual.connections, 1024u - 24 - 64 - 32);
  const auto tiny = descriptor_plan(64, 24);
  EXPECT_EQ(tiny.api_connections, 8u);
  EXPECT_EQ(tiny.connections, 24u);
  EXPECT_EQ(descriptor_plan(1 << 20, 24).connections, kMaxConnections);
  EXPECT_EQ(descriptor_plan(16, 24).connections, 4u);
}

}  // namespace
}  // namespace weft::node
