#include "simulations/event_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "simulations/model_random.hpp"

namespace weft::sim {
namespace {

Instant at(std::int64_t nanos) { return Instant{Duration{nanos}}; }

TEST(EventQueue, EqualTimesComeInOrderOfSourceThenOfPosting) {
  EventQueue queue(4);
  queue.post(at(100), 3, 30);
  queue.post(at(100), 1, 10);
  queue.post(at(100), 1, 11);
  queue.set_timer(2, at(100));
  std::vector<std::pair<SourceIndex, std::uint32_t>> seen;
  while (const auto event = queue.pop()) seen.emplace_back(event->key.source, event->payload);
  const std::vector<std::pair<SourceIndex, std::uint32_t>> expected{
      {1, 10}, {1, 11}, {2, 0}, {3, 30}};
  EXPECT_EQ(seen, expected);
}

TEST(EventQueue, AMovedTimerFiresOnceAtItsLastDeadline) {
  EventQueue queue(2);
  queue.set_timer(0, at(500));
  queue.set_timer(0, at(50));
  queue.set_timer(0, at(900));
  queue.set_timer(1, at(700));
  queue.cancel_timer(1);
  const auto event = queue.pop();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->key.time, 900);
  EXPECT_FALSE(queue.pop());
}

// The reference keeps everything in one ordered map.
TEST(EventQueue, AgreesWithASortedMapOverARandomHistory) {
  constexpr std::uint32_t kSources = 50;
  EventQueue queue(kSources);
  using Key = std::tuple<std::int64_t, std::uint32_t, std::uint32_t>;
  std::map<Key, std::int64_t> reference;  // value: payload, or -1 for a timer
  std::vector<std::uint32_t> sequence(kSources, 0);
  std::map<std::uint32_t, Key> timers;
  ModelRandom random(7);
  std::int64_t now = 0;
  for (int step = 0; step < 60'000; ++step) {
    const auto source = static_cast<std::uint32_t>(random.below(kSources));
    const auto kind = random.below(10);
    // Near, in the slots, in the turns and beyond them.
    constexpr std::uint64_t kReach[4] = {100'000, 400'000'000, 30'000'000'000, 40'000'000'000'000};
    const auto time = now + static_cast<std::int64_t>(random.below(kReach[random.below(4)]));
    if (kind < 4) {
      queue.post(at(time), source, static_cast<std::uint32_t>(step));
      reference[{time, source, sequence[source]++}] = step;
    } else if (kind < 6) {
      queue.set_timer(source, at(time));
      const auto old = timers.find(source);
      if (old != timers.end() && std::get<0>(old->second) == time) continue;
      if (old != timers.end()) reference.erase(old->second);
      timers[source] = {time, source, 0xffffffff};  // after the source's posts
      reference[timers[source]] = -1;
    } else if (kind == 6) {
      queue.cancel_timer(source);
      if (const auto old = timers.find(source); old != timers.end()) {
        reference.erase(old->second);
        timers.erase(old);
      }
    } else {
      const auto event = queue.pop();
      ASSERT_EQ(event.has_value(), !reference.empty());
      if (!event) continue;
      const auto [key, payload] = *reference.begin();
      reference.erase(reference.begin());
      now = std::get<0>(key);
      ASSERT_EQ(event->key.time, now);
      ASSERT_EQ(event->key.source, std::get<1>(key));
      if (payload < 0) {
        ASSERT_EQ(event->kind, Event::Kind::Timer);
        timers.erase(event->key.source);
      } else {
        ASSERT_EQ(event->payload, static_cast<std::uint32_t>(payload));
      }
    }
    if (step % 1000 == 0) queue.check_invariants();
  }
  EXPECT_EQ(queue.size(), reference.size());
}

}  // namespace
}  // namespace weft::sim
