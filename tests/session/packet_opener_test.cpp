// The memory of an opening key: RFC 6479's window against a plain set of numbers.
#include "overlay/session/packet_opener.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"

namespace weft::session {
namespace {

TEST(ReplayWindow, SaysWhatASetSaysWithinItsReach) {
  SeededRng rng(7);
  for (int round = 0; round < 50; ++round) {
    ReplayWindow window;
    std::set<std::uint64_t> had;
    std::uint64_t newest = 0;
    for (int i = 0; i < 4000; ++i) {
      // Mostly onwards by a little, sometimes by a lot, often back.
      const std::uint64_t step = rng.uniform(20) == 0 ? rng.uniform(3000) : rng.uniform(3);
      const std::uint64_t back = rng.uniform(2) == 0 ? 0 : rng.uniform(1100);
      const std::uint64_t number = newest + step - std::min(newest + step, back);
      newest = std::max(newest, number);
      const bool before = !had.insert(number).second;
      const bool judged = newest - number < ReplayWindow::kReach;
      ASSERT_EQ(window.seen(number), before && judged) << number << " of " << newest;
    }
  }
}

TEST(ReplayWindow, TheFirstNumberIsNew) {
  ReplayWindow window;
  EXPECT_FALSE(window.seen(0));
  EXPECT_TRUE(window.seen(0));
  EXPECT_FALSE(window.seen((1ull << 62) - 1));
  EXPECT_TRUE(window.seen((1ull << 62) - 1));
}

}  // namespace
}  // namespace weft::session
