#include "dht/plausible.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/seeded_rng.hpp"
#include "dht/contact_book.hpp"
#include "dht/lost_list.hpp"
#include "dht/shun_list.hpp"

namespace weft::dht {
namespace {

constexpr std::size_t kNodes = 1000;
constexpr std::size_t kKnown = 20;

// Everybody, and one in five of them a liar.
struct Crowd {
  explicit Crowd(std::uint64_t seed) : rng(seed) {
    for (std::size_t i = 0; i < kNodes; ++i) {
      all.push_back(NodeId{rng.bytes<32>()});
      if (i % 5 == 0) liars.push_back(all.back());
    }
  }
  static void sort(std::vector<NodeId>& ids, const NodeId& target) {
    std::ranges::sort(ids, {}, [&](const NodeId& id) { return distance(id, target); });
  }
  // What a server with full buckets knows: twenty of each range, all of the near ones.
  std::vector<NodeId> known_to(const NodeId& node) {
    std::vector<std::size_t> held(257);
    std::vector<NodeId> known;
    for (const NodeId& other : all)
      if (other != node && held[static_cast<std::size_t>(common_prefix(node, other))]++ < kKnown)
        known.push_back(other);
    return known;
  }
  static Verdict judge(std::vector<NodeId> names, const NodeId& teller, const NodeId& target,
                       std::size_t count, std::uint64_t nodes = kNodes) {
    sort(names, target);
    names.resize(std::min(names.size(), count));
    const Distance last = names.empty() ? Distance{} : distance(names.back(), target);
    return Density(nodes, kKnown).judge(target, {teller, names.size(), last});
  }
  SeededRng rng;
  std::vector<NodeId> all;
  std::vector<NodeId> liars;
};

TEST(Plausible, WhatAnHonestServerNamesIsBelieved) {
  Crowd crowd(1);
  unsigned doubted = 0;
  constexpr unsigned kRuns = 400;
  for (unsigned run = 0; run < kRuns; ++run) {
    const NodeId target{crowd.rng.bytes<32>()};
    const NodeId& teller = crowd.all[crowd.rng.uniform(kNodes)];
    const std::size_t count = run % 2 == 0 ? 2 : 10;
    const Verdict verdict = Crowd::judge(crowd.known_to(teller), teller, target, count);
    doubted += verdict == Verdict::Believed ? 0 : 1;
    EXPECT_NE(verdict, Verdict::Absurd);
  }
  EXPECT_LT(doubted, kRuns / 20);
}

TEST(Plausible, WhoNamesWhicheverAccomplicesIsAbsurd) {
  Crowd crowd(2);
  unsigned found_out = 0, absurd = 0;
  constexpr unsigned kRuns = 400;
  for (unsigned run = 0; run < kRuns; ++run) {
    const NodeId target{crowd.rng.bytes<32>()};
    const NodeId& teller = crowd.liars[crowd.rng.uniform(crowd.liars.size())];
    std::vector<NodeId> names;
    for (int i = 0; i < 5; ++i) names.push_back(crowd.liars[crowd.rng.uniform(crowd.liars.size())]);
    const Verdict verdict = Crowd::judge(names, teller, target, 5);
    found_out += verdict == Verdict::Believed ? 0 : 1;
    absurd += verdict == Verdict::Absurd ? 1 : 0;
  }
  EXPECT_GT(found_out, kRuns * 9 / 10);
  EXPECT_GT(absurd, kRuns / 3);  // from afar nobody need know any better
}

TEST(Plausible, NearTheTargetTheNearestAccompliceIsTooFar) {
  Crowd crowd(3);
  unsigned found_out = 0, few_found_out = 0;
  constexpr unsigned kRuns = 400;
  for (unsigned run = 0; run < kRuns; ++run) {
    const NodeId target{crowd.rng.bytes<32>()};
    Crowd::sort(crowd.liars, target);
    const NodeId& teller = crowd.liars[run % 5];
    const auto judge = [&](std::size_t count) {
      return Crowd::judge(crowd.liars, teller, target, count) == Verdict::Believed ? 0U : 1U;
    };
    found_out += judge(10);
    few_found_out += judge(2);
  }
  EXPECT_GT(found_out, kRuns * 9 / 10);
  EXPECT_GT(few_found_out, kRuns / 3);  // two names tell little: hence the second question
}

TEST(Plausible, NothingIsHeldAgainstAnybodyInASmallNetwork) {
  Crowd crowd(4);
  const NodeId target{crowd.rng.bytes<32>()};
  EXPECT_EQ(Crowd::judge({}, crowd.all[0], target, 2, kKnown), Verdict::Believed);
  EXPECT_EQ(Crowd::judge({crowd.all[1]}, crowd.all[0], target, 2, kKnown), Verdict::Believed);
  EXPECT_EQ(Crowd::judge({}, crowd.all[0], target, 2), Verdict::Doubted);
}

TEST(Plausible, DensityCountsInSixteenths) {
  Distance half{};
  half.bytes[0] = 0x80;
  EXPECT_EQ(Density(1000, 20).within(half), 500U * 16);
  EXPECT_EQ(Density(~std::uint64_t{0}, 20).within(Distance{}), 0U);
  // However large the network is said to be, its own nearest twenty are not absurd.
  NodeId near{};
  near.bytes[31] = 1;
  Distance close{};
  close.bytes[31] = 2;
  EXPECT_EQ(Density(~std::uint64_t{0}, 20).judge(NodeId{}, {near, 20, close}), Verdict::Believed);
  EXPECT_EQ(Density(~std::uint64_t{0}, 20).judge(NodeId{}, {NodeId{}, 20, close}),
            Verdict::Believed);
  NodeId far{};
  far.bytes[0] = 0x80;
  Distance eighth{};
  eighth.bytes[0] = 0x10;
  EXPECT_EQ(Density(~std::uint64_t{0}, 20).judge(NodeId{}, {far, 2, eighth}), Verdict::Believed);
}

TEST(ShunList, ForgivesInTimeAndStaysSmall) {
  SeededRng rng(5);
  ShunList list;
  const NodeId first{rng.bytes<32>()};
  const Instant start{1h};
  list.add(start, first, 2h);
  EXPECT_TRUE(list.has(start + 119min, first));
  EXPECT_FALSE(list.has(start + 121min, first));
  for (std::size_t i = 0; i < 3 * ShunList::kMost; ++i)
    list.add(start + 1min, NodeId{rng.bytes<32>()}, 2h);
  EXPECT_EQ(list.size(), ShunList::kMost);
  EXPECT_FALSE(list.has(start + 1min, first));  // it would have been forgiven first
}

TEST(LostList, KeepsTheNearestAndAsksEachAFewTimes) {
  SeededRng rng(6);
  ContactBook book(ContactBook::Use::Shared, 1024);
  const NodeId self{rng.bytes<32>()};
  LostList list;
  std::vector<ContactHandle> lost;
  for (std::uint32_t i = 0; i < 100; ++i) {
    Contact contact;
    contact.identity = rng.bytes<32>();
    contact.id = NodeId{contact.identity};
    lost.push_back(book.intern(contact));
    list.add(book, self, lost.back());
    list.add(book, self, lost.back());  // twice is once
  }
  std::ranges::sort(lost, {}, [&](ContactHandle h) { return distance(book.id(h), self); });
  ASSERT_EQ(list.size(), LostList::kMost);
  for (std::size_t i = 0; i < lost.size(); ++i)
    EXPECT_EQ(list.has(book, book.id(lost[i])), i < LostList::kMost);
  list.forget(book, book.id(lost[0]));
  std::size_t asked = 0;
  while (list.next() != ContactHandle::None) ++asked;
  EXPECT_EQ(asked, (LostList::kMost - 1) * LostList::kTries);
}

}  // namespace
}  // namespace weft::dht
