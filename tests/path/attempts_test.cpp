#include "overlay/path/attempts.hpp"

#include <gtest/gtest.h>

namespace weft::path {
namespace {

NodeId node(std::uint16_t number) {
  NodeId out;
  out.bytes[0] = static_cast<std::uint8_t>(number >> 8);
  out.bytes[1] = static_cast<std::uint8_t>(number);
  return out;
}

Address udp(std::uint16_t port) {
  return UdpAddress{*endpoint_from_text("192.0.2.1:" + std::to_string(port))};
}

TEST(Attempts, EachWayHasOneLineTheNewestFirst) {
  Attempts attempts;
  EXPECT_TRUE(attempts.of(node(1)).empty());
  attempts.note(Instant{} + 1s, node(1), udp(1), TryResult::NoAnswer, "no answer in time");
  attempts.note(Instant{} + 2s, node(1), RelayAddress{node(9), {}}, TryResult::Refused, "full");
  attempts.note(Instant{} + 3s, node(1), udp(1), TryResult::NoAnswer, "no answer in time");
  const auto ways = attempts.of(node(1));
  ASSERT_EQ(ways.size(), 2u);
  EXPECT_EQ(ways[0].where, udp(1));
  EXPECT_EQ(ways[0].times, 2u);
  EXPECT_EQ(ways[0].at, Instant{} + 3s);
  EXPECT_EQ(ways[1].detail, "full");
  EXPECT_TRUE(attempts.of(node(2)).empty());
}

TEST(Attempts, AnotherResultCountsFromOne) {
  Attempts attempts;
  for (int i = 0; i < 3; ++i) attempts.note(Instant{}, node(1), udp(1), TryResult::NoAnswer, "");
  EXPECT_EQ(attempts.of(node(1)).at(0).times, 3u);
  attempts.note(Instant{}, node(1), udp(1), TryResult::Worked, "");
  EXPECT_EQ(attempts.of(node(1)).at(0).times, 1u);
  EXPECT_EQ(attempts.of(node(1)).at(0).result, TryResult::Worked);
}

TEST(Attempts, AreBounded) {
  Attempts attempts;
  for (std::uint16_t port = 1; port <= 100; ++port)
    attempts.note(Instant{} + Duration(port), node(1), udp(port), TryResult::Failed,
                  std::string(5000, 'x'));
  const auto ways = attempts.of(node(1));
  ASSERT_EQ(ways.size(), Attempts::kMostWays);
  EXPECT_EQ(ways.front().where, udp(100));
  EXPECT_EQ(ways.back().where, udp(100 - Attempts::kMostWays + 1));
  EXPECT_EQ(ways.front().detail.size(), Attempts::kMostDetail);
  for (std::uint16_t i = 1; i <= Attempts::kMostMembers + 1; ++i)
    attempts.note(Instant{} + 1s * i, node(i), udp(1), TryResult::Worked, "");
  EXPECT_EQ(attempts.size(), Attempts::kMostMembers);
  EXPECT_TRUE(attempts.of(node(1)).empty());  // who was tried longest ago gave way
  EXPECT_FALSE(attempts.of(node(2)).empty());
}

TEST(Attempts, WhoIsForgottenIsGone) {
  Attempts attempts;
  attempts.note(Instant{}, node(1), udp(1), TryResult::Worked, "");
  ASSERT_EQ(attempts.size(), 1u);
  attempts.forget(node(1));
  EXPECT_EQ(attempts.size(), 0u);
}

}  // namespace
}  // namespace weft::path
