#include "node/io/event_loop.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <vector>

#include "node/io/clock.hpp"

namespace weft::io {
namespace {

TEST(EventLoop, RunsPostsInOrderAndStops) {
  EventLoop loop;
  std::vector<int> seen;
  for (int i = 0; i < 3; ++i) loop.post([&seen, i] { seen.push_back(i); });
  loop.post([&loop] { loop.stop(); });
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

TEST(EventLoop, StopBeforeRunIsNotLost) {
  EventLoop loop;
  loop.stop();
  loop.run();
  loop.post([&loop] { loop.stop(); });
  loop.run();  // and it can run again
}

TEST(EventLoop, TakesPostsFromOtherThreads) {
  EventLoop loop;
  int sum = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&loop, &sum] {
      for (int i = 0; i < 250; ++i)
        loop.post([&loop, &sum] {
          if (++sum == 1000) loop.stop();
        });
    });
  loop.run();
  EXPECT_EQ(sum, 1000);
}

TEST(Deferred, RunsOncePerTurnBehindWhatIsReady) {
  EventLoop loop;
  std::vector<int> seen;
  Deferred drain(loop, [&] {
    seen.push_back(9);
    if (seen.size() > 4) loop.stop();
  });
  for (int i = 0; i < 3; ++i)
    loop.post([&, i] {
      seen.push_back(i);
      drain.schedule();
      if (i == 2) loop.post([&] { drain.schedule(); });
    });
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 9, 9}));
}

TEST(Deferred, DestroyingCancels) {
  EventLoop loop;
  bool ran = false;
  auto drain = std::make_unique<Deferred>(loop, [&] { ran = true; });
  drain->schedule();
  drain.reset();
  loop.post([&loop] { loop.stop(); });
  loop.run();
  EXPECT_FALSE(ran);
}

TEST(Timer, FiresInOrderOfDeadlinesNotOfArming) {
  EventLoop loop;
  std::vector<int> seen;
  const Instant start = monotonic_time();
  Timer late(loop, [&] {
    seen.push_back(2);
    loop.stop();
  });
  Timer early(loop, [&] { seen.push_back(1); });
  late.arm(start + 4ms);
  early.arm(start + 1ms);
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
  EXPECT_GE(monotonic_time(), start + 4ms);
}

TEST(Timer, LaterAndEarlierRearmsFireOnceAtTheLastDeadline) {
  EventLoop loop;
  int fired = 0;
  std::optional<Instant> at;
  Timer timer(loop, [&] {
    ++fired;
    at = monotonic_time();
  });
  const Instant start = monotonic_time();
  timer.arm(start + 2ms);
  timer.arm(start + 8ms);  // lazily later
  timer.arm(start + 1h);
  timer.arm(start + 5ms);  // really earlier
  Timer end(loop, [&] { loop.stop(); });
  end.arm(start + 20ms);
  loop.run();
  EXPECT_EQ(fired, 1);
  ASSERT_TRUE(at);
  EXPECT_GE(*at, start + 5ms);
  EXPECT_FALSE(timer.armed());
}

TEST(Timer, CancelledOrDestroyedDoesNotFire) {
  EventLoop loop;
  bool fired = false;
  Timer cancelled(loop, [&] { fired = true; });
  cancelled.arm(monotonic_time());
  cancelled.cancel();
  auto gone = std::make_unique<Timer>(loop, [&] { fired = true; });
  gone->arm(monotonic_time());
  gone.reset();
  Timer end(loop, [&] { loop.stop(); });
  end.arm(monotonic_time() + 2ms);
  loop.run();
  EXPECT_FALSE(fired);
}

TEST(Timer, MayBeDestroyedAndRearmedFromItsOwnTask) {
  EventLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++fired < 3) return timer->arm(monotonic_time());
    timer.reset();
    loop.stop();
  });
  timer->arm(monotonic_time());
  loop.run();
  EXPECT_EQ(fired, 3);
}

TEST(Signals, ArriveOnTheLoopEveryTime) {
  EventLoop loop;
  std::vector<int> seen;
  loop.on_signals({SIGHUP, SIGTERM}, [&](int number) {
    seen.push_back(number);
    if (seen.size() == 1) ::kill(::getpid(), SIGTERM);
    if (seen.size() == 2) loop.stop();
  });
  loop.post([] { ::kill(::getpid(), SIGHUP); });
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{SIGHUP, SIGTERM}));
}

TEST(Clock, WallClockFollowsTheSystemClock) {
  const WallClock wall = read_wall_clock();
  const UnixTime before = unix_time();
  const UnixTime mapped = wall.at(monotonic_time());
  EXPECT_GE(mapped, before);
  EXPECT_LE(mapped, unix_time());
  EXPECT_EQ(wall.at(wall.anchor + 90s), wall.unix_at_anchor + 90);
}

}  // namespace
}  // namespace weft::io
