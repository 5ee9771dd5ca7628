#include "node/turn.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace weft::node {
namespace {

// Says what it is asked for: b a batch, e an event, T the end of a turn, W a wish for another.
struct Work final : TurnWork {
  bool send_batch() override {
    if (batches == 0) return false;
    --batches;
    said += 'b';
    return true;
  }
  bool take_event() override {
    if (events == 0) return false;
    --events;
    said += 'e';
    if (on_event) on_event();
    return true;
  }
  void turn_ended() override { said += 'T'; }
  void wake() override {
    said += 'W';
    ++wakes;
  }

  int batches = 0, events = 0, wakes = 0;
  std::function<void()> on_event;
  std::string said;
};

struct TurnTest : ::testing::Test {
  std::string run() {
    work.said.clear();
    turn.run();
    return work.said;
  }
  Work work;
  Turn turn{work};
};

TEST_F(TurnTest, WithNothingToDoEndsAtOnceAndWakesNobody) { EXPECT_EQ(run(), "T"); }

TEST_F(TurnTest, TakesAllEventsAndSleeps) {
  work.events = 3;
  EXPECT_EQ(run(), "eeeT");
}

TEST_F(TurnTest, SendsOneBatchAndLetsOthersRunBeforeTheNext) {
  work.batches = 2;
  work.events = 2;
  EXPECT_EQ(run(), "beeWT");
  EXPECT_EQ(run(), "bWT");
  EXPECT_EQ(run(), "T");
}

TEST_F(TurnTest, SendsWhatAnEventGaveItToSend) {
  work.events = 1;
  work.on_event = [this] { work.batches = 1; };
  EXPECT_EQ(run(), "ebWT");
}

TEST_F(TurnTest, WhatAnEventBringsAboutIsTakenInTheSameTurn) {
  work.events = 1;
  work.on_event = [this, left = 3]() mutable { work.events += left-- > 0 ? 1 : 0; };
  EXPECT_EQ(run(), "eeeeT");
}

TEST_F(TurnTest, WhoCallsBackIsServedInTheNextTurn) {
  work.events = 2;
  work.on_event = [this] { turn.run(); };
  EXPECT_EQ(run(), "eWeWT");
  work.on_event = nullptr;
  work.events = 1;
  EXPECT_EQ(run(), "eT");
}

}  // namespace
}  // namespace weft::node
