// What a node tells its own programs: here and nowhere else, with what stands for who comes later.
#include <gtest/gtest.h>

#include "tests/broker/world.hpp"

namespace weft::broker::testing {
namespace {

using Texts = std::vector<std::string>;

void tell(World& t, int node, Telling what) {
  t[node].core->tell(t.now, std::move(what));
  t.run(1s);
}

TEST(Told, ReachesTheSubscribersOfThisNodeAlone) {
  World t(2);
  const auto here = t.subscribe(0, "client.*");
  const auto exact = t.subscribe(0, "client.online");
  const auto there = t.subscribe(1, ">");
  t.publish(0, "app.a", "x");
  tell(t, 0, {"client.online", "elm", {}, {}});
  t.run(1s);
  EXPECT_EQ(t.texts(0, here), Texts{"elm"});
  EXPECT_EQ(t.texts(0, exact), Texts{"elm"});
  EXPECT_EQ(t.texts(1, there), Texts{"x"});
  EXPECT_EQ(t[0].got.at(here)[0].publisher, t[0].identity.id);
  EXPECT_EQ(t[0].got.at(here)[0].epoch, 0U);
  // Nobody can ask for it, nor have it counted as missed.
  EXPECT_TRUE(t.say(1, 0, Pull{t[0].identity.id, 0, 1, 10, false}));
  t.run(1s);
  EXPECT_EQ(t[1].core->counts().received, 1U);
}

TEST(Told, WhatStandsIsWhatALaterSubscriberBeginsWith) {
  World t(1);
  tell(t, 0, {"client.online", "elm", "elm", {}});
  tell(t, 0, {"client.online", "oak", "oak", {}});
  tell(t, 0, {"client.offline", "oak goes", "oak", "client.online"});
  const auto later = t.subscribe(0, "client.*");
  t.run(1s);
  EXPECT_EQ(t.texts(0, later), Texts{"elm"});
  EXPECT_TRUE(t[0].got.at(later)[0].retained);
  const auto last = t.subscribe(0, ">", 2);
  t.run(1s);
  EXPECT_EQ(t.texts(0, last), (Texts{"oak", "oak goes"}));
}

TEST(Told, ThatManyAreKept) {
  Told told;
  for (std::size_t i = 0; i < kMaxStanding + 10; ++i)
    std::ignore = told.tell({}, i, {"client.online", "x", std::to_string(i), {}});
  EXPECT_EQ(told.standing({">"}).size(), kMaxStanding);
  EXPECT_EQ(told.last({">"}, 1'000'000).size(), kMaxRecent);
  EXPECT_EQ(told.last({"client.online"}, 1).at(0).stamp(), kMaxStanding + 9);
}

}  // namespace
}  // namespace weft::broker::testing
