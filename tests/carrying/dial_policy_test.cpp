#include "overlay/carrying/dial_policy.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft::overlay {
namespace {

using Do = DialPolicy::Step::Do;

struct DialPolicyTest : testing::Test {
  // Runs the machine as its owner does, until `end`; what it did and when, in milliseconds.
  struct Done {
    std::int64_t ms;
    Do what;
    std::size_t index;
    bool operator==(const Done&) const = default;
  };
  std::vector<Done> run(Duration for_so_long) {
    std::vector<Done> out;
    const Instant end = now + for_so_long;
    for (;;) {
      for (;;) {
        const auto step = policy.step(now, standing);
        if (step.what == Do::Nothing) break;
        out.push_back({(now - begin) / 1ms, step.what, step.index});
        if (step.what == Do::Connect && refused) policy.failed();
      }
      const auto next = policy.deadline(standing);
      EXPECT_TRUE(!next || *next > now) << "it asks to be asked again at once";
      if (!next || *next > end || *next <= now) break;
      now = *next;
    }
    now = end;
    return out;
  }
  static Done connect(std::int64_t ms, std::size_t index) { return {ms, Do::Connect, index}; }
  static Done udp(std::int64_t ms, std::size_t index) { return {ms, Do::TryUdp, index}; }

  Instant begin{1000s};
  Instant now = begin;
  DialPolicy policy;
  Standing standing{.wanted = true, .tried_since = begin, .carriers = 2, .endpoints = 3};
  bool refused = false;  // every connection fails at once
};

using Steps = std::vector<DialPolicyTest::Done>;

TEST_F(DialPolicyTest, UdpHasAQuarterOfASecondBeforeTheFirstConnection) {
  EXPECT_EQ(run(249ms), Steps{});
  EXPECT_EQ(run(1ms), Steps{connect(250, 0)});
}

TEST_F(DialPolicyTest, WhoHasNoUdpAddressIsConnectedToAtOnce) {
  standing.endpoints = 0;
  EXPECT_EQ(run(0ms), Steps{connect(0, 0)});
}

TEST_F(DialPolicyTest, ASessionOverUdpNeedsNoConnection) {
  standing = {.wanted = true, .up = true, .initiator = true, .carriers = 2, .endpoints = 3};
  EXPECT_EQ(run(600s), Steps{});
  EXPECT_FALSE(policy.deadline(standing));
}

TEST_F(DialPolicyTest, WhoIsNotWantedOrHasNoSuchAddressIsNotConnectedTo) {
  standing.wanted = false;
  EXPECT_EQ(run(600s), Steps{});
  standing.wanted = true;
  standing.carriers = 0;
  EXPECT_EQ(run(600s), Steps{});
}

TEST_F(DialPolicyTest, AddressesAreTriedOneBehindTheOther) {
  standing.carriers = 3;
  EXPECT_EQ(run(5s), (Steps{connect(250, 0), connect(500, 1)}));  // two at most are under way
  policy.failed();
  EXPECT_EQ(run(1s), Steps{connect(5000, 2)});
}

TEST_F(DialPolicyTest, RoundsThatLedToNothingComeEverMoreRarely) {
  refused = true;
  standing.carriers = 1;
  const auto done = run(300s);
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 1; i < done.size(); ++i) gaps.push_back(done[i].ms - done[i - 1].ms);
  EXPECT_EQ(gaps,
            (std::vector<std::int64_t>{1250, 2250, 4250, 8250, 16250, 32250, 60250, 60250, 60250}));
}

TEST_F(DialPolicyTest, AConnectionThatIsThereGivesTheSessionItsTime) {
  standing.carriers = 3;
  EXPECT_EQ(run(250ms), Steps{connect(250, 0)});
  policy.opened(now);
  EXPECT_EQ(run(999ms), Steps{});
  EXPECT_EQ(run(1ms), Steps{connect(1250, 1)});
}

TEST_F(DialPolicyTest, ASessionThatFellSilentIsGivenAConnectionAtOnce) {
  standing = {.wanted = true, .up = true, .initiator = true, .carriers = 2, .endpoints = 3};
  run(60s);
  standing.silent = true;
  EXPECT_EQ(run(0ms), Steps{connect(60000, 0)});
}

TEST_F(DialPolicyTest, FromAConnectionUdpIsTriedAgainEverMoreRarely) {
  standing = {.wanted = true,
              .up = true,
              .on_stream = true,
              .initiator = true,
              .carriers = 1,
              .endpoints = 2};
  EXPECT_EQ(run(60s), (Steps{udp(5000, 0), udp(10000, 1), udp(15000, 0), udp(25000, 1),
                             udp(35000, 0), udp(55000, 1)}));
}

TEST_F(DialPolicyTest, OnlyWhoDialledTriesUdp) {
  standing = {.wanted = true, .up = true, .on_stream = true, .carriers = 1, .endpoints = 2};
  EXPECT_EQ(run(600s), Steps{});
}

TEST_F(DialPolicyTest, ASessionWhoseConnectionEndedGetsAnotherAndUdp) {
  standing = {.wanted = true,
              .up = true,
              .on_stream = true,
              .silent = true,
              .initiator = true,
              .carriers = 1,
              .endpoints = 1};
  EXPECT_EQ(run(5s), (Steps{connect(0, 0), udp(5000, 0)}));
}

}  // namespace
}  // namespace weft::overlay
