#include "overlay/path/stream_link.hpp"

#include <gtest/gtest.h>

#include "base/assert.hpp"

namespace weft::path {
namespace {

using std::chrono::milliseconds;

Bytes datagram(std::size_t size, std::uint8_t fill = 0x41) { return Bytes(size, fill); }

struct StreamLinkTest : testing::Test {
  // What would go out now.
  Bytes out(StreamLink& link, std::size_t room = 4096) {
    Bytes buffer(room);
    buffer.resize(link.next(now, buffer));
    return buffer;
  }
  Instant now{1s};
  StreamLink tcp{now, true};
  StreamLink wss{now, false};
};

TEST(FirstFrame, BytesOfTheWire) {
  const Bytes whole = *from_hex("0010000102030405060708090a0b0c0d0e0f0001");
  const auto frame = first_frame(whole);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ(to_hex(**frame), "000102030405060708090a0b0c0d0e0f");
  for (std::size_t size = 0; size < 18; ++size) {
    const auto part = first_frame(ByteView(whole).first(size));
    ASSERT_TRUE(part);
    EXPECT_FALSE(*part) << size;
  }
}

TEST(FirstFrame, WhatNoFrameCanBeginWith) {
  EXPECT_EQ(first_frame(*from_hex("0000")).error().code, Errc::Malformed);
  EXPECT_EQ(first_frame(*from_hex("0579")).error().code, Errc::Malformed);  // 1,401
  EXPECT_TRUE(first_frame(*from_hex("0578")));                              // 1,400: more to come
  EXPECT_EQ(first_frame(bytes_of("GET / HTTP/1.1")).error().code, Errc::Malformed);
  EXPECT_EQ(first_frame(*from_hex("160301020001")).error().code, Errc::Malformed);  // TLS
  EXPECT_EQ(first_frame(bytes_of("SSH-2.0-x")).error().code, Errc::Malformed);
}

TEST_F(StreamLinkTest, DatagramsLeaveInOrderEachBehindItsLength) {
  EXPECT_TRUE(tcp.send(now, datagram(40), 20));
  EXPECT_TRUE(tcp.send(now, datagram(17, 0x42), 0));
  Bytes wanted;
  for (const auto& [size, fill] : {std::pair{20, 0x41}, {20, 0x41}, {17, 0x42}}) {
    append_be(wanted, static_cast<std::uint16_t>(size));
    append(wanted, datagram(static_cast<std::size_t>(size), static_cast<std::uint8_t>(fill)));
  }
  EXPECT_EQ(out(tcp), wanted);
  EXPECT_FALSE(tcp.waits());
  EXPECT_EQ(tcp.counters().datagrams_out, 3u);
}

TEST_F(StreamLinkTest, AWebSocketMessageIsOneDatagram) {
  EXPECT_TRUE(wss.send(now, datagram(50), 20));
  EXPECT_EQ(out(wss).size(), 20u);
  EXPECT_EQ(out(wss).size(), 20u);
  EXPECT_EQ(out(wss).size(), 10u - 10u);  // shorter than any datagram: it was never one
  EXPECT_EQ(wss.counters().too_long, 1u);
}

TEST_F(StreamLinkTest, NothingIsCutWhereTheRoomEnds) {
  EXPECT_TRUE(tcp.send(now, datagram(60), 20));
  EXPECT_EQ(out(tcp, 50).size(), 44u);
  EXPECT_EQ(out(tcp, 50).size(), 22u);
}

TEST_F(StreamLinkTest, WhatIsTooOldWhenItsTurnComesIsDropped) {
  EXPECT_TRUE(tcp.send(now, datagram(20), 0));
  now += StreamLink::kTooOld;
  EXPECT_TRUE(tcp.send(now, datagram(21), 0));
  now += milliseconds(1);
  EXPECT_EQ(out(tcp).size(), 23u);
  EXPECT_EQ(tcp.counters().too_old, 1u);
  EXPECT_EQ(tcp.counters().datagrams_out, 1u);
}

TEST_F(StreamLinkTest, TheQueueIsBounded) {
  std::size_t taken = 0;
  while (tcp.send(now, datagram(1024), 0)) ++taken;
  EXPECT_EQ(taken, StreamLink::kQueueLimit / 1024);
  EXPECT_EQ(tcp.counters().no_room, 1u);
  EXPECT_GT(out(tcp, 2048).size(), 0u);
  EXPECT_TRUE(tcp.send(now, datagram(1024), 0));
}

TEST_F(StreamLinkTest, OversizeIsDroppedAndCounted) {
  EXPECT_TRUE(tcp.send(now, datagram(kStreamMtu + 1), 0));
  EXPECT_FALSE(tcp.waits());
  EXPECT_EQ(tcp.counters().too_long, 1u);
}

TEST_F(StreamLinkTest, AStrangersPingIsNotAnsweredAMembersIs) {
  const Bytes ping = *from_hex("01");
  EXPECT_FALSE(tcp.take(now, ping));
  EXPECT_FALSE(tcp.waits());
  EXPECT_TRUE(tcp.look(now, true));
  EXPECT_FALSE(tcp.take(now, ping));
  EXPECT_EQ(to_hex(out(tcp)), "000102");
}

TEST_F(StreamLinkTest, WordsOfLaterVersionsAreSkipped) {
  EXPECT_FALSE(tcp.take(now, *from_hex("7f0102")));
  EXPECT_FALSE(tcp.spoiled());
  EXPECT_TRUE(tcp.take(now, datagram(16)));
}

TEST_F(StreamLinkTest, AConnectionThatNoSessionUsesEnds) {
  EXPECT_EQ(tcp.deadline(), now + StreamLink::kUnused);
  now += StreamLink::kUnused - milliseconds(1);
  EXPECT_TRUE(tcp.look(now, false));
  EXPECT_TRUE(tcp.take(now, datagram(100)));  // bytes alone are nothing
  now += milliseconds(1);
  EXPECT_FALSE(tcp.look(now, false));
}

TEST_F(StreamLinkTest, AUsedOneStaysAndEndsOnceItIsUsedNoMore) {
  now += 5s;
  EXPECT_TRUE(tcp.look(now, true));
  now += 9s;
  EXPECT_TRUE(tcp.look(now, false));
  now += 1s;
  EXPECT_FALSE(tcp.look(now, false));
}

TEST_F(StreamLinkTest, OneThatItsSessionLeftEndsAlthoughItCouldComeBack) {
  EXPECT_TRUE(tcp.look(now, true));
  now += StreamLink::kIdle - 1s;
  EXPECT_FALSE(tcp.take(now, *from_hex("02")));
  EXPECT_TRUE(tcp.look(now, true));
  now += 1s;
  EXPECT_TRUE(tcp.look(now, true));
  now += StreamLink::kUnused;
  EXPECT_FALSE(tcp.look(now, true));
}

TEST_F(StreamLinkTest, ASilentConnectionIsAskedAndThenEnds) {
  EXPECT_TRUE(tcp.look(now, true));
  EXPECT_EQ(tcp.deadline(), now + StreamLink::kPingEvery);
  now += StreamLink::kPingEvery;
  EXPECT_TRUE(tcp.look(now, true));
  EXPECT_EQ(to_hex(out(tcp)), "000101");
  now += StreamLink::kPongWithin - milliseconds(1);
  EXPECT_TRUE(tcp.look(now, true));
  EXPECT_FALSE(tcp.waits());  // asked once
  now += milliseconds(1);
  EXPECT_FALSE(tcp.look(now, true));
}

TEST_F(StreamLinkTest, ASilentConnectionThatAnswersStays) {
  EXPECT_TRUE(tcp.look(now, true));
  now += StreamLink::kPingEvery;
  EXPECT_TRUE(tcp.look(now, true));
  now += 1s;
  EXPECT_FALSE(tcp.take(now, *from_hex("02")));
  now += StreamLink::kPongWithin;
  EXPECT_TRUE(tcp.look(now, true));
  EXPECT_EQ(tcp.deadline(), now - StreamLink::kPongWithin + StreamLink::kPingEvery);
}

TEST_F(StreamLinkTest, AfterGarbageNothingIsTakenAndTheDeadlineIsThatOfSilence) {
  const Instant end = tcp.deadline();
  tcp.spoil();
  EXPECT_FALSE(tcp.take(now, datagram(100)));
  EXPECT_EQ(tcp.counters().datagrams_in, 0u);
  EXPECT_EQ(tcp.counters().malformed, 1u);
  EXPECT_EQ(tcp.deadline(), end);
  EXPECT_TRUE(tcp.look(end - milliseconds(1), false));
  EXPECT_FALSE(tcp.look(end, false));
}

}  // namespace
}  // namespace weft::path
