// Paths that become narrow, mute, one-sided or disorderly under a live session.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "tests/session/bulk.hpp"

namespace weft::session {
namespace {

std::size_t largest_sent(Bulk& bulk, Duration span) {
  std::size_t largest = 0;
  bulk.pair.tap = [&](int from, Bytes& bytes) {
    if (from == 0) largest = std::max(largest, bytes.size());
    return true;
  };
  bulk.pair.run(span);
  bulk.pair.tap = nullptr;
  return largest;
}

TEST(Path, ThatBeginsToSwallowLargeDatagramsIsUsedWithSmallOnesWithinFiveSeconds) {
  for (const bool both : {true, false}) {
    Bulk bulk(40 << 20);
    bulk.pair.run(1s);
    ASSERT_FALSE(bulk.whole());
    bulk.pair.tap = [&](int from, Bytes& bytes) {
      return bytes.size() <= 1252 || (!both && from == 1);
    };
    EXPECT_LT(bulk.until_progress(20s), 5s) << both;
    EXPECT_TRUE(bulk.finish(60s)) << both;
    EXPECT_EQ(bulk.pair.a.layer.info(bulk.at_a)->datagram_limit, 1200u);
  }
}

TEST(Path, SwallowsLargeDatagramsWhileADialogueGoesOnBeside) {
  Bulk bulk(40 << 20);
  const auto talk = *bulk.pair.a.layer.open_stream(bulk.pair.now, bulk.at_a);
  bulk.pair.run(1s);
  bulk.pair.tap = [&](int, Bytes& bytes) { return bytes.size() <= 1252; };
  const auto before = bulk.got.size();
  const Instant begin = bulk.pair.now;
  while (bulk.got.size() < before + (4u << 20) && bulk.pair.now < begin + 20s) {
    bulk.pair.a.layer.write(bulk.pair.now, bulk.at_a, talk, bytes_of("key"));
    bulk.pair.run(200ms);
  }
  EXPECT_LT(bulk.pair.now - begin, 6s);
  EXPECT_TRUE(bulk.finish(60s));
}

TEST(Path, IsSearchedAgainAndUsedInFullOnceItIsWideAgain) {
  Bulk bulk(100 << 20, {.delay = 10ms, .bits_per_second = kHundredMegabit / 5});
  bulk.pair.run(1s);
  bulk.pair.tap = [&](int, Bytes& bytes) { return bytes.size() <= 1252; };
  bulk.pair.run(20s);
  ASSERT_EQ(bulk.pair.a.layer.info(bulk.at_a)->datagram_limit, 1200u);
  bulk.pair.tap = nullptr;
  EXPECT_LE(largest_sent(bulk, 1s), 1200u);
  bulk.pair.run(9min + 30s);
  const auto talk = *bulk.pair.a.layer.open_stream(bulk.pair.now, bulk.at_a);
  Bytes more(4 << 20, 9);
  for (int i = 0; i < 60 && bulk.pair.a.layer.info(bulk.at_a)->datagram_limit < 8952; ++i) {
    bulk.pair.a.layer.write(bulk.pair.now, bulk.at_a, talk, more);
    bulk.pair.run(1s);
  }
  EXPECT_GT(bulk.pair.a.layer.info(bulk.at_a)->datagram_limit, 8952u);
  EXPECT_TRUE(bulk.whole());
}

TEST(Path, WhoseSocketRefusesLargeDatagramsIsUsedWithSmallOnes) {
  Bulk bulk(40 << 20);
  bulk.pair.run(1s);
  bulk.pair.tap = [&](int from, Bytes& bytes) {
    if (bytes.size() <= 1252) return true;
    End& end = from == 0 ? bulk.pair.a : bulk.pair.b;
    End& other = from == 0 ? bulk.pair.b : bulk.pair.a;
    end.layer.datagram_refused(bulk.pair.now, PathId::Udp, other.endpoint, bytes.size());
    return false;
  };
  EXPECT_LT(bulk.until_progress(20s), 2s);
  EXPECT_TRUE(bulk.finish(60s));
}

TEST(Path, TheLastSizeIsNotLostToTheSearchForLargerOnes) {
  Bulk bulk(4 << 20);
  bulk.pair.tap = [&](int from, Bytes& bytes) {
    if (bytes.size() <= 1452) return true;
    (from == 0 ? bulk.pair.a : bulk.pair.b)
        .layer.datagram_refused(bulk.pair.now, PathId::Udp,
                                (from == 0 ? bulk.pair.b : bulk.pair.a).endpoint, bytes.size());
    return false;
  };
  EXPECT_TRUE(bulk.finish(20s));
  EXPECT_EQ(bulk.pair.a.layer.info(bulk.at_a)->datagram_limit,
            std::numeric_limits<std::size_t>::max());
}

TEST(Path, SilentForLessThanTheIdleLimitCostsATransferOnlyTime) {
  for (const Duration silence : {Duration(12s), Duration(22s), Duration(28s)}) {
    for (const int deaf : {0, 1, 2}) {  // a, b, both
      Bulk bulk(40 << 20);
      bulk.pair.run(1s);
      ASSERT_FALSE(bulk.whole());
      bulk.pair.link.options().silent = deaf == 0   ? std::set{0}
                                        : deaf == 1 ? std::set{1}
                                                    : std::set{0, 1};
      bulk.pair.run(silence);
      bulk.pair.link.options().silent = {};
      EXPECT_LT(bulk.until_progress(20s), 2500ms) << deaf;
      EXPECT_TRUE(bulk.finish(60s)) << deaf;
    }
  }
}

TEST(Path, AnIdleSessionOutlivesTheSameSilence) {
  Bulk bulk(1000);
  ASSERT_TRUE(bulk.finish(1s));
  bulk.pair.run(20s);
  bulk.pair.link.options().silent = {0, 1};
  bulk.pair.run(28s);
  bulk.pair.link.options().silent = {};
  bulk.pair.run(60s);
  EXPECT_TRUE(bulk.pair.a.layer.info(bulk.at_a)->up);
  EXPECT_TRUE(bulk.pair.b.layer.info(bulk.at_b)->up);
}

TEST(Path, SilentForLongerEndsTheSessionAndSaysSinceWhen) {
  Bulk bulk(1000);
  ASSERT_TRUE(bulk.finish(1s));
  bulk.pair.run(1s);
  EXPECT_FALSE(bulk.pair.a.layer.info(bulk.at_a)->unanswered_since);
  bulk.pair.link.options().silent = {0, 1};
  const Instant begin = bulk.pair.now;
  bulk.pair.run(25s);
  const auto info = *bulk.pair.a.layer.info(bulk.at_a);
  EXPECT_LE(info.heard, begin);
  ASSERT_TRUE(info.unanswered_since);
  EXPECT_LT(*info.unanswered_since, begin + 16s);
  bulk.pair.run(25s);
  const auto downs = Pair::of<SessionDown>(bulk.pair.a);
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_EQ(downs[0].reason, CloseReason::Idle);
}

TEST(Path, ThatBeginsToDropEcnMarksIsUsedWithoutThem) {
  Bulk bulk(40 << 20);
  bulk.pair.run(1s);
  bulk.pair.link.options().drops_marked = true;
  EXPECT_LT(bulk.until_progress(20s), 5s);
  EXPECT_TRUE(bulk.finish(60s));
}

// TCP takes 0.6 s on such a cable.
TEST(Path, ThatReordersByMoreThanItsRoundTripCostsATransferLittle) {
  Duration orderly{};
  for (const Duration jitter : {Duration(0ms), Duration(2ms), Duration(10ms)}) {
    Bulk bulk(20 << 20, {.delay = 5ms, .jitter = jitter});
    const Instant begin = bulk.pair.now;
    EXPECT_TRUE(bulk.finish(120s));
    const Duration took = bulk.pair.now - begin;
    RecordProperty("ms_with_jitter_" + std::to_string(jitter / 1ms), std::to_string(took / 1ms));
    if (jitter == 0ms) orderly = took;
    EXPECT_LT(took, 1800ms) << jitter;
    EXPECT_LT(took, 8 * orderly) << jitter;
  }
}

TEST(Path, AnAnswerLeavesFromTheAddressThatWasCalled) {
  Pair pair;
  const Endpoint second = Endpoint::v4(0x0a00000b, 0);
  pair.b.endpoint = Endpoint::v4(0x0a00000b, 4002);
  ASSERT_TRUE(pair.a.layer.dial(pair.now, pair.target()));
  pair.run(15ms);
  Bytes buffer(kTransmitBufferSize);
  std::size_t seen = 0;
  while (const auto transmit = pair.b.layer.poll_transmit(pair.now, buffer)) {
    ++seen;
    EXPECT_EQ(transmit->local, second);
  }
  pair.run(500ms);
  while (const auto transmit = pair.a.layer.poll_transmit(pair.now, buffer))
    EXPECT_TRUE(transmit->local.is_unspecified());  // who dials leaves the choice to the kernel
}

}  // namespace
}  // namespace weft::session
