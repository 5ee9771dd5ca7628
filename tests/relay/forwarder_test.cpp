#include "overlay/relay/forwarder.hpp"

#include <gtest/gtest.h>

#include "tests/relay/relayed.hpp"

namespace weft::relay {
namespace {

using testing::Forwarding;
using testing::frame_of;
using testing::kA;
using testing::kB;
using testing::kStranger;
using testing::kT;

TEST(Forwarder, FramesGoFromLabelToLabelBothWays) {
  Forwarding relay;
  const auto there = relay.pass(kA, frame_of(relay.label_a, "hello"));
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there[0].transmit.to, kB);
  EXPECT_EQ(there[0].bytes, frame_of(relay.label_b, "hello"));
  const auto back = relay.pass(kB, frame_of(relay.label_b, "yes"));
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].transmit.to, kA);
  EXPECT_EQ(back[0].bytes, frame_of(relay.label_a, "yes"));
  EXPECT_EQ(relay.forwarder.counters().forwarded, 2);
}

TEST(Forwarder, ARunLeavesAsARun) {
  Forwarding relay;
  Bytes run;
  for (int i = 0; i < 20; ++i) append(run, frame_of(relay.label_a, std::string(100, 'x')));
  append(run, frame_of(relay.label_a, "short"));
  const auto out = relay.pass(kA, run, 108);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].transmit.segment_size, 108);
  EXPECT_EQ(out[0].bytes.size(), run.size());
  for (int i = 0; i < 21; ++i)
    EXPECT_EQ(read_header(ByteView(out[0].bytes).subspan(static_cast<std::size_t>(i) * 108)),
              relay.label_b);
  EXPECT_EQ(relay.forwarder.counters().forwarded, 21);
}

TEST(Forwarder, DatagramsThatComeAloneLeaveTogether) {
  Forwarding relay;
  const Bytes one = frame_of(relay.label_a, std::string(1200, 'x'));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(relay.hand(kA, one));
  const auto out = relay.drain();
  ASSERT_EQ(out.size(), 2u);  // 65,000 bytes are the most of one call
  EXPECT_EQ(out[0].transmit.segment_size, one.size());
  EXPECT_EQ(out[0].bytes.size() + out[1].bytes.size(), 100 * one.size());
}

TEST(Forwarder, ASmallBufferCutsARunBetweenItsDatagrams) {
  Forwarding relay;
  Bytes run;
  for (int i = 0; i < 10; ++i) append(run, frame_of(relay.label_a, std::string(992, 'x')));
  const auto out = relay.pass(kA, run, 1000, 4500);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].bytes.size(), 4000);
  EXPECT_EQ(out[2].bytes.size(), 2000);
}

TEST(Forwarder, TwoLabelsInOneRunGoToTwoPlaces) {
  Forwarding relay;
  const auto c = relay.forwarder.add_client({PathId::Udp, kStranger});
  const auto other = relay.forwarder.add_pair(relay.rng, relay.a, c);
  relay.forwarder.start(other);
  const Label label = relay.forwarder.label_of(other.a);
  Bytes run = frame_of(relay.label_a, "to b");
  append(run, frame_of(label, "to c"));
  append(run, frame_of(label, "to c"));
  append(run, frame_of(relay.label_a, "to b"));
  const auto out = relay.pass(kA, run, 12);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].transmit.to, kB);
  EXPECT_EQ(out[1].transmit.to, kStranger);
  EXPECT_EQ(out[1].bytes.size(), 24);
  EXPECT_EQ(out[2].transmit.to, kB);
}

TEST(Forwarder, AnswersLeaveFromTheAddressThatWasCalled) {
  Forwarding relay;
  Datagram in;
  in.from = kA;
  in.local = kStranger;
  const Bytes bytes = frame_of(relay.label_a, "hello");
  in.payload = bytes;
  EXPECT_TRUE(relay.forwarder.handle_datagram(kT, in));
  (void)relay.drain();
  const auto back = relay.pass(kB, frame_of(relay.label_b, "yes"));
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].transmit.local, kStranger);
}

TEST(Forwarder, ASessionThatMovedTakesItsFramesAlong) {
  Forwarding relay;
  relay.forwarder.set_way(relay.b, {PathId::Udp, kStranger});
  const auto there = relay.pass(kA, frame_of(relay.label_a, "hello"));
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there[0].transmit.to, kStranger);
  EXPECT_TRUE(relay.pass(kB, frame_of(relay.label_b, "from where it was")).empty());
  EXPECT_EQ(relay.pass(kStranger, frame_of(relay.label_b, "from where it is")).size(), 1u);
}

TEST(Forwarder, NothingPassesBeforeBothAgreeOrAfterTheEnd) {
  Forwarding relay;
  const auto c = relay.forwarder.add_client({PathId::Udp, kStranger});
  const auto pair = relay.forwarder.add_pair(relay.rng, relay.a, c);
  const Bytes frame = frame_of(relay.forwarder.label_of(pair.a), "early");
  EXPECT_TRUE(relay.pass(kA, frame).empty());
  EXPECT_EQ(relay.forwarder.counters().not_open, 1);
  relay.forwarder.start(pair);
  EXPECT_EQ(relay.pass(kA, frame).size(), 1u);
  relay.forwarder.remove_pair(pair);
  EXPECT_TRUE(relay.pass(kA, frame).empty());
  relay.forwarder.check_invariants();
}

TEST(Forwarder, ABlockedPathDropsAndKeepsNothing) {
  path::PathTable paths;
  const PathId socket = *paths.add({.kind = path::PathKind::Udp});
  Forwarding relay(0, &paths);
  paths.set_blocked(socket, true);
  EXPECT_TRUE(relay.pass(kA, frame_of(relay.label_a, "hello")).empty());
  EXPECT_EQ(relay.forwarder.counters().no_room, 1);
  paths.set_blocked(socket, false);
  EXPECT_EQ(relay.pass(kA, frame_of(relay.label_a, "hello")).size(), 1u);
}

TEST(Forwarder, WhatWaitsIsBounded) {
  Forwarding relay;
  const Bytes one = frame_of(relay.label_a, std::string(8900, 'x'));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(relay.hand(kA, one));
  EXPECT_GT(relay.forwarder.counters().no_room, 700);
  std::size_t bytes = 0;
  for (const auto& sent : relay.drain()) bytes += sent.bytes.size();
  EXPECT_LE(bytes, Forwarder::kArena);
  EXPECT_EQ(relay.pass(kA, one).size(), 1u);  // and then there is room again
}

TEST(Forwarder, AVolumeEndsAtItsLastWholeDatagram) {
  Forwarding relay;
  relay.forwarder.set_left(250);
  Bytes run;
  for (int i = 0; i < 5; ++i) append(run, frame_of(relay.label_a, std::string(92, 'x')));
  const auto out = relay.pass(kA, run, 100);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].bytes.size(), 200);
  EXPECT_EQ(relay.forwarder.counters().over_volume, 3);
  EXPECT_EQ(relay.forwarder.left(), 50);
}

TEST(Forwarder, BeyondTheRateIsDroppedAtOnce) {
  Forwarding relay(100'000);
  const Bytes one = frame_of(relay.label_a, std::string(992, 'x'));
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += static_cast<int>(relay.pass(kA, one).size());
  EXPECT_GE(passed, 2);
  EXPECT_LE(passed, 10);  // 50 ms of it
  EXPECT_EQ(relay.forwarder.counters().over_rate, 100 - passed);
}

}  // namespace
}  // namespace weft::relay
