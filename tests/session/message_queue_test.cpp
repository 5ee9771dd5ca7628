#include "overlay/session/message_queue.hpp"

#include <gtest/gtest.h>

namespace weft::session {
namespace {

Bytes byte(std::uint8_t value) { return Bytes{value}; }

TEST(MessageQueue, SendsWhatCameFirst) {
  MessageQueue queue(4);
  EXPECT_TRUE(queue.push(1, byte(10)));
  EXPECT_TRUE(queue.push(2, byte(20)));
  EXPECT_TRUE(queue.push(1, byte(11)));
  EXPECT_EQ(queue.front(), byte(10));
  queue.pop_front();
  EXPECT_EQ(queue.front(), byte(20));
  queue.pop_front();
  EXPECT_EQ(queue.front(), byte(11));
  queue.pop_front();
  EXPECT_TRUE(queue.empty());
}

TEST(MessageQueue, OneSenderAloneLosesItsNewest) {
  MessageQueue queue(3);
  for (std::uint8_t i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(1, byte(i)));
  EXPECT_FALSE(queue.push(1, byte(3)));
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.displaced(), 0U);
}

TEST(MessageQueue, AFloodGivesWayToWhoSaysLittle) {
  MessageQueue queue(8);
  for (std::uint8_t i = 0; i < 100; ++i) queue.push(1, byte(i));
  EXPECT_TRUE(queue.push(2, byte(200)));
  EXPECT_TRUE(queue.push(3, byte(201)));
  EXPECT_EQ(queue.size(), 8U);
  EXPECT_EQ(queue.displaced(), 2U);
  EXPECT_FALSE(queue.push(1, byte(101)));
  Bytes order;
  for (; !queue.empty(); queue.pop_front()) order.push_back(queue.front()[0]);
  EXPECT_EQ(order, (Bytes{0, 1, 2, 3, 4, 5, 200, 201}));  // its newest went
}

TEST(MessageQueue, ThreeThatFloodShareIt) {
  MessageQueue queue(9);
  for (int round = 0; round < 50; ++round)
    for (std::int64_t sender = 1; sender <= 3; ++sender)
      queue.push(sender, byte(static_cast<std::uint8_t>(sender)));
  int held[4] = {};
  for (; !queue.empty(); queue.pop_front()) ++held[queue.front()[0]];
  EXPECT_EQ(held[1], 3);
  EXPECT_EQ(held[2], 3);
  EXPECT_EQ(held[3], 3);
}

}  // namespace
}  // namespace weft::session
