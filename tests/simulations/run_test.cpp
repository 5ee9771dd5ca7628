#include "simulations/run.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace weft::sim {
namespace {

Scenario rough_scenario() {
  auto scenario = parse_scenario(R"(
name = "test"
duration = "12m"
join_over = "1m"
[network]
loss_percent = 1
[nat]
port_restricted = 20
[churn]
median_session = "30m"
[workload]
lookups_per_node_hour = 60
records = 10
gets_per_node_hour = 60
warmup = "5m"
[dht]
full_table = false
[[event]]
kind = "sleep"
at = "6m"
percent = 10
lasts = "1m"
[[event]]
kind = "roam"
at = "8m"
percent = 5
)",
                                 "test");
  EXPECT_TRUE(scenario) << scenario.error().detail;
  return *scenario;
}

Scenario quiet_scenario() {
  Scenario scenario = rough_scenario();
  scenario.churn.median_session = 0s;
  scenario.network.loss.per_million = 0;
  scenario.network.nats.clear();
  scenario.events.clear();
  return scenario;
}

RunResult run(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed) {
  crypto::initialise();
  auto run = Run::create(scenario, nodes, seed);
  EXPECT_TRUE(run);
  (*run)->run_until(Instant{scenario.duration}, nullptr);
  return (*run)->finish(false);
}

TEST(Run, TheSameSeedRepeatsEveryByteOfTheRealDht) {
  const Scenario scenario = rough_scenario();
  const RunResult a = run(scenario, 60, 1);
  const RunResult b = run(scenario, 60, 1);
  const RunResult c = run(scenario, 60, 2);
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_NE(a.digest, c.digest);
  EXPECT_EQ(a.measured.size(), b.measured.size());
}

// "50 %" is half of them, not a coin for each.
TEST(Run, APercentageOfTheNodesIsAShare) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Scenario scenario = quiet_scenario();
    scenario.events = {{ScriptedEvent::Kind::MassKill, 8min, 50, 0s}};
    const RunResult killed = run(scenario, 65, seed);  // 5 of them are seeds
    EXPECT_EQ(killed.samples.back().online, 35U) << seed;
    scenario.events = {{ScriptedEvent::Kind::Sleep, 8min, 50, 60min}};
    const RunResult asleep = run(scenario, 65, seed);
    EXPECT_EQ(asleep.samples.back().online, 35U) << seed;
  }
}

TEST(Run, AQuietNetworkFindsWhatThereIs) {
  const Scenario scenario = quiet_scenario();
  const RunResult result = run(scenario, 60, 3);
  const auto lookups = summarise(result.measured, Operation::Lookup, result.warmup_second);
  const auto gets = summarise(result.measured, Operation::Get, result.warmup_second);
  EXPECT_GT(lookups.count, 200U);
  EXPECT_GE(lookups.success_percent(), 99.0);
  EXPECT_GT(gets.count, 200U);
  EXPECT_DOUBLE_EQ(gets.success_percent(), 100.0);
  EXPECT_EQ(result.samples.back().records_lost, 0U);
}

TEST(Run, AsManyLookupsAsTheScenarioSaysHoweverManyAWindow) {
  Scenario scenario = quiet_scenario();
  scenario.duration = 2min;
  scenario.workload.warmup = 90s;
  scenario.workload.lookups_per_node_hour = 12'000;  // 60 nodes: four in a window of 20 ms
  const RunResult result = run(scenario, 60, 4);
  const auto lookups = summarise(result.measured, Operation::Lookup, result.warmup_second);
  EXPECT_NEAR(static_cast<double>(lookups.count), 60 * 12'000 / 120.0, 240.0);  // three sigma
}

TEST(Run, ChurnTakesNodesAwayAndBringsOthers) {
  Scenario scenario = rough_scenario();
  scenario.events.clear();
  scenario.churn.median_session = 5min;
  const auto dead = [](const RunResult& result) {
    double most = 0;
    for (const auto& row : result.samples) most = std::max(most, row.table_dead_percent);
    return most;
  };
  const RunResult churned = run(scenario, 60, 6);
  EXPECT_GT(dead(churned), 0);
  EXPECT_LT(churned.samples.back().servers, churned.samples.back().online);  // others serve later
  EXPECT_GE(churned.samples.back().online, 50U);
  scenario.churn.median_session = 0s;
  EXPECT_DOUBLE_EQ(dead(run(scenario, 60, 6)), 0);
}

// The control of every success figure: with half of the servers deaf, things must get worse.
TEST(Run, AnAttackShowsInTheFigures) {
  Scenario scenario = rough_scenario();
  scenario.events.clear();
  const RunResult honest = run(scenario, 60, 4);
  scenario.attack.byzantine_percent = 50;
  scenario.attack.behavior = FaultKind::Deaf;
  scenario.attack.from = 6min;  // they are in every table by then
  const RunResult attacked = run(scenario, 60, 4);
  const auto wasted = [](const RunResult& r) {
    return summarise(r.measured, Operation::Lookup, r.warmup_second).wasted_mean;
  };
  EXPECT_GT(wasted(attacked), wasted(honest));
}

// Liars who name each other, whichever or the nearest, hide nobody from those who weigh answers.
TEST(Run, LiarsAreFoundOut) {
  Scenario scenario = rough_scenario();
  scenario.churn.median_session = 0s;
  scenario.network.nats.clear();
  scenario.events.clear();
  scenario.attack.byzantine_percent = 20;
  const auto attacked = [&](FaultKind kind) {
    scenario.attack.behavior = kind;
    return run(scenario, 300, 8);
  };
  const RunResult lied = attacked(FaultKind::Lying);
  const RunResult cunning = attacked(FaultKind::Cunning);
  for (const RunResult* result : {&lied, &cunning}) {
    const auto lookups = summarise(result->measured, Operation::Lookup, result->warmup_second);
    const auto gets = summarise(result->measured, Operation::Get, result->warmup_second);
    EXPECT_GT(lookups.count, 1000U);
    EXPECT_GE(lookups.success_percent(), 99.0);
    EXPECT_GE(gets.success_percent(), 99.0);
  }
  EXPECT_GT(lied.samples.back().table_liar_percent, 0);
  EXPECT_LT(lied.samples.back().table_liar_percent, 40);
}

// Half are killed, then some sleep: those who wake come into the half that is left.
TEST(Run, SleepersWakeIntoTheNetworkThereIs) {
  Scenario scenario = quiet_scenario();
  scenario.churn.median_session = 20min;
  scenario.duration = 16min;
  using Kind = ScriptedEvent::Kind;
  scenario.events = {{Kind::MassKill, 4min, 50, 0s}, {Kind::Sleep, 6min, 20, 2min}};
  const RunResult result = run(scenario, 60, 9);
  EXPECT_EQ(result.samples[2].online, 60U);  // the control
  EXPECT_LT(result.samples.back().online, 42U);
  EXPECT_GT(result.samples.back().online, 20U);
}

// A lid is closed on half of them for three minutes: what they were doing did not take so long.
TEST(Run, WhatANodeWasAskedEndsWhenItGoesAway) {
  Scenario scenario = quiet_scenario();
  scenario.workload.lookups_per_node_hour = 6000;
  scenario.events = {{ScriptedEvent::Kind::Sleep, 6min, 50, 3min}};
  const RunResult result = run(scenario, 60, 10);
  EXPECT_GT(result.abandoned, 0U);
  for (const auto& row : result.measured) EXPECT_LT(row.micros, 60'000'000U);
}

TEST(Run, AnExpectationThatNothingWasMeasuredForIsMissed) {
  Scenario scenario = quiet_scenario();
  scenario.workload.warmup = scenario.duration;
  scenario.expect.lookup_success = 999;
  const RunResult result = run(scenario, 20, 12);
  ASSERT_EQ(result.broken.size(), 1U);
  EXPECT_EQ(result.broken[0], "lookups: none was measured");
}

TEST(Run, AMissedExpectationIsNamed) {
  Scenario scenario = rough_scenario();
  scenario.expect.bytes_per_node_second = 1;
  const RunResult result = run(scenario, 30, 5);
  ASSERT_EQ(result.broken.size(), 1U);
  EXPECT_NE(result.broken[0].find("traffic per node"), std::string::npos);
}

}  // namespace
}  // namespace weft::sim
