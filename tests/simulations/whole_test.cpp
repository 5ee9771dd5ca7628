// Whole nodes in the simulator: the scenarios that come with weft, small, keep every law; and each
// law has a run that breaks it on purpose, so that its checker is seen to fire.
#include "simulations/whole/workload.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace weft::sim {
namespace {

Scenario shipped(const std::string& name) {
  auto scenario =
      load_scenario(std::string(WEFT_SOURCE_DIR) + "/simulations/scenarios/" + name + ".toml");
  EXPECT_TRUE(scenario) << scenario.error().detail;
  return *scenario;
}

// The same day in less time: what happens at half of it still does.
Scenario shortened(Scenario scenario, std::int64_t times) {
  scenario.duration /= times;
  scenario.join_over /= times;
  scenario.whole.warmup /= times;
  for (auto& event : scenario.events) event.at /= times;
  return scenario;
}

// Two admins, everybody exposes, strangers knock.
Scenario village() {
  auto scenario = parse_scenario(R"(
name = "village"
fidelity = "whole"
seeds = 2
duration = "6m"
sample = "10s"
join_over = "30s"
[network]
region = "city"
[whole]
admins = 2
expose_percent = 100
readers = 3
opens_per_node_hour = 240
strangers_percent = 30
answer_bytes = 40000
publishes_per_node_hour = 240
settle = "30s"
warmup = "2m"
[[event]]
kind = "partition"
at = "130s"
percent = 50
[[event]]
kind = "sign"
at = "140s"
entries = 2
[[event]]
kind = "heal"
at = "150s"
[[event]]
kind = "remove"
at = "4m"
percent = 20
[[event]]
kind = "roam"
at = "270s"
percent = 20
[[event]]
kind = "mass_kill"
at = "325s"
percent = 40
)",
                                 "village");
  EXPECT_TRUE(scenario) << scenario.error().detail;
  return *scenario;
}

struct Seen {
  RunResult result;
  std::array<std::uint64_t, kLaws> checked{};
  std::array<std::uint64_t, kLaws> breaches{};
  [[nodiscard]] std::uint64_t broken(Law law) const {
    return breaches[static_cast<std::size_t>(law)];
  }
};

Seen run(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed = 1,
         unsigned threads = 1) {
  crypto::initialise();
  auto run = Run::create(scenario, nodes, seed, threads);
  EXPECT_TRUE(run);
  (*run)->simulator().team_from(0);
  (*run)->run_until(Instant{scenario.duration}, nullptr);
  Seen seen;
  seen.result = (*run)->finish(false);
  const Laws& laws = static_cast<WholeWorkload&>((*run)->workload()).laws();
  for (std::size_t i = 0; i < kLaws; ++i) {
    seen.checked[i] = laws.checked(static_cast<Law>(i));
    seen.breaches[i] = laws.breaches(static_cast<Law>(i));
  }
  return seen;
}

void expect_lawful(const Seen& seen) {
  for (const auto& sentence : seen.result.broken) ADD_FAILURE() << sentence;
  for (std::size_t i = 0; i < kLaws; ++i)
    EXPECT_GT(seen.checked[i], 0U) << name_of(static_cast<Law>(i));
}

TEST(Whole, AHouseholdKeepsItsLaws) {
  Scenario scenario = shortened(shipped("household"), 5);
  scenario.events[0].mebibytes = 8;
  scenario.events[0].pieces = 4;
  scenario.whole.opens_per_node_hour *= 5;
  scenario.sample = 10s;
  const Seen seen = run(scenario, 11);
  expect_lawful(seen);
  EXPECT_EQ(summarise(seen.result.measured, Operation::Join, 0).ok, 10U);
  EXPECT_EQ(summarise(seen.result.measured, Operation::Piece, 0).ok, 4U);
  EXPECT_GT(summarise(seen.result.measured, Operation::Open, 0).ok, 20U);
}

TEST(Whole, AnOfficeHealsWithBothAdminsSigning) {
  Scenario scenario = shortened(shipped("office"), 144);  // ten minutes
  scenario.whole.opens_per_node_hour = 120;
  scenario.whole.settle = 60s;
  scenario.sample = 10s;
  const Seen seen = run(scenario, 16);
  expect_lawful(seen);
}

TEST(Whole, TheLargeOneJoinsAndOpensOnTwoShards) {
  Scenario scenario = shortened(shipped("whole_1000"), 4);
  scenario.whole.opens_per_node_hour = 240;
  scenario.whole.settle = 30s;
  const Seen one = run(scenario, 16);
  for (const auto& sentence : one.result.broken) ADD_FAILURE() << sentence;
  EXPECT_EQ(summarise(one.result.measured, Operation::Join, 0).ok, 15U);
  EXPECT_LE(one.result.samples.back().own[2], 16 * 15 / 2);  // of two sessions one has ended
  EXPECT_EQ(run(scenario, 16, 1, 2).result.digest, one.result.digest);
  scenario.duration /= 2;
  scenario.whole.warmup = 30s;
  EXPECT_NE(run(scenario, 16, 2).result.digest, run(scenario, 16).result.digest);
}

TEST(Whole, WhoIsKilledComesBackAsWhatItHadAcknowledged) {
  Scenario scenario = village();
  scenario.events.clear();
  scenario.churn.median_session = 60s;
  const Seen seen = run(scenario, 10);
  for (const auto& sentence : seen.result.broken) ADD_FAILURE() << sentence;
  double restarts = 0;
  for (const auto& row : seen.result.samples) restarts += row.own.back();
  EXPECT_GT(restarts, 0);
}

// ---- each law, broken on purpose ----------------------------------------------------------------

TEST(Laws, AVillageBreaksNone) {
  const Seen seen = run(village(), 10);
  expect_lawful(seen);
  const auto held = summarise(seen.result.measured, Operation::Publish, 0);
  EXPECT_GT(held.ok, 50U);
  EXPECT_GT(summarise(seen.result.measured, Operation::Delivery, 0).ok, 8 * held.ok);
  const auto noticed = summarise(seen.result.measured, Operation::Detect, 0);
  EXPECT_GE(noticed.ok, 5U);  // three die, one of them at least who was not removed
  EXPECT_LT(noticed.p99_ms, 20'000);
}

TEST(Laws, ADiskThatForgetsIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::ForgetfulDisk;
  EXPECT_GT(run(scenario, 10).broken(Law::AcknowledgedIsStored), 0U);
}

TEST(Laws, RostersThatStayApartAreSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::StaysParted;
  EXPECT_GT(run(scenario, 10).broken(Law::OneHead), 0U);
}

TEST(Laws, ARemovedNodeThatIsServedIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::ServesRemoved;
  EXPECT_GT(run(scenario, 10).broken(Law::RemovedIsNotServed), 0U);
}

TEST(Laws, AStrangerThatIsServedIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::ServesStrangers;
  EXPECT_GT(run(scenario, 10).broken(Law::DefaultDeny), 0U);
}

TEST(Laws, AByteThatComesTwiceIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::DoublesByte;
  EXPECT_GT(run(scenario, 10).broken(Law::StreamIsExact), 0U);
}

TEST(Laws, TooManySessionsAreSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::CountsSessions;
  EXPECT_GT(run(scenario, 10).broken(Law::SessionsBounded), 0U);
}

TEST(Laws, AHeldMessageThatIsLostIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::LosesMessage;
  EXPECT_GT(run(scenario, 10).broken(Law::HeldArrives), 0U);
}

TEST(Laws, AMessageThatComesTwiceIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::DoublesMessage;
  EXPECT_GT(run(scenario, 10).broken(Law::MessagesOnce), 0U);
}

TEST(Laws, AMemberThatIsThereAndHeldForDeadIsSeen) {
  Scenario scenario = village();
  scenario.whole.sabotage = Sabotage::SeesGhosts;
  EXPECT_GT(run(scenario, 10).broken(Law::PresenceIsTrue), 0U);
}

// ---- the disk -----------------------------------------------------------------------------------

Row row_of(std::uint8_t key, std::string_view value) {
  return {Table::Setting, {}, Bytes{key}, to_bytes(bytes_of(value))};
}

TEST(Disk, WhatHadNotArrivedWhenTheProcessWasKilledIsGone) {
  RowPool pool;
  Disk disk(pool, 2ms);
  disk.write(Instant{}, {1, {row_of(1, "a")}});
  disk.write(Instant{1ms}, {2, {row_of(2, "b")}});
  EXPECT_EQ(disk.arrived(Instant{2ms}), 1U);
  EXPECT_EQ(disk.arrived(Instant{2ms}), std::nullopt);
  disk.lose_unsynced();
  EXPECT_EQ(disk.arrived(Instant{1s}), std::nullopt);
  EXPECT_EQ(disk.rows(), std::vector<Row>{row_of(1, "a")});
}

TEST(Disk, EqualRowsOfManyDisksAreKeptOnceAndFreedWithTheLast) {
  RowPool pool;
  {
    Disk a(pool, 0ms), b(pool, 0ms);
    a.write(Instant{}, {1, {row_of(1, "same")}});
    ASSERT_TRUE(a.arrived(Instant{}));
    const std::size_t once = pool.memory_bytes();
    b.write(Instant{}, {1, {row_of(1, "same")}});
    ASSERT_TRUE(b.arrived(Instant{}));
    EXPECT_EQ(pool.memory_bytes(), once);
    b.write(Instant{}, {2, {row_of(1, "else")}});
    ASSERT_TRUE(b.arrived(Instant{}));
    EXPECT_GT(pool.memory_bytes(), once);
    EXPECT_EQ(a.rows(), std::vector<Row>{row_of(1, "same")});
    EXPECT_EQ(b.rows(), std::vector<Row>{row_of(1, "else")});
    b.write(Instant{}, {3, {{Table::Setting, {}, Bytes{1}, std::nullopt}}});
    ASSERT_TRUE(b.arrived(Instant{}));
    EXPECT_TRUE(b.rows().empty());
    EXPECT_EQ(pool.memory_bytes(), once);
  }
  EXPECT_EQ(pool.memory_bytes(), 0U);
}

}  // namespace
}  // namespace weft::sim
