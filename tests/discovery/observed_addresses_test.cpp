#include "overlay/discovery/observed_addresses.hpp"

#include <gtest/gtest.h>

namespace weft::discovery {
namespace {

NodeId node(std::uint8_t n) {
  NodeId id;
  id.bytes.fill(n);
  return id;
}
const Endpoint kOwn = Endpoint::v4(0x0a000001, 7);
const Endpoint kNat = Endpoint::v4(0xc0000201, 7000);
const Endpoint kOther = Endpoint::v4(0xc0000202, 7000);

TEST(ObservedAddresses, CountOnceTwoMembersNameThem) {
  ObservedAddresses seen;
  seen.set_own({kOwn});
  EXPECT_FALSE(seen.note(Instant{1s}, node(1), kNat));
  EXPECT_TRUE(seen.candidates().empty());
  EXPECT_FALSE(seen.note(Instant{2s}, node(1), kNat));  // the same member again
  EXPECT_TRUE(seen.candidates().empty());
  EXPECT_TRUE(seen.note(Instant{3s}, node(2), kNat));
  EXPECT_EQ(seen.candidates(), std::vector{kNat});
  EXPECT_FALSE(seen.untranslated());
}

TEST(ObservedAddresses, AMemberTakesBackWhatItSaidByAnotherWord) {
  ObservedAddresses seen;
  seen.note(Instant{1s}, node(1), kNat);
  seen.note(Instant{1s}, node(2), kNat);
  EXPECT_TRUE(seen.note(Instant{2s}, node(2), kOther));
  EXPECT_TRUE(seen.candidates().empty());
}

TEST(ObservedAddresses, OurOwnAddressIsNoCandidateAndMeansThatNothingTranslates) {
  ObservedAddresses seen;
  seen.set_own({kOwn});
  seen.note(Instant{1s}, node(1), kOwn);
  EXPECT_TRUE(seen.untranslated());
  seen.note(Instant{1s}, node(2), kOwn);
  EXPECT_TRUE(seen.candidates().empty());
}

TEST(ObservedAddresses, WhatManySayGoesInFrontAndFewAreKept) {
  ObservedAddresses seen;
  for (std::uint8_t i = 1; i <= 2; ++i) seen.note(Instant{1s}, node(i), kOther);
  for (std::uint8_t i = 3; i <= 5; ++i) seen.note(Instant{1s}, node(i), kNat);
  for (std::uint8_t i = 6; i <= 7; ++i)
    seen.note(Instant{1s}, node(i), Endpoint::v4(0xc0000209, 1));
  ASSERT_EQ(seen.candidates().size(), ObservedAddresses::kMost);
  EXPECT_EQ(seen.candidates()[0], kNat);
}

TEST(ObservedAddresses, WhatIsOldOrOfBeforeAMoveCountsNoMore) {
  ObservedAddresses seen;
  seen.note(Instant{1s}, node(1), kNat);
  seen.note(Instant{60s}, node(2), kNat);
  EXPECT_FALSE(seen.expire(Instant{61s}));
  EXPECT_TRUE(seen.expire(Instant{2s} + ObservedAddresses::kFresh));
  EXPECT_TRUE(seen.candidates().empty());
  seen.note(Instant{1h}, node(1), kNat);
  EXPECT_EQ(seen.candidates(), std::vector{kNat});
  seen.set_own({kOwn});
  EXPECT_TRUE(seen.candidates().empty());
}

TEST(ObservedAddresses, ManyObserversTakeNoMoreRoom) {
  ObservedAddresses seen;
  for (std::uint8_t i = 0; i < 200; ++i)
    seen.note(Instant{Duration(1s) * i}, node(i), i < 150 ? kOther : kNat);
  ASSERT_EQ(seen.candidates().size(), 1U);  // who spoke long ago was forgotten
  EXPECT_EQ(seen.candidates()[0], kNat);
}

TEST(ObservedAddresses, NowhereIsNoAddress) {
  ObservedAddresses seen;
  for (std::uint8_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(seen.note(Instant{1s}, node(i), {}));
    EXPECT_FALSE(seen.note(Instant{1s}, node(i), Endpoint::v4(0xc0000201, 0)));
  }
}

}  // namespace
}  // namespace weft::discovery
