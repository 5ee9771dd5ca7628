#include <gtest/gtest.h>

#include "overlay/membership/news.hpp"

namespace weft::membership {
namespace {

NodeId node(unsigned n) {
  NodeId out;
  out.bytes[0] = static_cast<std::uint8_t>(n >> 8);
  out.bytes[1] = static_cast<std::uint8_t>(n);
  out.bytes[31] = 1;
  return out;
}
Claim claim(unsigned n, Incarnation incarnation, std::size_t size = 100) {
  Claim out;
  out.node = node(n);
  out.incarnation = incarnation;
  out.raw = Bytes(size, static_cast<std::uint8_t>(incarnation));
  return out;
}
Accusation accusation(unsigned of, unsigned by, Incarnation incarnation) {
  Accusation out;
  out.subject = node(of);
  out.accuser = node(by);
  out.incarnation = incarnation;
  out.raw = Bytes(140, static_cast<std::uint8_t>(0x80 + by));
  return out;
}
std::vector<Bytes> told(News& news, std::size_t room = 600, std::size_t limit = 4) {
  std::vector<Bytes> out;
  news.fill(out, room, limit);
  return out;
}

TEST(News, EachIsToldSoOftenAndNoMore) {
  News news;
  news.add(claim(1, 1));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(told(news).size(), 1u);
  EXPECT_TRUE(news.empty());
  EXPECT_TRUE(told(news).empty());
}

TEST(News, TheLeastToldGoesFirst) {
  News news;
  news.add(claim(1, 1));
  EXPECT_EQ(told(news).size(), 1u);
  news.add(claim(2, 2));
  const auto one = told(news, 110);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0], claim(2, 2).raw);
}

TEST(News, OnlyWhatFitsIsTaken) {
  News news;
  for (unsigned i = 0; i < 10; ++i) news.add(claim(i, i + 1));
  EXPECT_EQ(told(news, 3 * 106).size(), 3u);
  EXPECT_EQ(told(news, 0).size(), 0u);
}

TEST(News, ANewWordTakesThePlaceOfTheOldAndOfAccusations) {
  News news;
  news.add(claim(1, 1));
  news.add(accusation(1, 2, 1));
  EXPECT_EQ(news.size(), 2u);
  news.add(claim(1, 2));
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(told(news)[0], claim(1, 2).raw);
  news.add(accusation(1, 2, 1));  // of before
  EXPECT_EQ(news.size(), 1u);
  news.add(accusation(1, 2, 2));
  news.add(accusation(1, 3, 2));
  EXPECT_EQ(news.size(), 3u);
  news.forget(node(1));
  EXPECT_TRUE(news.empty());
}

TEST(News, ThereIsALimit) {
  News news;
  news.add(claim(1, 1));
  std::ignore = told(news);  // told once: it gives way first
  for (unsigned i = 2; i < kMaxNews + 2; ++i) news.add(claim(i, 2));
  EXPECT_EQ(news.size(), kMaxNews);
  while (!news.empty())
    for (const auto& word : told(news)) EXPECT_NE(word, claim(1, 1).raw);
}

}  // namespace
}  // namespace weft::membership
