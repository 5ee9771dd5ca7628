// Who may publish and who may read: the rules by themselves, and held to at the publisher, at the
// members that hand messages on, and at the reader.
#include <gtest/gtest.h>

#include "overlay/broker/topic.hpp"
#include "tests/broker/world.hpp"

namespace weft::broker::testing {
namespace {

using Texts = std::vector<std::string>;

struct Judge {
  Members members;
  NodeId oak{{1}}, elm{{2}}, ash{{3}};
  Rights rights{NetworkId{{9}}, members};
  Judge() { members.groups["trees"] = {oak, elm}; }
  [[nodiscard]] std::string who_publishes(std::string_view topic) const {
    std::string out;
    for (const auto& [name, node] : {std::pair{"oak ", oak}, {"elm ", elm}, {"ash ", ash}})
      if (rights.may(node, topic, Right::Publish)) out += name;
    return out;
  }
};

TEST(Rights, WhatNoRuleNamesIsOpen) {
  Judge t;
  EXPECT_EQ(t.who_publishes("app.a"), "oak elm ash ");
  t.rights.set({{"app.b", t.oak, {}, true, {}}});
  EXPECT_EQ(t.who_publishes("app.a"), "oak elm ash ");
  EXPECT_EQ(t.who_publishes("app.b"), "oak ");
  EXPECT_TRUE(t.rights.may(t.ash, "app.b", Right::Read));
}

TEST(Rights, DenyBeatsAllow) {
  Judge t;
  t.rights.set({{"app.>", {}, "trees", true, {}}, {"app.b", t.oak, {}, false, {}}});
  EXPECT_EQ(t.who_publishes("app.a"), "oak elm ");
  EXPECT_EQ(t.who_publishes("app.b"), "elm ");
  t.rights.set({{"app.b", t.oak, {}, false, {}}});
  EXPECT_EQ(t.who_publishes("app.b"), "elm ash ");
  t.rights.set({{"app.b", {}, {}, false, {}}, {"app.b", t.oak, {}, true, {}}});
  EXPECT_EQ(t.who_publishes("app.b"), "");
  EXPECT_EQ(t.rights.why_not(t.oak, "app.b", Right::Publish), "* may not publish app.b");
}

TEST(Rights, ReadingIsARightOfItsOwn) {
  Judge t;
  t.rights.set({{"app.*", t.oak, {}, {}, true}});
  EXPECT_EQ(t.who_publishes("app.b"), "oak elm ash ");
  EXPECT_TRUE(t.rights.may(t.oak, "app.b", Right::Read));
  EXPECT_FALSE(t.rights.may(t.elm, "app.b", Right::Read));
  EXPECT_TRUE(t.rights.guarded("app.b"));
  EXPECT_FALSE(t.rights.guarded("app.b.c"));
  EXPECT_TRUE(t.rights.keeps_from(t.elm));
  EXPECT_FALSE(t.rights.keeps_from(t.oak));
  EXPECT_EQ(t.rights.why_not(t.elm, "app.b", Right::Read), "only some may read app.*");
}

TEST(Rights, WhatTheNodesSayNobodyElseDoes) {
  Judge t;
  t.rights.set({{">", {}, {}, true, true}});
  EXPECT_EQ(t.who_publishes("app.b"), "oak elm ash ");
  for (const auto topic : kSystemTopics) {
    EXPECT_EQ(t.who_publishes(topic), "") << topic;
    EXPECT_TRUE(t.rights.may(t.oak, topic, Right::Read)) << topic;
  }
  t.rights.set({{">", {}, {}, false, false}});
  EXPECT_EQ(t.who_publishes("app.b"), "");
  EXPECT_EQ(t.who_publishes("weft.groups.x"), "oak elm ash ");
}

// ---- of a network -------------------------------------------------------------------------------

// The rules change everywhere at once.
void rule(World& t, std::vector<TopicRule> rules) {
  t.rules = std::move(rules);
  for (int i = 0; i < t.size(); ++i) t.tell_rules(i);
}

TEST(TopicRules, WhoMayNotPublishIsRefusedAndToldTheRule) {
  World t(2);
  const auto heard = t.subscribe(1, "app.>");
  rule(t, {{"app.door", t[1].identity.id, {}, true, {}}});
  const auto no = t.publish(0, "app.door", "no");
  const auto yes = t.publish(0, "app.window", "yes");
  const auto own = t.publish(1, "app.door", "own");
  t.run(1s);
  ASSERT_TRUE(t[0].answers.contains(no));
  ASSERT_FALSE(t[0].answers.at(no));
  EXPECT_EQ(t[0].answers.at(no).error().code, Errc::Denied);
  EXPECT_EQ(t[0].answers.at(no).error().detail, "only some may publish app.door");
  EXPECT_TRUE(t[0].answers.at(yes));
  EXPECT_TRUE(t[1].answers.at(own));
  EXPECT_EQ(t.texts(1, heard), (Texts{"own", "yes"}));
}

// A line of three: 0 - 1 - 2. The publisher at its end knows no rules, as one that breaks them.
TEST(TopicRules, NobodyHandsOnWhatItsPublisherMayNotPublish) {
  World t(3, 1, false);
  t.connect(0, 1);
  t.connect(1, 2);
  const auto near = t.subscribe(1, ">");
  const auto far = t.subscribe(2, ">");
  t.rules = {{"app.door", t[0].identity.id, {}, false, {}}};
  t.tell_rules(1);
  t.publish(0, "app.door", "no", Level::Sent, true);
  t.run(1s);
  t.publish(0, "app.window", "yes");
  t.run(60s);
  EXPECT_EQ(t.texts(1, near), Texts{"yes"});
  EXPECT_EQ(t.texts(2, far), Texts{"yes"});
  EXPECT_GE(t[1].core->counts().denied, 1U);
  EXPECT_EQ(t[2].core->counts().denied, 0U);
  EXPECT_EQ(t[1].core->retained().size(), 0U);
  EXPECT_EQ(t[2].core->retained().size(), 0U);
  // The same publisher, once the rule is gone.
  rule(t, {});
  t.publish(0, "app.door", "now", Level::Sent, true);
  t.run(5s);
  EXPECT_EQ(t.texts(2, far).back(), "now");
  EXPECT_EQ(t[2].core->retained().size(), 1U);
}

// The reader holds to the rule though its neighbour does not.
TEST(TopicRules, TheReaderTakesNothingThatItsPublisherMayNotPublish) {
  World t(2);
  const auto heard = t.subscribe(1, ">");
  t.rules = {{"app.door", t[0].identity.id, {}, false, {}}};
  t.tell_rules(1);
  t.publish(0, "app.door", "no");
  t.run(1s);
  EXPECT_EQ(t.texts(1, heard), Texts{});
  EXPECT_EQ(t[1].core->counts().denied, 1U);
  t.publish(0, "app.window", "yes");
  t.run(60s);
  EXPECT_EQ(t.texts(1, heard), Texts{"yes"});
}

TEST(TopicRules, WhoMayNotReadGetsNothingOfItAndMissesNothingElse) {
  World t(4);
  std::vector<SubscriberId> all;
  for (int i = 0; i < 4; ++i) all.push_back(t.subscribe(i, ">"));
  rule(t, {{"secret.>", t[3].identity.id, {}, {}, false}});
  for (int i = 0; i < 20; ++i) {
    t.publish(0, "secret.a", "s" + std::to_string(i), Level::Sent, i == 19);
    t.publish(0, "app.a", "a" + std::to_string(i));
    t.run(3ms);
  }
  t.run(200ms);
  EXPECT_EQ(t.texts(1, all[1]).size(), 40U);
  EXPECT_EQ(t.texts(2, all[2]).size(), 40U);
  EXPECT_EQ(t.texts(3, all[3]).size(), 20U);
  EXPECT_TRUE(t.in_order(3, all[3]));
  for (const auto& got : t[3].got.at(all[3])) {
    EXPECT_EQ(got.topic, "app.a");
    EXPECT_EQ(got.missed, 0U);
  }
  t.run(60s);  // neither by comparing what is retained, nor from memory
  EXPECT_EQ(t[1].core->retained().size(), 1U);
  EXPECT_EQ(t[3].core->retained().size(), 0U);
  EXPECT_TRUE(t[3].core->cache().last({"secret.>"}, 10).empty());
  EXPECT_EQ(t[2].core->cache().last({"secret.>"}, 10).size(), 10U);
}

TEST(TopicRules, SubscribingToWhatMayNotBeReadIsRefused) {
  World t(2);
  rule(t, {{"secret.a", t[1].identity.id, {}, {}, false}});
  const auto no = t[1].core->subscribe(t.now, {{"app.a", "secret.a"}});
  ASSERT_FALSE(no);
  EXPECT_EQ(no.error().code, Errc::Denied);
  EXPECT_TRUE(t[1].core->subscribe(t.now, {{"app.a"}}));
  EXPECT_TRUE(t[0].core->subscribe(t.now, {{"secret.a"}}));
}

TEST(TopicRules, ThoseWhoMayReadAreEnoughToHoldIt) {
  World t(3);
  rule(t, {{"secret.a", t[2].identity.id, {}, {}, false}});
  const auto held = t.publish(0, "secret.a", "x", Level::Held);
  const auto open = t.publish(0, "app.a", "x", Level::Held);
  t.run(2s);
  ASSERT_TRUE(t[0].answers.contains(held));
  ASSERT_TRUE(t[0].answers.at(held));
  EXPECT_EQ(t[0].answers.at(held)->holders, 2U);
  EXPECT_EQ(t[0].answers.at(open)->holders, 3U);
}

// Who was away is given the same: the rest, without what it may not read.
TEST(TopicRules, HoldForWhatIsAskedForLater) {
  World t(3);
  const auto heard = t.subscribe(2, ">");
  rule(t, {{"secret.>", t[2].identity.id, {}, {}, false}});
  t.publish(0, "app.a", "before");
  t.run(1s);
  t.cut_all(2);
  for (int i = 0; i < 5; ++i) {
    t.publish(0, "secret.a", "no");
    t.publish(0, "app.a", std::to_string(i));
    t.run(100ms);
  }
  t.connect(0, 2);
  t.connect(1, 2);
  t.run(20s);
  EXPECT_EQ(t.texts(2, heard), (Texts{"before", "0", "1", "2", "3", "4"}));
  for (const auto& got : t[2].got.at(heard)) EXPECT_EQ(got.missed, 0U);
}

TEST(TopicRules, WhatIsWithheldIsBelievedOnlyByWhoMayBeKeptFromSomething) {
  World t(3);
  const auto heard = t.subscribe(1, ">");
  t.publish(0, "app.a", "1");
  t.run(1s);
  const auto epoch = t[1].got.at(heard).back().epoch;
  const Withheld lie{t[0].identity.id, epoch, 2, 1};
  EXPECT_TRUE(t.say(2, 1, lie));
  t.publish(0, "app.a", "2");
  t.run(1s);
  EXPECT_EQ(t.texts(1, heard), (Texts{"1", "2"}));
  rule(t, {{"secret.a", t[1].identity.id, {}, {}, false}});
  EXPECT_TRUE(t.say(2, 1, Withheld{t[0].identity.id, kMaxNumber, 1, 256}));  // of no epoch
  EXPECT_TRUE(t.say(2, 1, Withheld{t[0].identity.id, epoch, 3, 1}));
  t.publish(0, "app.a", "3");
  t.publish(0, "app.a", "4");
  t.run(5s);
  EXPECT_EQ(t.texts(1, heard).back(), "4");  // docs/broker.md says what such a lie can do
}

TEST(TopicRules, AValueIsTakenAwayWhenItsPublisherMayNotPublishItAnyMore) {
  World t(2);
  t.publish(0, "app.door", "open", Level::Sent, true);
  t.publish(1, "app.window", "open", Level::Sent, true);
  t.run(1s);
  ASSERT_EQ(t[1].core->retained().size(), 2U);
  rule(t, {{"app.>", t[0].identity.id, {}, false, {}}});
  EXPECT_EQ(t[0].core->retained().size(), 1U);
  EXPECT_EQ(t[1].core->retained().size(), 1U);
  EXPECT_EQ(t[0].core->retained().digest(), t[1].core->retained().digest());
}

}  // namespace
}  // namespace weft::broker::testing
