#include "base/share.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace weft {
namespace {

TEST(Share, TheFirstMayHoldAQuarterAndTheNextAQuarterOfTheRest) {
  EXPECT_EQ(share_of(1024, 0), 256u);
  EXPECT_EQ(share_of(1024, 256), 192u);
  EXPECT_TRUE(may_take(1024, 255, 255));
  EXPECT_FALSE(may_take(1024, 256, 256));
  EXPECT_TRUE(may_take(1024, 256, 0));
}

TEST(Share, NothingIsGivenThatIsNotThere) {
  EXPECT_EQ(share_of(16, 16), 0u);
  EXPECT_EQ(share_of(16, 20), 0u);
  EXPECT_EQ(share_of(0, 0), 0u);
  EXPECT_EQ(share_of(16, 14, 8), 2u);
  EXPECT_FALSE(may_take(16, 16, 0));
  EXPECT_FALSE(may_take(16, 15, 0, 2));
  EXPECT_FALSE(may_take(16, 0, 0, 17));
}

TEST(Share, WhoHasNothingGetsOneWhileOneIsLeft) {
  EXPECT_EQ(share_of(16, 14), 1u);
  EXPECT_TRUE(may_take(16, 15, 0));
  EXPECT_FALSE(may_take(16, 15, 1));
}

// However many take all they may, the next one finds a place, until there is truly none.
TEST(Share, GreedyOnesLeaveRoomForTheNext) {
  constexpr std::size_t kLimit = 1024;
  std::vector<std::size_t> held;
  std::size_t used = 0;
  while (used < kLimit) {
    std::size_t own = 0;
    while (may_take(kLimit, used, own)) ++own, ++used;
    ASSERT_GE(own, 1u);
    held.push_back(own);
  }
  EXPECT_EQ(std::accumulate(held.begin(), held.end(), std::size_t{0}), kLimit);
  EXPECT_EQ(held[9], 19u);
  EXPECT_GE(held.size(), 20u);
}

}  // namespace
}  // namespace weft
