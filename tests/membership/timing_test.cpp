#include <gtest/gtest.h>

#include "overlay/membership/timing.hpp"

namespace weft::membership {
namespace {

TEST(Timing, TheScaleIsTheLogarithmOfTheSize) {
  EXPECT_EQ(scale_of(1), 1000u);
  EXPECT_EQ(scale_of(2), 1000u);
  EXPECT_EQ(scale_of(9), 1000u);
  EXPECT_NEAR(static_cast<double>(scale_of(50)), 1707.0, 15.0);
  EXPECT_EQ(scale_of(99), 2000u);
  EXPECT_EQ(scale_of(999), 3000u);
  EXPECT_NEAR(static_cast<double>(scale_of(10000)), 4000.0, 1.0);
  EXPECT_EQ(retransmits(2), 4u);
  EXPECT_EQ(retransmits(999), 12u);
}

TEST(Timing, ASuspicionIsShorterWithEachAccuser) {
  const Duration longest = suspicion(99, 1, 1s, true);
  EXPECT_EQ(longest, 8s);
  EXPECT_GT(longest, suspicion(99, 2, 1s, true));
  EXPECT_GT(suspicion(99, 2, 1s, true), suspicion(99, 3, 1s, true));
  EXPECT_EQ(suspicion(99, 4, 1s, true), 2s);
  EXPECT_EQ(suspicion(99, 9, 1s, true), 2s);
  EXPECT_EQ(suspicion(99, 4, 1s, false), 8s);  // plain SWIM
}

// With two nobody can confirm it; with three one can, with four two.
TEST(Timing, SmallNetworksDoNotWaitForWhomTheyLack) {
  EXPECT_EQ(suspicion(2, 1, 1s, true), 1s);
  EXPECT_EQ(suspicion(3, 1, 1s, true), 4s);
  EXPECT_EQ(suspicion(3, 2, 1s, true), 1s);
  EXPECT_EQ(suspicion(4, 3, 1s, true), 1s);
}

TEST(Timing, TimeoutsFollowTheRoundTrip) {
  RoundTrip rtt;
  EXPECT_EQ(rtt.timeout(), kUnknownTimeout);
  for (int i = 0; i < 50; ++i) rtt.take(1ms);
  EXPECT_EQ(rtt.timeout(), kShortestTimeout);
  for (int i = 0; i < 50; ++i) rtt.take(100ms);
  EXPECT_GE(rtt.timeout(), 299ms);
  EXPECT_LE(rtt.timeout(), 320ms);
  for (int i = 0; i < 50; ++i) rtt.take(5s);
  EXPECT_EQ(rtt.timeout(), kLongestTimeout);
}

TEST(Timing, HealthHasItsLimits) {
  Health health;
  EXPECT_EQ(health.stretch(1s), 1s);
  health.better();
  EXPECT_EQ(health.score(), 0);
  health.worse(3);
  EXPECT_EQ(health.stretch(1s), 4s);
  health.worse(100);
  EXPECT_EQ(health.score(), kMaxHealth);
}

}  // namespace
}  // namespace weft::membership
