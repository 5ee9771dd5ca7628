#include "overlay/service/offers.hpp"

#include <gtest/gtest.h>

namespace weft::service {
namespace {

const NodeId kAnna{{1}};
const NodeId kBert{{2}};
const Instant kStart = Instant{} + 100s;

std::vector<ServiceLine> lines(std::size_t count) {
  std::vector<ServiceLine> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({"s" + std::to_string(i), "tcp", 80});
  return out;
}

TEST(Offers, TheNewestWordReplacesTheOld) {
  Offers offers;
  offers.take(kStart, kAnna, lines(2), true);
  offers.take(kStart + 1s, kAnna, lines(1), true);
  EXPECT_NE(offers.line(kAnna, "s0"), nullptr);
  EXPECT_EQ(offers.line(kAnna, "s1"), nullptr);
  EXPECT_EQ(offers.line(kBert, "s0"), nullptr);
}

TEST(Offers, WhatSomebodyMayWaitForIsAChange) {
  Offers offers;
  offers.take(kStart, kAnna, lines(1), true);
  EXPECT_EQ(offers.poll_changed(), kAnna);
  EXPECT_FALSE(offers.poll_changed());
  offers.take(kStart + 1s, kAnna, lines(1), true);
  EXPECT_FALSE(offers.poll_changed()) << "the same again";
  offers.answered(kStart + 2s, kAnna, "s0", OpenStatus::Ok);
  EXPECT_FALSE(offers.poll_changed()) << "it was not known to be bad";
  offers.answered(kStart + 3s, kAnna, "s0", OpenStatus::TargetRefused);
  EXPECT_EQ(offers.poll_changed(), kAnna);
  offers.answered(kStart + 4s, kAnna, "s0", OpenStatus::TargetUnreachable);
  EXPECT_FALSE(offers.poll_changed()) << "still bad";
  offers.answered(kStart + 5s, kAnna, "s0", OpenStatus::Ok);
  EXPECT_EQ(offers.poll_changed(), kAnna);
}

TEST(Offers, WithoutTheRightIsToldOnceAndForgivenWithIt) {
  Offers offers;
  EXPECT_FALSE(offers.take(kStart, kAnna, {}, false));  // offers nothing
  EXPECT_TRUE(offers.take(kStart, kAnna, lines(1), false));
  EXPECT_FALSE(offers.take(kStart, kAnna, lines(1), false));
  EXPECT_EQ(offers.all().at(kAnna).unlicensed, 2u);
  EXPECT_NE(offers.line(kAnna, "s0"), nullptr);  // kept: the right may come
  EXPECT_FALSE(offers.take(kStart, kAnna, lines(1), true));
  EXPECT_TRUE(offers.take(kStart, kAnna, lines(1), false));
}

TEST(Offers, AwayIsCountedFromTheFirstMoment) {
  Offers offers;
  offers.take(kStart, kAnna, lines(1), true);
  EXPECT_EQ(offers.away_since(kAnna), 0);
  offers.went(kAnna, 1000);
  offers.went(kAnna, 2000);
  EXPECT_EQ(offers.away_since(kAnna), 1000);
  EXPECT_NE(offers.line(kAnna, "s0"), nullptr);
  offers.came(kAnna);
  EXPECT_EQ(offers.away_since(kAnna), 0);
}

TEST(Offers, WhatTheLongestAwayOfferedGoesFirst) {
  Offers offers;
  const std::size_t each = 500;
  const std::size_t fit = kMaxAwayLines / each;
  for (std::size_t i = 0; i <= fit; ++i) {
    const NodeId node{{static_cast<std::uint8_t>(i + 1)}};
    offers.take(kStart, node, lines(each), true);
    offers.went(node, static_cast<UnixTime>(1000 - i));  // the last is the longest away
  }
  const NodeId last{{static_cast<std::uint8_t>(fit + 1)}};
  EXPECT_TRUE(offers.all().at(last).lines.empty());
  EXPECT_EQ(offers.all().at(kAnna).lines.size(), each);
  EXPECT_NE(offers.away_since(last), 0);  // that it is away stays known
}

TEST(Offers, AnAnswerIsNewsAndAgesTheOthers) {
  Offers offers;
  auto told = lines(2);
  told[1].health = Health::Ok;
  told[1].health_age_s = 5;
  offers.take(kStart, kAnna, told, true);
  offers.answered(kStart + 10s, kAnna, "s0", OpenStatus::TargetRefused);
  EXPECT_EQ(offers.line(kAnna, "s0")->health, Health::Refused);
  EXPECT_EQ(offers.line(kAnna, "s0")->health_age_s, 0u);
  EXPECT_EQ(offers.line(kAnna, "s1")->health_age_s, 15u);
  EXPECT_EQ(offers.all().at(kAnna).told, kStart + 10s);
  offers.answered(kStart + 11s, kAnna, "s0", OpenStatus::Denied);  // says nothing of the target
  EXPECT_EQ(offers.line(kAnna, "s0")->health, Health::Refused);
  offers.answered(kStart + 12s, kAnna, "s0", OpenStatus::Ok);
  EXPECT_EQ(offers.line(kAnna, "s0")->health, Health::Ok);
  offers.answered(kStart, kBert, "s0", OpenStatus::Ok);  // never offered: nothing happens
  EXPECT_EQ(offers.line(kBert, "s0"), nullptr);
}

}  // namespace
}  // namespace weft::service
