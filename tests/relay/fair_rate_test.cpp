#include "overlay/relay/fair_rate.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft::relay {
namespace {

constexpr std::uint64_t kRate = 2'500'000;  // 20 Mbit/s

struct Flow {
  FairRate::Client client;
  std::uint64_t rate = 0;  // bytes a second it would like
  std::size_t size = 1200;
  std::uint64_t passed = 0;
  std::uint64_t asked = 0;
};

// Every flow at its own even pace, in order of time.
void run(FairRate& rate, std::vector<Flow>& flows, Duration span) {
  const Duration step = 100us;
  std::vector<double> due(flows.size());
  for (Instant now{1h}; now < Instant{1h} + span; now += step)
    for (std::size_t i = 0; i < flows.size(); ++i) {
      Flow& flow = flows[i];
      due[i] += static_cast<double>(flow.rate) / 10'000;
      while (due[i] >= static_cast<double>(flow.size)) {
        due[i] -= static_cast<double>(flow.size);
        flow.asked += flow.size;
        if (rate.take(now, flow.client, flow.size)) flow.passed += flow.size;
      }
    }
}

double jain(const std::vector<Flow>& flows) {
  double sum = 0;
  double squares = 0;
  for (const auto& flow : flows) {
    const auto x = static_cast<double>(flow.passed);
    sum += x;
    squares += x * x;
  }
  return sum * sum / (static_cast<double>(flows.size()) * squares);
}

TEST(FairRate, OneAloneGetsTheWholeRateAndNotMore) {
  FairRate rate(kRate);
  std::vector<Flow> flows{{{}, 10 * kRate}};
  run(rate, flows, 10s);
  EXPECT_GT(flows[0].passed, kRate * 95 / 10);
  EXPECT_LT(flows[0].passed, kRate * 102 / 10);
  EXPECT_EQ(rate.load_permille(Instant{1h} + 10s), 1000);
}

TEST(FairRate, WithoutALimitAllPasses) {
  FairRate rate(0);
  std::vector<Flow> flows{{{}, 10 * kRate}};
  run(rate, flows, 1s);
  EXPECT_EQ(flows[0].passed, flows[0].asked);
}

TEST(FairRate, TenGreedyOnesShareEvenly) {
  FairRate rate(kRate);
  std::vector<Flow> flows(10, Flow{{}, kRate});
  for (std::size_t i = 0; i < flows.size(); ++i) flows[i].rate = kRate * (1 + i % 3);
  run(rate, flows, 10s);
  EXPECT_GT(jain(flows), 0.95);
  std::uint64_t all = 0;
  for (const auto& flow : flows) all += flow.passed;
  EXPECT_LT(all, kRate * 105 / 10);
  EXPECT_GT(all, kRate * 90 / 10);
}

TEST(FairRate, NinetyPoliteOnesLoseNothingBesideTenGreedyOnes) {
  FairRate rate(kRate);
  std::vector<Flow> flows(100, Flow{{}, 8'000, 200});  // 64 kbit/s
  for (std::size_t i = 0; i < 10; ++i) flows[i] = {{}, kRate, 1200};
  run(rate, flows, 10s);
  for (std::size_t i = 10; i < 100; ++i) EXPECT_GT(flows[i].passed, flows[i].asked * 99 / 100) << i;
  const std::vector<Flow> greedy(flows.begin(), flows.begin() + 10);
  EXPECT_GT(jain(greedy), 0.95);
}

TEST(FairRate, AnIdleClientsDatagramPassesWhateverItsSize) {
  FairRate rate(10'000);  // a datagram is worth 0.9 s
  FairRate::Client client;
  EXPECT_TRUE(rate.take(Instant{1h}, client, 8952));
  EXPECT_FALSE(rate.take(Instant{1h}, client, 8952));
  EXPECT_TRUE(rate.take(Instant{1h} + 1s, client, 8952));
}

}  // namespace
}  // namespace weft::relay
