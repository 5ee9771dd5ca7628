#include "overlay/session/resequencer.hpp"

#include <gtest/gtest.h>

namespace weft::session {
namespace {

struct Line {
  void open(std::uint64_t number) { order.opened(now, number, now); }
  void hold(std::uint64_t number) {
    order.hold(now, number, {PathId::Udp, {}, {}, Ecn::NotEct, bytes_of("x")});
  }
  // Opens all whose turn it is; how many.
  int drain() {
    int count = 0;
    while (const auto held = order.take(now)) {
      order.opened(now, order.next(), held->arrived);
      ++count;
    }
    return count;
  }
  Resequencer order;
  Instant now{1s};
};

TEST(Resequencer, WaitsForNobodyWhereOrderIsKeptOrPacketsAreLost) {
  Line line;
  for (std::uint64_t n = 0; n < 100; ++n) {
    if (n % 7 != 3) line.open(n);
    line.now += 1ms;
    EXPECT_FALSE(line.order.early(n + 10));
  }
  EXPECT_FALSE(line.order.waits());
}

TEST(Resequencer, WaitsAsLongAsOneWasLateAndALittleMore) {
  Line line;
  line.open(0);
  line.open(2);
  line.now += 4ms;
  line.open(1);
  EXPECT_EQ(line.order.wait(), 5ms);
  EXPECT_FALSE(line.order.early(3));
  ASSERT_TRUE(line.order.early(4));
  line.hold(4);
  EXPECT_EQ(line.drain(), 0);
  EXPECT_EQ(line.order.deadline(), line.now + 5ms);
  line.now += 1ms;
  line.open(3);
  EXPECT_EQ(line.drain(), 1);
  EXPECT_FALSE(line.order.deadline());
}

TEST(Resequencer, LetsGoWhatWaitedInVain) {
  Line line;
  line.open(0);
  line.open(2);
  line.now += 4ms;
  line.open(1);
  line.hold(9);
  line.now += 5ms;
  EXPECT_TRUE(line.order.take(line.now));
}

TEST(Resequencer, NeverWaitsLongerThanItsLimitAndHoldsNoMoreThanItsLimit) {
  Line line;
  line.open(0);
  line.open(2);
  line.now += 10s;
  line.open(1);
  EXPECT_EQ(line.order.wait(), Resequencer::kLongest);
  for (std::uint64_t n = 0; n <= Resequencer::kMostHeld; ++n) line.hold(10 + n);
  EXPECT_TRUE(line.order.take(line.now));
  EXPECT_FALSE(line.order.take(line.now));
}

TEST(Resequencer, StopsWaitingOnceOrderIsKeptAgain) {
  Line line;
  line.open(0);
  line.open(2);
  line.now += 4ms;
  line.open(1);
  ASSERT_TRUE(line.order.waits());
  for (std::uint64_t n = 3; n < 3000; ++n) {
    line.now += 10ms;
    line.open(n);
  }
  EXPECT_FALSE(line.order.waits());
}

}  // namespace
}  // namespace weft::session
