#include "overlay/session/path_watch.hpp"

#include <gtest/gtest.h>

namespace weft::session {
namespace {

constexpr Duration kPto = 50ms;

AckRanges range(std::uint64_t first, std::uint64_t last) {
  AckRanges out;
  out.ranges[out.count++] = {first, last};
  return out;
}

struct Watched {
  void send(bool large, unsigned count = 1) {
    for (unsigned i = 0; i < count; ++i) watch.sent(now, next++, large, false);
    watch.in_flight(now, true);
  }
  PathWatch watch;
  Instant now{1s};
  std::uint64_t next = 0;
};

TEST(AckFrame, ReadsRangesNewestFirst) {
  // Largest 20, delay 0, one more range, first range 3; gap 1, length 2.
  const Bytes frame{0x02, 20, 0, 1, 3, 1, 2, 0x01};
  const auto ranges = leading_ack(frame);
  ASSERT_EQ(ranges.count, 2u);
  EXPECT_EQ(ranges.ranges[0].first, 17u);
  EXPECT_EQ(ranges.ranges[0].last, 20u);
  EXPECT_EQ(ranges.ranges[1].first, 12u);
  EXPECT_EQ(ranges.ranges[1].last, 14u);
}

TEST(AckFrame, SaysNothingOfWhatDoesNotParse) {
  EXPECT_EQ(leading_ack(Bytes{}).count, 0u);
  EXPECT_EQ(leading_ack(Bytes{0x01}).count, 0u);
  EXPECT_EQ(leading_ack(Bytes{0x02, 5, 0, 0, 6}).count, 0u);        // below zero
  EXPECT_EQ(leading_ack(Bytes{0x02, 5, 0, 1, 1, 9, 0}).count, 0u);  // a gap below zero
  EXPECT_EQ(leading_ack(Bytes{0x02, 5, 0, 3, 1, 0, 0}).count, 0u);  // fewer than it says
  EXPECT_EQ(leading_ack(Bytes{0x02, 0xc0, 0, 0}).count, 0u);        // cut in a number
}

TEST(PathWatch, FallsWhenLargeOnesDieAndLaterSmallOnesLive) {
  Watched w;
  w.send(true, PathWatch::kLosses);
  w.send(false);
  w.now += 200ms;
  w.watch.acked(w.now, range(w.next - 1, w.next - 1), kPto);
  EXPECT_EQ(w.watch.limit(), PathWatch::kBase);
  EXPECT_EQ(w.watch.falls(), 1u);
}

TEST(PathWatch, StaysWhenFewerDiedOrOneLived) {
  Watched w;
  w.send(true, PathWatch::kLosses - 1);
  w.send(false);
  w.now += 200ms;
  w.watch.acked(w.now, range(w.next - 1, w.next - 1), kPto);
  EXPECT_EQ(w.watch.limit(), PathWatch::kUnlimited);
  Watched v;
  v.send(true, 10);
  v.send(false);
  v.now += 200ms;
  v.watch.acked(v.now, range(v.next - 2, v.next - 1), kPto);
  EXPECT_EQ(v.watch.limit(), PathWatch::kUnlimited);
}

TEST(PathWatch, DoubtsLargeOnesAndMarksWhenNothingIsHeard) {
  Watched w;
  w.watch.sent(w.now, w.next++, true, true);
  w.watch.in_flight(w.now, true);
  ASSERT_TRUE(w.watch.deadline(kPto));
  EXPECT_EQ(*w.watch.deadline(kPto), w.now + 500ms);
  w.now += 500ms;
  w.watch.expire(w.now, kPto);
  EXPECT_EQ(w.watch.limit(), PathWatch::kBase);
  EXPECT_FALSE(w.watch.marks());
  ASSERT_TRUE(w.watch.deadline(kPto));  // when it is silence
  EXPECT_EQ(*w.watch.deadline(kPto), Instant{1s} + kSilentAfter);
  w.now = *w.watch.deadline(kPto);
  w.watch.expire(w.now, kPto);
  EXPECT_TRUE(w.watch.silent());
  EXPECT_FALSE(w.watch.deadline(kPto));  // nothing to do until something is heard
}

TEST(PathWatch, SearchesUpwardsOnceSomethingIsHeard) {
  Watched w;
  w.send(true);
  w.watch.refused(w.now, 1452);
  EXPECT_EQ(w.watch.limit(), PathWatch::kBase);
  EXPECT_FALSE(w.watch.probe_size(1452));
  w.send(false);
  w.watch.acked(w.now, range(1, 1), kPto);
  ASSERT_TRUE(w.watch.deadline(kPto));
  for (const std::size_t size : {1350u, 1452u}) {
    if (const auto at = w.watch.deadline(kPto)) w.now = std::max(w.now, *at);
    w.watch.expire(w.now, kPto);
    ASSERT_EQ(w.watch.probe_size(1452), size);
    w.send(false);
    w.watch.probe_sent(w.now, w.next - 1, size);
    EXPECT_FALSE(w.watch.probe_size(1452));
    w.now += 10ms;
    w.watch.acked(w.now, range(w.next - 1, w.next - 1), kPto);
    EXPECT_EQ(w.watch.limit(), size);
  }
  EXPECT_FALSE(w.watch.probe_size(1452));
  EXPECT_EQ(w.watch.limit(), PathWatch::kUnlimited);
}

TEST(PathWatch, GivesUpASizeAfterThreeProbesAndTriesAgainMuchLater) {
  Watched w;
  w.send(true);
  w.watch.refused(w.now, 1452);
  w.send(false);
  w.watch.acked(w.now, range(1, 1), kPto);
  unsigned probes = 0;
  const Instant begin = w.now;
  while (w.now < begin + 9min) {
    const auto at = w.watch.deadline(kPto);
    if (!at) break;
    ASSERT_GE(*at, w.now);
    w.now = std::max(w.now, *at);
    w.watch.expire(w.now, kPto);
    if (w.now >= begin + 9min) break;
    if (const auto size = w.watch.probe_size(1452)) {
      ++probes;
      w.send(false);
      w.watch.probe_sent(w.now, w.next - 1, *size);
      w.send(false);
      w.watch.acked(w.now, range(w.next - 1, w.next - 1), kPto);
    }
  }
  EXPECT_EQ(probes, PathWatch::kTries);
  EXPECT_EQ(w.watch.limit(), PathWatch::kBase);
  EXPECT_GE(w.now, begin + PathWatch::kSearchAgain);
}

TEST(PathWatch, ASilenceBeginsAtItsDeadlineAndEndsWithAnAcknowledgement) {
  Watched w;
  w.send(false);
  w.watch.in_flight(w.now, true);
  const Instant asked = w.now;
  while (!w.watch.silent()) {
    const auto at = w.watch.deadline(kPto);
    ASSERT_TRUE(at);
    w.now = std::max(w.now, *at);
    ASSERT_LE(w.now, asked + kSilentAfter);
    w.watch.expire(w.now, kPto);
  }
  EXPECT_EQ(w.now, asked + kSilentAfter);
  const auto next = w.watch.deadline(kPto);
  EXPECT_TRUE(!next || *next > w.now) << "told once";
  w.watch.acked(w.now, range(0, 0), kPto);
  EXPECT_FALSE(w.watch.silent());
}

TEST(PathWatch, AMovedPathIsUnknownAgain) {
  Watched w;
  w.send(true);
  w.watch.refused(w.now, 1452);
  w.watch.reset();
  EXPECT_EQ(w.watch.limit(), PathWatch::kUnlimited);
  EXPECT_TRUE(w.watch.marks());
  EXPECT_FALSE(w.watch.unanswered_since());
}

}  // namespace
}  // namespace weft::session
