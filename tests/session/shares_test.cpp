// What some streams of a session may take from the others: nothing that these need. One program
// that does not read, or a thousand of them, in either direction.
#include <gtest/gtest.h>

#include <malloc.h>

#include <utility>

#include "overlay/session/budget.hpp"
#include "tests/harness/pair.hpp"

namespace weft::session {
namespace {

using harness::End;
using harness::Pair;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCountsMemory = false;
#else
constexpr bool kCountsMemory = true;
#endif

std::size_t heap() { return mallinfo2().uordblks; }

// a feeds the streams it is told to as fast as it may, b reads those it is told to and only those.
struct Shared {
  explicit Shared(harness::LinkOptions options = {}, SessionLimits limits_a = {},
                  SessionLimits limits_b = {})
      : pair(17, options, limits_a, limits_b) {
    at_a = *pair.a.layer.dial(pair.now, pair.target());
    pair.run_until([&] { return !Pair::of<SessionUp>(pair.b).empty(); }, 10s);
    at_b = Pair::of<SessionUp>(pair.b).at(0).session;
    pair.on_event = [this](End& end, const SessionEvent& event) { react(end, event); };
    control = open(true, false);  // the first stream of a session carries its control messages
  }
  StreamId open(bool read, bool feed) {
    const auto stream = *pair.a.layer.open_stream(pair.now, at_a);
    if (read) readers.insert(stream);
    if (feed) fed.insert(stream), this->feed(stream);
    return stream;
  }
  void feed(StreamId stream) {
    while (pair.a.layer.write(pair.now, at_a, stream, block) > 0) {
    }
  }
  void react(End& end, const SessionEvent& event) {
    if (const auto* opened = std::get_if<StreamOpened>(&event)) {
      end.layer.accept(opened->session, opened->stream);
    } else if (const auto* writable = std::get_if<StreamWritable>(&event)) {
      if (&end == &pair.a && fed.contains(writable->stream)) feed(writable->stream);
    } else if (const auto* readable = std::get_if<StreamReadable>(&event)) {
      if (&end == &pair.b && readers.contains(readable->stream))
        got[readable->stream] += read(readable->stream);
    }
  }
  std::size_t read(StreamId stream) {
    std::size_t size = 0;
    for (auto v = pair.b.layer.readable(at_b, stream); !v.empty();
         v = pair.b.layer.readable(at_b, stream)) {
      size += v.size();
      pair.b.layer.consume(pair.now, at_b, stream, v.size());
    }
    return size;
  }
  // Time until a short message on the stream has arrived.
  Duration delay_of(StreamId stream) {
    const auto before = got[stream];
    const auto since = pair.now;
    pair.a.layer.write(pair.now, at_a, stream, bytes_of("ping"));
    if (!pair.run_until([&] { return got[stream] >= before + 4; }, 10s)) return 10s;
    return pair.now - since;
  }
  std::size_t moved(StreamId stream, Duration span) {
    const auto before = got[stream];
    pair.run(span);
    return got[stream] - before;
  }

  const Bytes block = Bytes(1 << 18, 7);
  Pair pair;
  SessionId at_a = 0;
  SessionId at_b = 0;
  StreamId control = -1;
  std::set<StreamId> readers;
  std::set<StreamId> fed;
  std::map<StreamId, std::size_t> got;
};

TEST(Shares, UploadsNobodyReadsLeaveTheSessionToTheOthers) {
  Shared s;
  const auto echo = s.open(true, false);
  for (int i = 0; i < 8; ++i) {
    s.open(false, true);
    s.pair.run(2s);
    EXPECT_LE(s.delay_of(echo), 50ms) << i;
    EXPECT_LE(s.delay_of(s.control), 50ms) << i;
  }
}

TEST(Shares, NorDoAThousandOfThemSlowABusyOneDown) {
  Shared s({.bits_per_second = 100'000'000});
  const auto bulk = s.open(true, true);
  s.pair.run(2s);
  const auto alone = s.moved(bulk, 4s);
  for (int i = 0; i < 1000; ++i) s.open(false, true);
  s.pair.run(4s);  // their first windows
  EXPECT_GE(s.moved(bulk, 4s), alone * 95 / 100);
  EXPECT_LE(s.delay_of(s.control), 200ms);
  const auto late = s.open(true, true);
  EXPECT_GE(s.moved(late, 4s), alone / 4);
}

// The same streams, once drained with all speed and then never again: they hold the wide windows
// they had earned.
TEST(Shares, ReadersThatStopLaterLeaveRoomToo) {
  Shared s({.delay = 5ms});
  std::vector<StreamId> streams;
  for (int i = 0; i < 200; ++i) {
    const auto stream = s.open(true, true);
    s.pair.run(50ms);
    s.readers.erase(stream);
    streams.push_back(stream);
  }
  s.pair.run(2s);
  EXPECT_LE(s.delay_of(s.control), 50ms);
  const auto late = s.open(true, true);
  EXPECT_GE(s.moved(late, 1s), 1u << 20);
  // Whoever reads again goes on where it was.
  const auto before = s.read(streams[0]);
  EXPECT_GT(before, 0u);
  s.readers.insert(streams[0]);
  s.pair.run(1s);
  EXPECT_GT(s.got[streams[0]], before);
}

TEST(Shares, TheReaderHoldsAWindowForEachStreamAndThePoolForAllTogether) {
  if (!kCountsMemory) GTEST_SKIP() << "counts memory";
  Shared s;
  s.pair.run(1s);
  const auto before = heap();
  for (int i = 0; i < 1000; ++i) s.open(false, true);
  s.pair.run(5s);
  s.pair.a.events = {};
  s.pair.b.events = {};
  const SessionLimits limits;
  // Both ends live here: what b holds unread, with its chunks' slack, and the streams themselves.
  EXPECT_LE(heap() - before, 1000 * (2 * limits.stream_window + 4096) + limits.session_window);
}

// A peer that lets us send and acknowledges, but grants no window beyond the first; or, crueller,
// grants all windows and never acknowledges. What waits here is bounded for the session.
TEST(Shares, AReaderThatDoesNotReadCostsTheSenderLittle) {
  if (!kCountsMemory) GTEST_SKIP() << "counts memory";
  SessionLimits wide;
  wide.stream_window = 4u << 20;
  wide.first_streams_bidi = 8192;
  Shared s({}, {}, wide);
  s.pair.run(1s);
  for (int i = 0; i < 4000; ++i) s.open(false, false);
  s.pair.run(5s);
  s.pair.a.events = {};
  s.pair.b.events = {};
  const auto before = heap();
  // Nothing arrives any more: all that is written stays here.
  s.pair.tap = [](int, Bytes&) { return false; };
  const SessionLimits limits;
  const auto key = [](std::size_t i) { return static_cast<StreamId>(4 * (i + 1)); };
  for (std::size_t i = 0; i < 4000; ++i) s.feed(key(i));
  s.pair.run(3s);
  const auto held = heap() - before;
  EXPECT_LE(held, limits.session_send_ahead + 4000 * (limits.send_least + 1024) + (1u << 20));
  EXPECT_GE(held, limits.session_send_ahead / 2);  // the control: it is not for want of trying
}

TEST(Shares, AStreamWhosePeerGrantsNothingHoldsNothingThatWaits) {
  Shared s;
  const auto stuck = s.open(false, true);
  s.pair.run(2s);
  EXPECT_TRUE(s.pair.a.layer.send_space(s.at_a, stuck).empty());
  EXPECT_EQ(s.pair.a.layer.info(s.at_a)->unsent_bytes, 0u);
  EXPECT_EQ(s.read(stuck), SessionLimits{}.stream_window);
  s.pair.run(100ms);
  EXPECT_GT(s.read(stuck), 0u);  // it was told of the room, and went on
}

TEST(Shares, AResetGivesBackAllThatTheStreamHeld) {
  Shared s;
  const auto bulk = s.open(true, true);
  s.pair.run(2s);
  s.readers.erase(bulk);
  s.pair.run(2s);
  const auto held = s.pair.b.layer.info(s.at_b)->widened_windows;
  EXPECT_GT(held, 0u);
  s.pair.a.layer.reset(s.pair.now, s.at_a, bulk, 1);
  s.pair.run(200ms);
  EXPECT_EQ(s.pair.b.layer.info(s.at_b)->widened_windows, 0u);
  EXPECT_EQ(s.pair.a.layer.info(s.at_a)->unsent_bytes, 0u);
}

TEST(Shares, ControlGoesBeforeWhatWaits) {
  Shared s({.bits_per_second = 20'000'000});
  for (int i = 0; i < 400; ++i) s.open(true, true);
  s.pair.run(1s);
  // 400 turns of 16 KiB would be more than two seconds.
  EXPECT_LE(s.delay_of(s.control), 300ms);
}

TEST(ReceiveBudget, WindowsGrowWithinAQuarterOfWhatIsLeft) {
  SessionLimits limits;
  ReceiveBudget budget(limits);
  std::uint64_t window = limits.stream_window;
  while (const auto more = budget.widen(window)) {
    EXPECT_LE(more, 3 * window);
    window += more;
  }
  EXPECT_EQ(window, limits.stream_window_most);
  for (int i = 0; i < 100; ++i) {
    std::uint64_t other = limits.stream_window;
    while (const auto more = budget.widen(other)) other += more;
  }
  EXPECT_LE(budget.used(), limits.session_window);
  budget.narrow(window);
  std::uint64_t next = limits.stream_window;
  while (const auto more = budget.widen(next)) next += more;
  EXPECT_GE(next, limits.stream_window_most / 8);  // what one gave back, others have
}

TEST(SendRoom, IsWhatThePeerGrantsAndTheSessionCanSpare) {
  SessionLimits limits;
  EXPECT_EQ(send_room(limits, {0, 0}, {0, 0}, 1 << 20), limits.send_ahead);
  EXPECT_EQ(send_room(limits, {0, 0}, {0, 0}, 1000), 1000u);
  EXPECT_EQ(send_room(limits, {1000, 1000}, {1000, 1000}, 1000), 0u);
  EXPECT_EQ(send_room(limits, {limits.send_buffer, 0}, {limits.send_buffer, 0}, 1 << 20), 0u);
  // Others hold all: a little is left for everybody.
  const SendHeld full{limits.session_send_ahead, limits.session_send_ahead};
  EXPECT_EQ(send_room(limits, {0, 0}, full, 1 << 20), limits.send_least);
  EXPECT_EQ(send_room(limits, {limits.send_least, limits.send_least}, full, 1 << 20), 0u);
  const SendHeld unacknowledged{limits.session_send_buffer, 0};
  EXPECT_EQ(send_room(limits, {0, 0}, unacknowledged, 1 << 20), limits.send_least);
}

}  // namespace
}  // namespace weft::session
