#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

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
  for (std::uint32_t i = 0; i < 1000; ++i) model->add_node(i, i);
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

// Half of the packets come sooner than without jitter, and its spread is what was asked for.
TEST(LatencyModel, JitterIsLogNormalAroundOne) {
  LatencyOptions options;
  options.jitter_percent = 20;
  auto model = LatencyModel::create(options, 42);
  ASSERT_TRUE(model);
  for (std::uint32_t i = 0; i < 2; ++i) model->add_node(i, i);
  const double still = static_cast<double>(model->base(0, 1).count());
  std::vector<double> logs;
  double square = 0;
  for (std::uint64_t packet = 0; packet < 20'000; ++packet) {
    logs.push_back(std::log(static_cast<double>(model->sample(0, 1, packet).count()) / still));
    square += logs.back() * logs.back();
  }
  std::ranges::sort(logs);
  EXPECT_NEAR(logs[logs.size() / 2], 0, 0.02);
  EXPECT_NEAR(std::sqrt(square / static_cast<double>(logs.size())), 0.2, 0.02);
}

struct WrongMatrix {
  const char* text;
  const char* complaint;
};
class LatencyMatrix : public testing::TestWithParam<WrongMatrix> {
 protected:
  Result<LatencyModel> read(const std::string& text) {
    const std::string path = testing::TempDir() + "weft_matrix_" +
                             std::to_string(std::hash<std::string>{}(text)) + ".csv";
    std::ofstream(path) << text;
    LatencyOptions options;
    options.model = "matrix";
    options.matrix_file = path;
    auto model = LatencyModel::create(options, 1);
    std::remove(path.c_str());
    return model;
  }
};
TEST_P(LatencyMatrix, SaysWhatIsWrongAndWhere) {
  auto good = read("# two sites\r\n0, 10\r\n10 ,0\r\n");  // the control
  ASSERT_TRUE(good) << good.error().detail;
  for (std::uint32_t node = 0; node < 20; ++node) good->add_node(node, node);
  Duration most{0};
  for (std::uint32_t node = 1; node < 20; ++node) most = std::max(most, good->base(0, node));
  EXPECT_EQ(most, 5ms);  // one way
  const auto model = read(GetParam().text);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().detail.find(GetParam().complaint), std::string::npos)
      << model.error().detail;
}
INSTANTIATE_TEST_SUITE_P(All, LatencyMatrix,
                         testing::Values(WrongMatrix{"0,ten\n10,0\n", "line 1: \"ten\""},
                                         WrongMatrix{"0,10\n10,nan\n", "line 2: \"nan\""},
                                         WrongMatrix{"0,10\n10,-1\n", "line 2: \"-1\""},
                                         WrongMatrix{"0,10\n10\n", "line 2: 1 numbers, but 2"},
                                         WrongMatrix{"0,10\n", "1 rows of 2 numbers"},
                                         WrongMatrix{"0,1e9\n", "line 1: \"1e9\""},
                                         WrongMatrix{"", "empty"}));

// Each of a packet's two lines is bad for the stated share of the time and then eats half.
TEST(Link, LosesWhatTwoLinesLoseHoweverLong) {
  for (const std::uint32_t share : {10'000U, 500'000U}) {
    Link a(3);
    Link b(3);
    ModelRandom random(6);
    int lost = 0;
    constexpr int kPackets = 400'000;
    for (int i = 0; i < kPackets; ++i) {
      const Instant now{Duration{i * 50'000'000LL}};
      const bool up = a.loses(now, {.per_million = share}, random.next());
      const bool down = b.loses(now, {.per_million = share}, random.next());
      lost += up || down ? 1 : 0;
    }
    const double p = share / 1e6;
    EXPECT_NEAR(lost / double{kPackets}, 1 - (1 - p / 2) * (1 - p / 2), 0.05 * p);
  }
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
