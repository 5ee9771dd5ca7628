#include "overlay/service/health.hpp"

#include <gtest/gtest.h>

#include "overlay/service/registry.hpp"

namespace weft::service {
namespace {

const NetworkId kNetwork{{7}};
const Instant kStart = Instant{} + 100s;
using Names = std::vector<std::string>;

AccessTable allowing(const std::string& service) {
  AccessTable access(kNetwork);
  EXPECT_TRUE(access.add(true, Subject::everyone(), service).has_value());
  return access;
}

TEST(Health, ATargetThatAnsweredIsLeftAlone) {
  HealthTable health;
  const auto access = allowing("web");
  health.look(kStart, "web");
  EXPECT_EQ(health.poll_timeout(), kStart);
  EXPECT_EQ(health.due(kStart, access), Names{"web"});
  EXPECT_TRUE(health.due(kStart, access).empty());  // under way
  EXPECT_TRUE(health.ended("web"));
  health.saw(kStart + 1s, "web", Health::Ok, {});
  EXPECT_FALSE(health.ended("web"));
  EXPECT_TRUE(health.take_news(kStart + 1s));
  EXPECT_EQ(health.poll_timeout(), std::nullopt);
  EXPECT_TRUE(health.due(kStart + 1h, access).empty());
}

TEST(Health, ATargetThatRefusedIsLookedAtAgain) {
  HealthTable health;
  const auto access = allowing("web");
  health.saw(kStart, "web", Health::Refused, "connection refused");
  EXPECT_EQ(health.find("web")->detail, "connection refused");
  EXPECT_TRUE(health.take_news(kStart));
  EXPECT_EQ(health.poll_timeout(), kStart + kProbePause);
  EXPECT_TRUE(health.due(kStart + kProbePause - 1ms, access).empty());
  EXPECT_EQ(health.due(kStart + kProbePause, access), Names{"web"});
}

TEST(Health, WhatNobodyMayUseIsNotLookedAtUntilSomebodyMay) {
  HealthTable health;
  const AccessTable nobody(kNetwork);
  const auto somebody = allowing("web");
  health.saw(kStart, "web", Health::Refused, {});
  std::ignore = health.take_news(kStart);
  EXPECT_TRUE(health.due(kStart + kProbePause, nobody).empty());
  EXPECT_EQ(health.poll_timeout(), std::nullopt);  // no turn is spent on it
  health.rules_changed();
  EXPECT_EQ(health.due(kStart + kProbePause, somebody), Names{"web"});
  EXPECT_TRUE(health.ended("web"));
  health.saw(kStart + 20s, "web", Health::Refused, {});
  health.look_if_bad(kStart + 21s, "web");
  EXPECT_EQ(health.due(kStart + 21s, somebody), Names{"web"});
}

TEST(Health, AStartLooksAtAllOfThemAFewAtATime) {
  HealthTable health;
  const AccessTable nobody(kNetwork);
  for (int i = 0; i < 20; ++i) health.look(kStart, "s" + std::to_string(10 + i));
  const auto first = health.due(kStart, nobody);
  EXPECT_EQ(first.size(), kMaxProbes);
  EXPECT_EQ(health.poll_timeout(), std::nullopt);  // nothing to do until one ends
  EXPECT_TRUE(health.ended(first.front()));
  EXPECT_EQ(health.poll_timeout(), kStart);
  EXPECT_EQ(health.due(kStart, nobody).size(), 1u);
}

TEST(Health, NewsIsToldAtOnceAndThenNotForAWhile) {
  HealthTable health;
  EXPECT_FALSE(health.take_news(kStart));
  health.saw(kStart, "web", Health::Ok, {});
  EXPECT_TRUE(health.take_news(kStart));
  health.saw(kStart + 1ms, "web", Health::Ok, {});
  EXPECT_EQ(health.poll_timeout(), std::nullopt);  // no change, no news
  health.saw(kStart + 2ms, "web", Health::Refused, {});
  EXPECT_FALSE(health.take_news(kStart + 2ms));
  EXPECT_EQ(health.poll_timeout(), kStart + kNewsPause);
  EXPECT_TRUE(health.take_news(kStart + kNewsPause));
}

}  // namespace
}  // namespace weft::service
