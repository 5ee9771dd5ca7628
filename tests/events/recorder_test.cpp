#include "node/events/recorder.hpp"

#include <gtest/gtest.h>

namespace weft::events {
namespace {

struct Recorded {
  Instant now{};
  std::vector<std::string> lines;
  Recorder recorder{7, [this] { return Recorder::Moment{now, {}}; },
                    [this](Level, const std::string& line) { lines.push_back(line); }};

  std::vector<std::string> kinds_after(std::uint64_t seq) const {
    std::vector<std::string> out;
    while (const auto* event = recorder.after(seq)) {
      out.emplace_back(kind_of(event->body).name);
      seq = event->seq;
    }
    return out;
  }
};

TEST(Recorder, NumbersWritesKeepsAndTells) {
  Recorded r;
  std::vector<std::uint64_t> heard;
  const auto subscription =
      r.recorder.subscribe([&](const NodeEvent& event) { heard.push_back(event.seq); });
  EXPECT_EQ(r.recorder.after(0), nullptr);
  r.recorder.record(PeerUp{"b", "wf1", "direct", "192.0.2.1:1"}, "home");
  r.recorder.record(Stopping{});
  EXPECT_EQ(r.lines.size(), 2u);
  EXPECT_EQ(r.lines[1], "event=stopping");
  EXPECT_EQ(heard, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(r.kinds_after(0), (std::vector<std::string>{"peer_up", "stopping"}));
  EXPECT_EQ(r.kinds_after(1), (std::vector<std::string>{"stopping"}));
  EXPECT_EQ(r.recorder.after(0)->network, "home");
  EXPECT_EQ(r.recorder.after(0)->run, 7u);
}

TEST(Recorder, WhatLeftTheRingIsMissingAtItsBeginningOnly) {
  Recorded r;
  for (std::size_t i = 0; i < kMaxEvents + 10; ++i)
    r.recorder.record(Audit{"allow", "/", {}, "", "ok", ""});
  EXPECT_EQ(r.recorder.oldest(), 11u);
  EXPECT_EQ(r.recorder.newest(), kMaxEvents + 10);
  ASSERT_NE(r.recorder.after(3), nullptr);
  EXPECT_EQ(r.recorder.after(3)->seq, 11u);
  EXPECT_EQ(r.recorder.after(kMaxEvents)->seq, kMaxEvents + 1);
  EXPECT_EQ(r.recorder.after(kMaxEvents + 10), nullptr);
  EXPECT_EQ(r.recorder.after(kMaxEvents + 999), nullptr);
}

TEST(Recorder, MemoryIsBoundedWhateverTheEventsAre) {
  Recorded r;
  for (int i = 0; i < 1000; ++i)
    r.recorder.record(Audit{"allow", std::string(5000, 'p'),
                            Asked(16, {std::string(600, 'k'), std::string(600, 'v')}), "", "ok",
                            ""});
  EXPECT_LE(r.recorder.memory(), kMaxMemory);
  EXPECT_GT(r.recorder.memory(), kMaxMemory / 2);
  EXPECT_EQ(r.recorder.newest(), 1000u);
}

TEST(Recorder, WhatRepeatsIsCountedAndStillHeard) {
  Recorded r;
  int heard = 0;
  const auto subscription = r.recorder.subscribe([&](const NodeEvent&) { ++heard; });
  for (int i = 0; i < 1000; ++i) r.recorder.record(TargetFailed{"blog", "b", "refused"});
  EXPECT_EQ(heard, 1000);
  EXPECT_EQ(r.recorder.newest(), 5u);
  r.recorder.record(TargetFailed{"blog", "c", "refused"});
  EXPECT_EQ(r.recorder.newest(), 6u) << "another peer's are others";
  r.recorder.sweep();
  EXPECT_EQ(r.recorder.newest(), 6u) << "its minute has not ended";
  r.now += 60s;
  r.recorder.sweep();
  ASSERT_NE(r.recorder.after(6), nullptr);
  const auto repeated = std::get<Repeated>(r.recorder.after(6)->body);
  EXPECT_EQ(repeated.of, "target_failed");
  EXPECT_EQ(repeated.about, "service=blog peer=b");
  EXPECT_EQ(repeated.count, 995u);
}

TEST(Recorder, SubscribersMayComeAndGoWhileTheyAreTold) {
  Recorded r;
  std::unique_ptr<Recorder::Subscription> first, second;
  int firsts = 0, seconds = 0;
  first = r.recorder.subscribe([&](const NodeEvent&) {
    ++firsts;
    second = r.recorder.subscribe([&](const NodeEvent&) { ++seconds; });
    first.reset();
  });
  r.recorder.record(Stopping{});
  r.recorder.record(Stopping{});
  EXPECT_EQ(firsts, 1);
  EXPECT_GE(seconds, 1);
}

}  // namespace
}  // namespace weft::events
