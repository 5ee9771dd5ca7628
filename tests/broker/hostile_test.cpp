// A member that deviates: what it costs is bounded and counted, and nobody else is slowed.
#include <gtest/gtest.h>

#include "tests/broker/world.hpp"

namespace weft::broker::testing {
namespace {

Batch made(World& t, const Identity& who, std::uint64_t epoch, std::uint64_t first,
           std::vector<Message> messages, bool retain = false) {
  Batch batch;
  batch.epoch = epoch;
  batch.first = first;
  batch.stamp = (static_cast<std::uint64_t>(kEpoch) * 1000 << 16) + first;
  batch.retain = retain;
  batch.messages = std::move(messages);
  batch.sign(who, t.network);
  return batch;
}

Message text(const std::string& topic, const std::string& what) {
  return {topic, to_bytes(bytes_of(what))};
}

TEST(Hostile, AForgedPublisherIsDroppedAndItsBringerSentAway) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  auto good = made(t, t[0].identity, kEpoch, 1, {text("app.n", "mine")});
  auto forged = made(t, t[1].identity, kEpoch, 1, {text("app.n", "forged")});
  forged.key = t[0].identity.public_key();  // says it is node 0
  EXPECT_FALSE(t.say(1, 2, Push{forged.encode(), Level::Sent, 0}));
  EXPECT_EQ(t[2].core->counts().forged, 1u);
  EXPECT_TRUE(t.say(1, 2, Push{good.raw, Level::Sent, 0}));  // the same way, truly its own
  EXPECT_EQ(t.texts(2, id), std::vector<std::string>{"mine"});
  auto changed = good;
  changed.first = 2;
  changed.messages[0].payload.push_back('!');
  EXPECT_FALSE(t.say(1, 2, Push{changed.encode(), Level::Sent, 0}));
  EXPECT_EQ(t[2].core->counts().forged, 2u);
}

TEST(Hostile, ABatchOfAnotherNetworkIsForged) {
  World t(2);
  Batch batch;
  batch.epoch = kEpoch;
  batch.first = 1;
  batch.messages = {text("app.n", "x")};
  batch.sign(t[0].identity, NetworkId{{9}});
  EXPECT_FALSE(t.say(0, 1, Push{batch.raw, Level::Sent, 0}));
  EXPECT_EQ(t[1].core->counts().forged, 1u);
}

TEST(Hostile, AStrangersBatchIsDropped) {
  World t(2);
  const auto id = t.subscribe(1, "app.>");
  const Identity stranger = Identity::from_seed(t.rng.bytes<32>());
  const auto batch = made(t, stranger, kEpoch, 1, {text("app.n", "x")});
  EXPECT_TRUE(t.say(0, 1, Push{batch.raw, Level::Sent, 0}));
  EXPECT_EQ(t[1].core->counts().strangers, 1u);
  EXPECT_TRUE(t[1].got.at(id).empty());
  t.members.all.insert(stranger.id);
  EXPECT_TRUE(t.say(0, 1, Push{batch.raw, Level::Sent, 0}));
  EXPECT_EQ(t[1].got.at(id).size(), 1u);
}

TEST(Hostile, AReplayIsADuplicate) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  const auto one = made(t, t[0].identity, kEpoch, 1, {text("app.n", "1")});
  const auto two = made(t, t[0].identity, kEpoch, 2, {text("app.n", "2")});
  const auto later = made(t, t[0].identity, kEpoch + 5, 1, {text("app.n", "3")});
  for (int i = 0; i < 50; ++i)
    for (const auto* batch : {&one, &two, &later})
      EXPECT_TRUE(t.say(1, 2, Push{batch->raw, Level::Sent, 0}));
  EXPECT_EQ(t.texts(2, id), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(t[2].core->counts().late, 98u);  // of an epoch that is over
  EXPECT_EQ(t[2].core->counts().duplicates, 49u);
}

TEST(Hostile, TwoMessagesUnderOneNumberAreOne) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  const auto one = made(t, t[0].identity, kEpoch, 1, {text("app.n", "one")});
  const auto other = made(t, t[0].identity, kEpoch, 1, {text("app.n", "other")});
  EXPECT_TRUE(t.say(0, 2, Push{one.raw, Level::Sent, 0}));
  EXPECT_TRUE(t.say(1, 2, Push{other.raw, Level::Sent, 0}));
  EXPECT_EQ(t.texts(2, id), std::vector<std::string>{"one"});
}

TEST(Hostile, ClaimsOfMessagesThatDoNotExistCostNobodyAMessage) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  t.publish(0, "app.n", "1");
  t.run(100ms);
  const auto epoch = t.epoch_of(0);
  for (int i = 0; i < 30; ++i) {
    Have lies;
    for (std::uint64_t later = 0; later < 8; ++later)
      lies.entries.push_back({t[0].identity.id, epoch + later, kMaxNumber - 1});
    EXPECT_TRUE(t.say(1, 2, lies));
    t.publish(0, "app.n", std::to_string(i + 2));
    t.run(1s);
  }
  EXPECT_EQ(t[2].got.at(id).size(), 31u);
  EXPECT_TRUE(t.in_order(2, id));
  EXPECT_LT(t[2].core->counts().pulls, 500u);
}

TEST(Hostile, AFloodOfPullsIsCountedAndNotAnswered) {
  World t(2);
  t.publish(0, "app.n", std::string(10'000, 'x'));
  t.run(100ms);
  t.stall(0, 1);
  for (int i = 0; i < 5000; ++i)
    EXPECT_TRUE(t.say(1, 0, Pull{t[0].identity.id, t.epoch_of(0), 1, 1, false}));
  EXPECT_GE(t[0].core->counts().floods, 2900u);
  EXPECT_LE(t[0].core->links().waiting_bytes(), 2 * kMaxWaiting);
  EXPECT_GT(t[0].core->links().counts().frames_lost, 0u);
}

TEST(Hostile, AThousandTopicsByOneMemberLeaveRoomForOthers) {
  World t(3);
  for (int i = 0; i < 3000; ++i) {
    t.publish(0, "spam." + std::to_string(i), "x", Level::Sent, true);
    if (i % 100 == 0) t.run(10ms);
  }
  t.run(1s);
  EXPECT_LE(t[1].core->retained().size(), kMaxRetained / 4 + 1);
  EXPECT_GT(t[0].core->counts().kept_full, 1900u);
  EXPECT_EQ(t[0].answers.at(3000).error().code, Errc::Limit);
  const auto id = t.publish(2, "app.mine", "y", Level::Held, true);
  t.run(1s);
  EXPECT_TRUE(t[2].answers.at(id));
  EXPECT_EQ(t[1].core->retained().matching("app.mine").size(), 1u);
}

TEST(Hostile, AFloodByOnePublisherIsBoundedAndOthersGoOn) {
  World t(3);
  const auto id = t.subscribe(2, "calm.>");
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto flood = t.publish(0, "flood.n", std::string(2'000, 'x'));
    const auto& answers = t[0].answers;
    if (answers.contains(flood) && !answers.at(flood)) ++refused;
  }
  t.publish(1, "calm.n", "calm");
  t.run(100ms);
  EXPECT_EQ(t.texts(2, id), std::vector<std::string>{"calm"});
  EXPECT_LE(t[2].core->cache().bytes(), kCacheBytes);
  t.run(10s);
  EXPECT_GT(refused, 0);
}

TEST(Hostile, WhatDoesNotParseSendsItsSenderAway) {
  World t(2);
  const Bytes bad{0x92, 0x01};
  const Bytes unknown{0x92, 0x63, 0xc0};  // a type of later versions
  const Bytes none;
  auto& core = *t[1].core;
  const auto link = core.links().all().at(0);
  EXPECT_TRUE(core.receive(t.now, link, unknown));
  EXPECT_FALSE(core.receive(t.now, link, bad));
  EXPECT_FALSE(core.receive(t.now, link, none));
  EXPECT_EQ(core.counts().malformed, 2u);
  EXPECT_FALSE(core.receive(t.now, 999, unknown));  // no such link
}

TEST(Hostile, PrunesOfStrangersAreNotRemembered) {
  World t(3);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(t.say(1, 0, Prune{NodeId{t.rng.bytes<32>()}}));
  EXPECT_EQ(t[0].core->links().lazy_count(), 0u);
  EXPECT_TRUE(t.say(1, 0, Prune{t[2].identity.id}));
  EXPECT_EQ(t[0].core->links().lazy_count(), 1u);
}

TEST(Hostile, NobodyConfirmsForAnother) {
  World t(3);
  t.stall(0, 1);
  t.stall(0, 2);
  const auto id = t.publish(0, "app.n", "x", Level::Held, false, 3s);
  t.run(10ms);
  const Confirm mine{t[0].identity.id, t.epoch_of(0), 1, Level::Held, t[1].identity.id, kMaxHops};
  auto others = mine;
  others.holder = t[2].identity.id;
  EXPECT_FALSE(t.say(1, 0, others));
  EXPECT_TRUE(t.say(1, 0, mine));
  EXPECT_TRUE(t.say(1, 0, mine));  // twice is once
  EXPECT_FALSE(t[0].answers.contains(id));
  t.run(4s);
  EXPECT_FALSE(t[0].answers.at(id));
}

}  // namespace
}  // namespace weft::broker::testing
