#include "base/seen_cache.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

ByteArray<8> tag(std::uint64_t i) {
  ByteArray<8> out{};
  for (unsigned b = 0; b < 8; ++b) out[b] = static_cast<std::uint8_t>(i >> (8 * b));
  return out;
}

struct Fixture : ::testing::Test {
  SeenCache cache{ByteArray<16>{1, 2, 3}, 1000, 10min};
  Instant now = Instant{} + 1h;
};
using SeenCacheTest = Fixture;

TEST_F(SeenCacheTest, WhatWasSeenIsKnownForTenMinutesAndForgottenAfterTwenty) {
  EXPECT_FALSE(cache.contains(now, tag(1)));
  EXPECT_TRUE(cache.insert(now, tag(1)));
  EXPECT_FALSE(cache.insert(now, tag(1)));
  EXPECT_TRUE(cache.insert(now, tag(2)));
  for (int minute = 0; minute < 10; ++minute) {
    EXPECT_TRUE(cache.contains(now, tag(1))) << minute;
    EXPECT_FALSE(cache.insert(now, tag(1))) << minute;
    EXPECT_TRUE(cache.insert(now, tag(100 + static_cast<std::uint64_t>(minute))));
    now += 59s;
  }
  now += 11min;
  EXPECT_FALSE(cache.contains(now, tag(1)));
  EXPECT_TRUE(cache.insert(now, tag(1)));
}

TEST_F(SeenCacheTest, AfterALongSilenceNothingIsRemembered) {
  EXPECT_TRUE(cache.insert(now, tag(1)));
  now += 1h;
  EXPECT_FALSE(cache.contains(now, tag(1)));
  EXPECT_TRUE(cache.insert(now, tag(1)));
}

TEST_F(SeenCacheTest, AFloodOfNewOnesTakesNoMoreMemoryAndPushesOutTheOldest) {
  EXPECT_TRUE(cache.insert(now, tag(0)));
  for (std::uint64_t i = 1; i < 400; ++i) EXPECT_TRUE(cache.insert(now, tag(i)));
  EXPECT_FALSE(cache.insert(now, tag(0)));
  for (std::uint64_t i = 400; i < 100'000; ++i) ASSERT_TRUE(cache.insert(now, tag(i)));
  EXPECT_LE(cache.bytes(), 2u * 2048u * 8u);
  EXPECT_FALSE(cache.insert(now, tag(99'999)));
  EXPECT_FALSE(cache.insert(now, tag(99'600)));  // at least half the limit
  EXPECT_TRUE(cache.insert(now, tag(0)));
}

}  // namespace
}  // namespace weft
