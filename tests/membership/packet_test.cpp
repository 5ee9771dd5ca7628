#include <gtest/gtest.h>

#include "base/wire.hpp"
#include "overlay/membership/packet.hpp"

namespace weft::membership {
namespace {

Packet through(const Packet& packet) {
  const Bytes bytes = packet.encode();
  EXPECT_LE(bytes.size(), kMaxPacket);
  auto read = Packet::decode(bytes);
  EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().detail);
  return read ? *read : Packet{};
}

TEST(Packet, APingIsSmall) {
  Packet ping;
  ping.sequence = 0xfffffffe;
  ping.mark = {300, 0x89abcdef};
  const Bytes bytes = ping.encode();
  EXPECT_EQ(to_hex(bytes), "9501cefffffffecd012cce89abcdef90");
  EXPECT_EQ(bytes.size(), 16u);
  const Packet read = through(ping);
  EXPECT_EQ(read.type, PacketType::Ping);
  EXPECT_EQ(read.sequence, ping.sequence);
  EXPECT_EQ(read.mark, ping.mark);
  EXPECT_TRUE(read.words.empty());
}

TEST(Packet, EachKindComesThrough) {
  Packet request;
  request.type = PacketType::PingRequest;
  request.target.bytes[5] = 6;
  request.words = {Bytes{1, 2}, Bytes{3}};
  const Packet request_read = through(request);
  EXPECT_EQ(request_read.target, request.target);
  EXPECT_EQ(request_read.words, request.words);

  Packet compare;
  compare.type = PacketType::Compare;
  compare.ranges = {{{}, Bytes(32, 1), 5}, {Range{}.child(0xa).child(3).child(7), Bytes(8, 2), 70}};
  const Packet compare_read = through(compare);
  ASSERT_EQ(compare_read.ranges.size(), 2u);
  EXPECT_EQ(compare_read.ranges[1].range, compare.ranges[1].range);
  EXPECT_EQ(compare_read.ranges[1].digest, Bytes(8, 2));
  EXPECT_EQ(compare_read.ranges[1].count, 70u);

  Packet items;
  items.type = PacketType::Items;
  items.range = Range{}.child(0xf);
  items.items = {{0x0123456789abcdef, 9, ClaimKind::Left}};
  const Packet items_read = through(items);
  EXPECT_EQ(items_read.range, items.range);
  ASSERT_EQ(items_read.items.size(), 1u);
  EXPECT_EQ(items_read.items[0].id, 0x0123456789abcdefu);
  EXPECT_EQ(items_read.items[0].kind, ClaimKind::Left);

  Packet ask;
  ask.type = PacketType::Ask;
  ask.ids = {1, ~std::uint64_t{0}};
  EXPECT_EQ(through(ask).ids, ask.ids);

  Packet claims;
  claims.type = PacketType::Claims;
  claims.claims = {{3, Bytes{9, 9}}};
  const Packet claims_read = through(claims);
  ASSERT_EQ(claims_read.claims.size(), 1u);
  EXPECT_EQ(claims_read.claims[0].state, 3u);
  EXPECT_EQ(claims_read.claims[0].word, (Bytes{9, 9}));
}

TEST(Packet, TheLargestOnesFit) {
  Packet compare;
  compare.type = PacketType::Compare;
  compare.sequence = 0xffffffff;
  compare.mark = {~std::uint64_t{0}, 0xffffffff};
  for (unsigned i = 0; i < 16; ++i)
    compare.ranges.push_back({Range{}.child(1).child(2).child(3).child(i), Bytes(8, 0xff), 10000});
  through(compare);
  Packet items;
  items.type = PacketType::Items;
  for (std::size_t i = 0; i < 27; ++i)
    items.items.push_back({~std::uint64_t{0}, kHighestIncarnation, ClaimKind::Left});
  through(items);
}

TEST(Packet, RangesHoldWhatBeginsSo) {
  NodeId node;
  node.bytes[0] = 0xa3;
  node.bytes[1] = 0x70;
  const Range a = Range{}.child(0xa), a3 = a.child(3), a37 = a3.child(7), b = Range{}.child(0xb);
  EXPECT_TRUE(Range{}.contains(node));
  EXPECT_TRUE(a.contains(node));
  EXPECT_TRUE(a3.contains(node));
  EXPECT_TRUE(a37.contains(node));
  EXPECT_FALSE(a3.child(8).contains(node));
  EXPECT_FALSE(b.contains(node));
  EXPECT_EQ(a37.first(), node);
}

TEST(Packet, LaterVersionsMayAddElements) {
  wire::Writer out;
  out.array(6).uint(9).uint(1).uint(0).uint(0).array(1).bin(Bytes(8, 1)).str("later");
  const auto read = Packet::decode(out.bytes());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ids.size(), 1u);
}

TEST(Packet, WhatIsNoneIsRefused) {
  const auto refused = [](const char* hex) { return !Packet::decode(*from_hex(hex)).has_value(); };
  EXPECT_FALSE(refused("950101000090"));  // the control: a ping
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("9401010000"));    // an element too few
  EXPECT_TRUE(refused("950b01000090"));  // type 11
  EXPECT_TRUE(refused("950001000090"));  // type 0
  EXPECT_TRUE(
      refused("9501cf00000001000000000000"
              "90"));                    // sequence beyond 32 bit
  EXPECT_TRUE(refused("950301000090"));  // a request without its target
  EXPECT_TRUE(
      refused("95080100009192"
              "00"));                            // items of half a range
  EXPECT_TRUE(refused("9508010000919209c400"));  // a range too deep
  EXPECT_TRUE(
      refused("950801000091"
              "9201c401af"));  // a prefix with bits beyond its depth
  EXPECT_FALSE(
      refused("950801000091"
              "9201c401a0"));
  EXPECT_TRUE(refused("95010100009f"));  // words that are not there
  EXPECT_TRUE(refused("9501010000dcffff"));
  EXPECT_FALSE(Packet::decode(Bytes(kMaxPacket + 1, 0x95)).has_value());
}

}  // namespace
}  // namespace weft::membership
