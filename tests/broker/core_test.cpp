// Brokers of 1 to 50 nodes on virtual links: what subscribers get, in which order, how often.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/broker/world.hpp"

namespace weft::broker::testing {
namespace {

std::vector<std::string> numbers(int from, int to) {
  std::vector<std::string> out;
  for (int i = from; i <= to; ++i) out.push_back(std::to_string(i));
  return out;
}

TEST(Broker, ALoneNodeIsABrokerInMemory) {
  World t(1);
  const auto all = t.subscribe(0, "app.>");
  const auto one = t.subscribe(0, "app.door");
  const auto sent = t.publish(0, "app.door", "open");
  const auto held = t.publish(0, "app.window", "shut", Level::Held);
  const auto durable = t.publish(0, "app.window", "kept", Level::Durable);
  t.publish(0, "other", "x");
  t.run(1s);
  EXPECT_EQ(t.texts(0, all), (std::vector<std::string>{"open", "shut", "kept"}));
  EXPECT_EQ(t.texts(0, one), std::vector<std::string>{"open"});
  for (const auto id : {sent, held, durable}) {
    ASSERT_TRUE(t[0].answers.contains(id));
    EXPECT_TRUE(t[0].answers.at(id)) << id;
  }
  EXPECT_LT(t[0].answers.at(sent)->sequence, t[0].answers.at(held)->sequence);
  EXPECT_LT(t[0].answers.at(sent)->stamp, t[0].answers.at(held)->stamp);
}

TEST(Broker, WhatCannotBePublishedIsRefused) {
  World t(1);
  EXPECT_TRUE(true);
  const auto bad = t.publish(0, "no topic", "x");
  const auto wild = t.publish(0, "app.*", "x");
  const auto own = t.publish(0, "weft.members", "x");
  const auto large = t.publish(0, "app.a", std::string(kMaxPayload, 'x'));
  const auto good = t.publish(0, "app.a", std::string(kMaxPayload - 100, 'x'));
  t.run(1s);
  EXPECT_EQ(t[0].answers.at(bad).error().code, Errc::Usage);
  EXPECT_EQ(t[0].answers.at(wild).error().code, Errc::Usage);
  EXPECT_EQ(t[0].answers.at(own).error().code, Errc::Denied);
  EXPECT_EQ(t[0].answers.at(large).error().code, Errc::TooLarge);
  EXPECT_TRUE(t[0].answers.at(good));
}

class BrokerOf : public ::testing::TestWithParam<int> {};

TEST_P(BrokerOf, EachMessageReachesEachSubscriberOnceAndInOrder) {
  World t(static_cast<std::size_t>(GetParam()), 3);
  std::vector<SubscriberId> ids;
  for (int i = 0; i < t.size(); ++i) ids.push_back(t.subscribe(i, "app.>"));
  const int publishers = std::min(t.size(), 5);
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < publishers; ++i) t.publish(i, "app.n", std::to_string(round));
    t.run(5ms);
  }
  t.run(10s);
  for (int i = 0; i < t.size(); ++i) {
    const auto& got = t[i].got.at(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(got.size(), static_cast<std::size_t>(40 * publishers)) << i;
    EXPECT_TRUE(t.in_order(i, ids[static_cast<std::size_t>(i)])) << i;
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, BrokerOf, ::testing::Values(2, 3, 5, 50));

TEST(Broker, ATreeForms) {
  World t(50, 5);
  t.jitter = 40ms;
  for (int i = 0; i < t.size(); ++i) t.subscribe(i, "app.>");
  const auto round = [&](int count) {
    const auto before = t.pushes();
    for (int i = 0; i < count; ++i) {
      t.publish(0, "app.n", std::to_string(i));
      t.run(200ms);
    }
    return static_cast<double>(t.pushes() - before) / (count * 49.0);
  };
  const double first = round(5);
  round(20);
  const double settled = round(20);
  RecordProperty("first", std::to_string(first));
  RecordProperty("settled", std::to_string(settled));
  EXPECT_LT(settled, 3.2);  // two ring neighbours are never pruned
  EXPECT_LT(settled, first / 2);
}

TEST(Broker, ANodeThatWasCutOffGetsWhatItMissed) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  t.publish(0, "app.n", "1");
  t.run(1s);
  t.cut_all(2);
  for (int i = 2; i <= 300; ++i) {
    t.publish(0, "app.n", std::to_string(i));
    t.run(33ms);
  }
  EXPECT_EQ(t[2].got.at(id).size(), 1u);
  t.connect(1, 2);  // not to the publisher
  t.run(3s);
  EXPECT_EQ(t.texts(2, id), numbers(1, 300));
  t.publish(0, "app.n", "301");
  t.run(1s);
  EXPECT_EQ(t.texts(2, id), numbers(1, 301));
}

TEST(Broker, LinksThatComeAndGoLoseNothing) {
  World t(5, 11);
  std::vector<SubscriberId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(t.subscribe(i, "app.>"));
  for (int i = 1; i <= 400; ++i) {
    t.publish(i % 2, "app.n", std::to_string(i));
    const int a = static_cast<int>(t.rng.uniform(5));
    const int b = static_cast<int>(t.rng.uniform(5));
    if (a != b) {
      if (t.linked(a, b))
        t.cut(a, b);
      else
        t.connect(a, b);
    }
    t.run(20ms);
  }
  for (int a = 0; a < 5; ++a)
    for (int b = a + 1; b < 5; ++b) t.connect(a, b);
  t.run(30s);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(t[i].got.at(ids[static_cast<std::size_t>(i)]).size(), 400u) << i;
    EXPECT_TRUE(t.in_order(i, ids[static_cast<std::size_t>(i)])) << i;
    EXPECT_EQ(t[i].core->counts().missed, 0u) << i;
  }
}

TEST(Broker, ALineOfNodesCarriesMessagesAndConfirmations) {
  World t(5, 1, false);
  for (int i = 0; i + 1 < 5; ++i) t.connect(i, i + 1);
  const auto id = t.subscribe(4, "app.>");
  const auto held = t.publish(0, "app.n", "far", Level::Held);
  t.run(2s);
  EXPECT_EQ(t.texts(4, id), std::vector<std::string>{"far"});
  ASSERT_TRUE(t[0].answers.contains(held));
  ASSERT_TRUE(t[0].answers.at(held));
  EXPECT_GE(t[0].answers.at(held)->holders, 3u);
}

TEST(Broker, ALateJoinerHearsWhatIsSaidFromThenOn) {
  World t(3, 1, false);
  t.connect(0, 1);
  for (int i = 1; i <= 20; ++i) {
    t.publish(0, "app.n", std::to_string(i));
    t.run(10ms);
  }
  t.run(1s);
  t.crash(2);
  t.start(2);
  const auto id = t.subscribe(2, "app.>");
  t.connect(1, 2);
  t.run(1s);
  EXPECT_TRUE(t[2].got.at(id).empty());
  t.publish(0, "app.n", "21");
  t.run(1s);
  EXPECT_EQ(t.texts(2, id), std::vector<std::string>{"21"});
  EXPECT_EQ(t[2].core->counts().missed, 0u);
}

TEST(Broker, APublisherThatRestartsGoesOnInALaterEpoch) {
  World t(3);
  const auto id = t.subscribe(1, "app.>");
  t.publish(0, "app.n", "1");
  t.run(100ms);
  t.crash(0);
  t.start(0);  // within the same second
  t.connect(0, 1);
  t.connect(0, 2);
  t.publish(0, "app.n", "2");
  t.run(1s);
  EXPECT_EQ(t.texts(1, id), numbers(1, 2));
  const auto& got = t[1].got.at(id);
  EXPECT_GT(got[1].epoch, got[0].epoch);
}

TEST(Broker, AHomeRestoredFromAnOldCopyDoesNotUseAnEpochTwice) {
  World t(3);
  const auto id = t.subscribe(1, "app.>");
  const auto old = t[0].disk;
  t.publish(0, "app.n", "1");
  t.run(100ms);
  t.crash(0);
  t[0].disk = old;
  t.start(0);
  t.connect(0, 1);
  t.run(100ms);
  t.publish(0, "app.n", "2");
  t.run(1s);
  EXPECT_EQ(t.texts(1, id), numbers(1, 2));
}

TEST(Broker, TheRestOfAnEpochComesBeforeTheNext) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  t.publish(0, "app.n", "1");
  t.run(1s);
  t.cut_all(2);
  t.publish(0, "app.n", "2");
  t.run(100ms);
  t.crash(0);
  t.start(0);
  t.connect(0, 2);  // it knows nothing of 2 any more
  t.publish(0, "app.n", "3");
  t.run(20ms);
  t.connect(0, 1);
  t.connect(1, 2);
  t.run(8s);
  EXPECT_TRUE(t.in_order(2, id));
  EXPECT_EQ(t.texts(2, id).back(), "3");
}

// ---- acknowledgements ---------------------------------------------------------------------------

TEST(Acks, HeldNeedsThreeMembersOrAllOfFewer) {
  World t(5);
  const auto id = t.publish(0, "app.n", "x", Level::Held);
  EXPECT_FALSE(t[0].answers.contains(id));
  t.run(100ms);
  ASSERT_TRUE(t[0].answers.contains(id));
  EXPECT_GE(t[0].answers.at(id)->holders, 3u);
  int held = 0;
  for (int i = 0; i < 5; ++i) held += t[i].core->cache().size() > 0 ? 1 : 0;
  EXPECT_GE(held, 3);

  World two(2);
  const auto second = two.publish(0, "app.n", "x", Level::Held);
  two.run(100ms);
  EXPECT_EQ(two[0].answers.at(second)->holders, 2u);
}

TEST(Acks, APromiseThatCannotBeKeptIsBrokenAtItsDeadline) {
  World t(5);
  t.cut_all(0);
  t.connect(0, 1);
  t.cut_all(1);
  t.connect(0, 1);
  const auto id = t.publish(0, "app.n", "x", Level::Held, false, 2s);
  t.run(1900ms);
  EXPECT_FALSE(t[0].answers.contains(id));
  t.run(200ms);
  ASSERT_TRUE(t[0].answers.contains(id));
  EXPECT_EQ(t[0].answers.at(id).error().code, Errc::Timeout);
  const auto later = t.publish(0, "app.n", "y", Level::Held, false, 5s);
  t.run(1s);
  t.connect(0, 2);  // the third copy
  t.run(1s);
  ASSERT_TRUE(t[0].answers.contains(later));
  EXPECT_TRUE(t[0].answers.at(later));
}

TEST(Acks, DurableIsOnThreeDisksBeforeItIsAnswered) {
  World t(5);
  t.disk_delay = 50ms;
  const auto id = t.publish(0, "app.n", "x", Level::Durable);
  t.run_until([&] { return t[0].answers.contains(id); });
  ASSERT_TRUE(t[0].answers.at(id));
  int stored = 0;
  for (int i = 0; i < 5; ++i)
    for (const auto& [key, value] : t[i].disk) stored += key[0] == Shelf::kBatch ? 1 : 0;
  EXPECT_GE(stored, 3);
  EXPECT_LE(stored, 4);  // the others' disks stay idle
}

TEST(Acks, ABrokenDiskConfirmsNothing) {
  World t(3);
  t[1].disk_broken = true;
  const auto id = t.publish(0, "app.n", "x", Level::Durable, false, 3s);
  const auto held = t.publish(0, "app.n", "y", Level::Held, false, 3s);
  t.run(4s);
  EXPECT_FALSE(t[0].answers.at(id));
  EXPECT_TRUE(t[0].answers.at(held));
}

TEST(Acks, DurableMessagesOutliveEveryProcess) {
  World t(3);
  const auto id = t.publish(0, "app.n", "x", Level::Durable);
  t.run(1s);
  ASSERT_TRUE(t[0].answers.at(id));
  for (int i = 0; i < 3; ++i) t.crash(i);
  t[0].disk.clear();  // and one disk is lost
  for (int i = 0; i < 3; ++i) t.start(i);
  t.connect(0, 1);
  t.connect(1, 2);
  t.run(1s);
  const auto late = t.subscribe(2, "app.>", 10);
  EXPECT_EQ(t.texts(2, late), std::vector<std::string>{"x"});
}

TEST(Acks, WhatWasHeldIsNotLostWithItsPublisher) {
  World t(4);
  const auto id = t.subscribe(3, "app.>");
  t.publish(0, "app.n", "0");
  t.run(100ms);
  t.cut_all(3);
  const auto held = t.publish(0, "app.n", "1", Level::Held);
  t.run(1s);
  ASSERT_TRUE(t[0].answers.at(held));
  t.crash(0);
  t.connect(3, 2);
  t.run(1s);
  EXPECT_EQ(t.texts(3, id), numbers(0, 1));
}

// ---- retained values ----------------------------------------------------------------------------

TEST(RetainedValues, ALateSubscriberAndALateJoinerGetTheLast) {
  World t(3, 1, false);
  t.connect(0, 1);
  t.publish(0, "app.door", "open", Level::Held, true);
  t.publish(0, "app.door", "shut", Level::Held, true);
  t.publish(0, "app.gone", "x", Level::Sent, true);
  t.publish(0, "app.gone", "", Level::Sent, true);  // taken back
  t.run(1s);
  EXPECT_EQ(t.texts(1, t.subscribe(1, "app.*")), std::vector<std::string>{"shut"});
  const auto early = t.subscribe(2, "app.*");
  t.connect(1, 2);
  t.run(1s);
  EXPECT_EQ(t.texts(2, early), std::vector<std::string>{"shut"});
  EXPECT_TRUE(t[2].got.at(early)[0].retained);
  EXPECT_EQ(t[2].core->retained().digest(), t[0].core->retained().digest());
  t.publish(0, "app.door", "ajar", Level::Sent, true);
  t.run(1s);
  EXPECT_EQ(t.texts(2, early), (std::vector<std::string>{"shut", "ajar"}));
}

TEST(RetainedValues, TwoHalvesComeToTheSameAfterAPartition) {
  World t(4);
  t.run(100ms);
  for (const int a : {0, 1})
    for (const int b : {2, 3}) t.cut(a, b);
  for (int i = 0; i < 100; ++i) {
    t.publish(0, "left." + std::to_string(i), "l", Level::Sent, true);
    t.publish(2, "right." + std::to_string(i), "r", Level::Sent, true);
    t.publish(i % 2 * 2, "both", std::to_string(i), Level::Sent, true);
    t.run(10ms);
  }
  EXPECT_NE(t[0].core->retained().digest(), t[3].core->retained().digest());
  t.connect(1, 2);
  t.run(40s);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(t[i].core->retained().size(), 201u) << i;
    EXPECT_EQ(t[i].core->retained().digest(), t[0].core->retained().digest()) << i;
  }
}

// ---- queue groups -------------------------------------------------------------------------------

TEST(QueueGroups, EachMessageGoesToOneMemberWhereverItIs) {
  World t(4);
  std::vector<SubscriberId> ids;
  for (int i = 1; i < 4; ++i) {
    ids.push_back(t.subscribe(i, "app.work", 0, kMaxQueued, "workers"));
  }
  t.run(1s);
  for (int i = 0; i < 90; ++i) {
    t.publish(0, "app.work", std::to_string(i));
    t.run(5ms);
  }
  t.run(1s);
  std::vector<std::string> all;
  for (int i = 1; i < 4; ++i) {
    const auto mine = t.texts(i, ids[static_cast<std::size_t>(i - 1)]);
    EXPECT_GT(mine.size(), 15u) << i;
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::unique(all).begin(), all.end());
  EXPECT_EQ(all.size(), 90u);
  // One goes, the others do its part.
  const auto before = t.texts(1, ids[0]).size() + t.texts(2, ids[1]).size();
  t.crash(3);
  for (int i = 90; i < 120; ++i) {
    t.publish(0, "app.work", std::to_string(i));
    t.run(5ms);
  }
  t.run(1s);
  EXPECT_EQ(t.texts(1, ids[0]).size() + t.texts(2, ids[1]).size(), before + 30);
}

// Its links stand for a while longer, as those of a process that was killed do.
TEST(QueueGroups, WhoIsKnownToBeDeadTakesNothingThoughItsLinksStand) {
  World t(3);
  const auto lives = t.subscribe(1, "app.work", 0, kMaxQueued, "workers");
  const auto dies = t.subscribe(2, "app.work", 0, kMaxQueued, "workers");
  t.run(1s);
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      t.publish(0, "app.work", "x");
      t.run(5ms);
    }
    t.run(1s);
  };
  t.cut(1, 2);  // what ends is a link, not a node
  publish(40);
  EXPECT_EQ(t.texts(1, lives).size() + t.texts(2, dies).size(), 40u);
  EXPECT_GT(t.texts(2, dies).size(), 5u);
  const auto before = t.texts(1, lives).size();
  t[1].core->set_away(t[2].identity.id, true);
  publish(40);
  EXPECT_EQ(t.texts(1, lives).size(), before + 40);
}

TEST(QueueGroups, TwoSidesThatWereApartTakeNothingTwice) {
  World t(3);
  const auto one = t.subscribe(1, "app.work", 0, kMaxQueued, "workers");
  const auto two = t.subscribe(2, "app.work", 0, kMaxQueued, "workers");
  const auto all = t.subscribe(2, "app.work");
  t.run(1s);
  t.publish(0, "app.work", "first");
  t.publish(2, "app.work", "first");
  t.run(1s);
  const auto before = t.texts(1, one).size() + t.texts(2, two).size();
  EXPECT_EQ(before, 2u);
  t.cut_all(2);
  t.set_away(2, true);
  for (int i = 0; i < 30; ++i) {
    t.publish(0, "app.work", "a" + std::to_string(i));
    t.publish(2, "app.work", "b" + std::to_string(i));
    t.run(5ms);
  }
  t.run(1s);
  t.connect(0, 2);
  t.connect(1, 2);
  t.set_away(2, false);
  t.run(20s);
  EXPECT_EQ(t.texts(2, all).size(), 62u);  // each message came, also to who asks for all
  auto taken = t.texts(1, one);
  const auto other = t.texts(2, two);
  EXPECT_EQ(taken.size() + other.size(), 62u);
  taken.insert(taken.end(), other.begin(), other.end());
  std::ranges::sort(taken);
  taken.erase(std::ranges::unique(taken).begin(), taken.end());
  EXPECT_EQ(taken.size(), 61u);  // "first" twice, of two publishers
  for (int i = 0; i < 30; ++i) {
    t.publish(0, "app.work", "c" + std::to_string(i));
    t.run(5ms);
  }
  t.run(1s);
  EXPECT_EQ(t.texts(1, one).size() + t.texts(2, two).size(), 92u);
  EXPECT_GT(t.texts(2, two).size(), other.size());
}

// A message from the other side is taken where it only waited: nobody there was of the group.
TEST(QueueGroups, WhatWaitedOnTheOtherSideIsTaken) {
  World t(2);
  const auto one = t.subscribe(1, "app.work", 0, kMaxQueued, "workers");
  t.publish(0, "app.work", "first");
  t.run(1s);
  t.cut_all(0);
  t.set_away(0, true);
  t.publish(0, "app.work", "waits");
  t.run(1s);
  t.connect(0, 1);
  t.set_away(0, false);
  t.run(20s);
  EXPECT_EQ(t.texts(1, one), (std::vector<std::string>{"first", "waits"}));
}

TEST(QueueGroups, WhatAnEarlierProcessSaidIsTakenBack) {
  World t(3);
  t.subscribe(1, "app.work", 0, kMaxQueued, "workers");
  const auto stays = t.subscribe(2, "app.work", 0, kMaxQueued, "workers");
  t.run(1s);
  t.crash(1);
  t.start(1);
  t.connect(0, 1);
  t.connect(1, 2);
  t.run(15s);
  for (int i = 0; i < 30; ++i) {
    t.publish(0, "app.work", std::to_string(i));
    t.run(5ms);
  }
  t.run(1s);
  EXPECT_EQ(t.texts(2, stays).size(), 30u);
}

TEST(Broker, ASubscriberBeginsBehindAStamp) {
  World t(2);
  const auto heard = t.subscribe(1, "app.>");
  for (int i = 1; i <= 5; ++i) {
    t.publish(0, i == 4 ? "other.n" : "app.n", std::to_string(i));
    t.run(100ms);
  }
  const auto stamp = t[0].core->cache().last({">"}, 4).front().stamp();  // of "2"
  ASSERT_EQ(t.texts(1, heard), (std::vector<std::string>{"1", "2", "3", "5"}));
  Wanted wanted{{"app.>"}};
  wanted.since = stamp;
  const auto id = t[1].core->subscribe(t.now, wanted);
  ASSERT_TRUE(id);
  t.drain(1, *id);
  EXPECT_EQ(t.texts(1, *id), (std::vector<std::string>{"3", "5"}));
}

// ---- slow ones ----------------------------------------------------------------------------------

TEST(Slow, ASubscriberLosesItsOldestAndIsToldHowMany) {
  World t(2);
  const auto slow = t.subscribe(1, "app.>", 0, 10);
  const auto quick = t.subscribe(1, "app.>");
  t[1].lazy.insert(slow);
  for (int i = 1; i <= 100; ++i) {
    t.publish(0, "app.n", std::to_string(i));
    t.run(2ms);
  }
  t.run(1s);
  t.drain(1, slow);
  EXPECT_EQ(t.texts(1, slow), numbers(91, 100));
  EXPECT_EQ(t[1].got.at(slow)[0].missed, 90u);
  EXPECT_EQ(t.texts(1, quick), numbers(1, 100));
}

TEST(Slow, ALinkThatTakesNothingHoldsUpNobodyAndCatchesUp) {
  World t(4);
  std::vector<SubscriberId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(t.subscribe(i, "app.>"));
  t.publish(0, "app.n", "first");
  t.run(1s);
  for (int i = 0; i < 3; ++i) t.stall(i, 3);
  const std::string large(20'000, 'x');
  for (int i = 0; i < 200; ++i) {  // 4 MB
    t.publish(0, "app.n", large);
    t.run(10ms);
  }
  EXPECT_EQ(t[2].got.at(ids[2]).size(), 201u);
  EXPECT_LT(t[0].core->links().waiting_bytes(), 2 * kMaxWaiting);
  for (int i = 0; i < 3; ++i) t.stall(i, 3, false);
  t.run(20s);
  EXPECT_EQ(t[3].got.at(ids[3]).size(), 201u);
  EXPECT_TRUE(t.in_order(3, ids[3]));
}

TEST(Slow, WhatNobodyHasAnyMoreIsPassedOverAndTold) {
  World t(3);
  const auto id = t.subscribe(2, "app.>");
  t.publish(0, "app.n", "first");
  t.run(1s);
  t.cut_all(2);
  const std::string large(50'000, 'x');
  for (int i = 0; i < 1500; ++i) {  // 75 MB: more than anybody keeps
    t.publish(0, "app.n", large);
    t.run(2ms);
  }
  t.connect(2, 0);
  t.connect(2, 1);
  t.publish(0, "app.n", "last");
  t.run(30s);
  const auto& got = t[2].got.at(id);
  EXPECT_EQ(got.back().text, "last");
  EXPECT_TRUE(t.in_order(2, id));
  const auto missed = std::accumulate(got.begin(), got.end(), std::uint64_t{0},
                                      [](auto sum, const Got& one) { return sum + one.missed; });
  EXPECT_GT(missed, 0u);
  EXPECT_EQ(got.size() + missed, 1502u);
}

}  // namespace
}  // namespace weft::broker::testing
