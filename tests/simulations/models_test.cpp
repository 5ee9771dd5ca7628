#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "simulations/fixed_math.hpp"
#include "simulations/latency_model.hpp"
#include "simulations/link.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {
namespace {

TEST(FixedMath, SquareRootIsTheFloor) {
  ModelRandom random(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random.next() >> random.below(64);
    const std::uint64_t root = integer_sqrt(value);
    EXPECT_LE(root * root, value);
    EXPECT_GT(static_cast<unsigned __int128>(root + 1) * (root + 1), value);
  }
}

TEST(FixedMath, LogarithmAndPowerAgreeWithTheLibraryToTheStatedError) {
  ModelRandom random(2);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = (random.next() >> random.below(63)) | 1;
    const double log = static_cast<double>(log2_q32(value)) / 4294967296.0;
    EXPECT_NEAR(log, std::log2(static_cast<double>(value)), 1e-7);
    const auto exponent = static_cast<std::int64_t>(random.below(40ULL << 32)) - (20LL << 32);
    const double expected = 1e9 * std::exp2(static_cast<double>(exponent) / 4294967296.0);
    EXPECT_NEAR(static_cast<double>(scale_exp2(1'000'000'000, exponent)), expected,
                expected * 1e-6 + 1);
  }
}

TEST(Weibull, HasItsMedianAndItsTail) {
  ModelRandom random(3);
  constexpr std::uint64_t kMedian = 3'600'000'000'000;  // an hour
  constexpr int kDraws = 100'000;
  int under_median = 0;
  int over_four_medians = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t session = weibull(kMedian, 500, random.next());
    under_median += session < kMedian ? 1 : 0;
    over_four_medians += session > 4 * kMedian ? 1 : 0;
  }
  EXPECT_NEAR(under_median / double{kDraws}, 0.5, 0.01);
  EXPECT_NEAR(over_four_medians / double{kDraws}, 0.25, 0.01);  // 2^-(4^0.5)
}

TEST(LatencyModel, IsSymmetricSeededAndLooksLikeTheInternet) {
  auto model = LatencyModel::create({}, 42);
  ASSERT_TRUE(model);
  for (std::uint32_t i = 0; i < 1000; ++i) model->add_node(i);
  EXPECT_EQ(model->base(3, 900), model->base(900, 3));
  EXPECT_EQ(model->sample(3, 900, 7), model->sample(3, 900, 7));
  EXPECT_NE(model->sample(3, 900, 7), model->sample(3, 900, 8));
  const auto median = model->median_round_trip(1000);
  EXPECT_GT(median, 60ms);
  EXPECT_LT(median, 220ms);
}

TEST(LatencyModel, RefusesAMatrixThatIsNotThere) {
  LatencyOptions options;
  options.model = "matrix";
  options.matrix_file = "/nonexistent.csv";
  const auto model = LatencyModel::create(options, 1);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Errc::NotFound);
}

TEST(Link, QueuesInOrderAndDropsWhenTheQueueIsFull) {
  Link link(0);  // 1 Mbit/s up: 1,000 bytes with headers take 8.224 ms
  const Instant start{};
  const auto first = link.send(start, 1000, 20ms);
  const auto second = link.send(start, 1000, 20ms);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first - start, 8224us);
  EXPECT_EQ(*second - start, 16448us);
  EXPECT_TRUE(link.send(start, 1000, 20ms));
  EXPECT_FALSE(link.send(start, 1000, 20ms));
}

TEST(Link, LosesTheStatedShareInBursts) {
  const LossOptions loss{.per_million = 20'000, .burst = 100ms};
  Link a(3);
  Link b(3);
  ModelRandom random(5);
  int lost = 0;
  int lost_after_lost = 0;
  bool before = false;
  constexpr int kPackets = 400'000;
  for (int i = 0; i < kPackets; ++i) {
    const Instant now{Duration{i * 1'000'000LL}};  // one a millisecond
    const bool gone = a.loses(now, loss, random.next()) || b.loses(now, loss, random.next());
    lost += gone ? 1 : 0;
    lost_after_lost += gone && before ? 1 : 0;
    before = gone;
  }
  EXPECT_NEAR(lost / double{kPackets}, 0.02, 0.004);
  EXPECT_GT(lost_after_lost / double(lost), 0.3);  // independent losses would give 0.02
}

}  // namespace
}  // namespace weft::sim
