#include "dht/lookup.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/seeded_rng.hpp"

namespace weft::dht {
namespace {

// A world without time: every node knows its 20 nearest and 60 random others.
struct Graph {
  Graph(std::uint64_t seed, std::size_t count) : rng(seed) {
    for (std::size_t i = 0; i < count; ++i) ids.push_back(NodeId{rng.bytes<32>()});
    know.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::size_t> order = nearest(ids[i], 21);
      know[i].assign(order.begin(), order.end());
      for (int r = 0; r < 60; ++r) know[i].push_back(rng.uniform(count));
    }
  }
  std::vector<std::size_t> nearest(const NodeId& target, std::size_t count) const {
    std::vector<std::size_t> order(ids.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    count = std::min(count, order.size());
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count), {},
                              [&](std::size_t i) { return distance(ids[i], target); });
    order.resize(count);
    return order;
  }
  std::vector<std::size_t> answer(std::size_t node, const NodeId& target, std::size_t count) const {
    std::vector<std::size_t> order = know[node];
    std::ranges::sort(order, {}, [&](std::size_t i) { return distance(ids[i], target); });
    order.erase(std::unique(order.begin(), order.end()), order.end());
    order.resize(std::min(order.size(), count));
    return order;
  }
  SeededRng rng;
  std::vector<NodeId> ids;
  std::vector<std::vector<std::size_t>> know;
};

std::size_t index_of(ContactHandle handle) { return static_cast<std::size_t>(handle); }

struct Outcome {
  std::size_t asked = 0;
  std::size_t most_in_flight = 0;
  std::map<std::size_t, std::set<std::size_t>> by_path;
};

// Answers in random order; `dead` nodes are slow first, then fail.
Outcome drive(Graph& graph, Lookup& lookup, const std::set<std::size_t>& dead,
              std::size_t told_at_once = 5) {
  Outcome out;
  std::vector<ContactHandle> flying;
  for (int i = 0; i < 20; ++i) {
    const std::size_t seed = graph.rng.uniform(graph.ids.size());
    lookup.add_seed(ContactHandle{static_cast<std::uint32_t>(seed)}, graph.ids[seed], 0);
  }
  std::set<std::size_t> slow;
  while (!lookup.done()) {
    for (;;) {
      const ContactHandle next = lookup.next();
      if (next == ContactHandle::None) break;
      ++out.asked;
      out.by_path[lookup.path_of(next)].insert(index_of(next));
      flying.push_back(next);
    }
    out.most_in_flight = std::max(out.most_in_flight, lookup.in_flight());
    lookup.check_invariants();
    if (lookup.done()) break;
    EXPECT_FALSE(flying.empty()) << "neither done nor asking";
    if (flying.empty()) break;
    const std::size_t pick = graph.rng.uniform(flying.size());
    const ContactHandle who = flying[pick];
    if (dead.contains(index_of(who))) {
      if (slow.insert(index_of(who)).second) {
        lookup.on_slow(who);
        continue;
      }
      lookup.on_failure(who);
    } else {
      for (const std::size_t told : graph.answer(index_of(who), lookup.target(), told_at_once))
        lookup.add(who, ContactHandle{static_cast<std::uint32_t>(told)}, graph.ids[told], 0);
      lookup.on_reply(who);
    }
    flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return out;
}

TEST(Lookup, TerminatesAndFindsTheClosest) {
  Graph graph(1, 1500);
  for (int run = 0; run < 200; ++run) {
    const NodeId target{graph.rng.bytes<32>()};
    Lookup lookup(target, LookupLimits{});
    const Outcome out = drive(graph, lookup, {});
    EXPECT_LE(out.asked, 40U);
    const auto found = lookup.closest(1, false);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(index_of(found[0]), graph.nearest(target, 1)[0]) << "seed 1, run " << run;
  }
}

// A row of candidates, numbered by distance from the target.
struct Row {
  explicit Row(const LookupLimits& limits) : lookup(NodeId{}, limits) {}
  static ContactHandle at(std::uint8_t number) { return ContactHandle{number}; }
  static NodeId id(std::uint8_t number) {
    NodeId id;
    id.bytes[0] = number;
    return id;
  }
  void tell(std::uint8_t teller, std::uint8_t number, bool hearsay = false) {
    lookup.add(at(teller), at(number), id(number), 0, hearsay);
  }
  Lookup lookup;
};

TEST(Lookup, TheDoubtedDoNotEndAWalkAndWhomTheyNameIsAskedLast) {
  Row row({.k = 20, .alpha = 1, .max_in_flight = 1, .converge = 1});
  row.lookup.add_seed(Row::at(50), Row::id(50), 0);
  row.lookup.add_seed(Row::at(90), Row::id(90), 0);
  ASSERT_EQ(row.lookup.next(), Row::at(50));
  row.lookup.doubt(Row::at(50));
  row.tell(50, 10);
  row.lookup.on_reply(Row::at(50));
  EXPECT_EQ(row.lookup.doubted(), 1U);
  EXPECT_FALSE(row.lookup.done());
  ASSERT_EQ(row.lookup.next(), Row::at(90));  // farther, but no liar spoke for it
  row.tell(90, 40);
  row.lookup.on_reply(Row::at(90));
  ASSERT_EQ(row.lookup.next(), Row::at(40));
  row.lookup.on_reply(Row::at(40));
  EXPECT_TRUE(row.lookup.done());  // the one nobody vouched for holds up nothing
}

TEST(Lookup, WhomABelievedOneConfirmsIsHearsayNoLonger) {
  Row row({.k = 20, .alpha = 1, .max_in_flight = 1, .converge = 1});
  row.lookup.add_seed(Row::at(50), Row::id(50), 0);
  row.lookup.add_seed(Row::at(60), Row::id(60), 0);
  ASSERT_EQ(row.lookup.next(), Row::at(50));
  row.lookup.doubt(Row::at(50));
  row.tell(50, 10);
  row.lookup.on_reply(Row::at(50));
  ASSERT_EQ(row.lookup.next(), Row::at(60));
  row.tell(60, 10);
  row.lookup.on_reply(Row::at(60));
  EXPECT_EQ(row.lookup.next(), Row::at(10));
}

TEST(Lookup, WithNobodyElseLeftHearsayIsAsked) {
  Row row({.k = 20, .alpha = 1, .max_in_flight = 1, .converge = 1});
  row.lookup.add_seed(Row::at(50), Row::id(50), 0);
  ASSERT_EQ(row.lookup.next(), Row::at(50));
  row.lookup.doubt(Row::at(50));
  row.tell(50, 10);
  row.lookup.on_reply(Row::at(50));
  EXPECT_EQ(row.lookup.next(), Row::at(10));
}

TEST(Lookup, AWalkThatEndsAmongTooFewIsThin) {
  LookupLimits limits{.k = 20, .alpha = 1, .max_in_flight = 1, .converge = 1, .crowd = 3};
  limits.crowded = distance(Row::id(30), NodeId{});
  Row row(limits);
  row.lookup.add_seed(Row::at(10), Row::id(10), 0);
  row.lookup.add_seed(Row::at(20), Row::id(20), 0);
  ASSERT_EQ(row.lookup.next(), Row::at(10));
  row.tell(10, 90);
  row.lookup.on_reply(Row::at(10));
  EXPECT_TRUE(row.lookup.thin());
  EXPECT_FALSE(row.lookup.done());
  EXPECT_EQ(row.lookup.believed(5), (std::vector{std::pair{Row::at(10), std::size_t{1}}}));
  row.tell(10, 30, true);  // hearsay makes no crowd
  EXPECT_TRUE(row.lookup.thin());
  row.tell(10, 25);
  EXPECT_FALSE(row.lookup.thin());
  EXPECT_TRUE(row.lookup.done());
}

TEST(Lookup, OneDoubtMakesAWalkWantMore) {
  LookupLimits limits{.k = 20, .alpha = 2, .max_in_flight = 2, .converge = 1, .crowd = 1};
  limits.crowd_doubting = 3;
  limits.crowded = distance(Row::id(30), NodeId{});
  Row row(limits);
  row.lookup.add_seed(Row::at(10), Row::id(10), 0);
  row.lookup.add_seed(Row::at(20), Row::id(20), 0);
  ASSERT_EQ(row.lookup.next(), Row::at(10));
  ASSERT_EQ(row.lookup.next(), Row::at(20));
  row.lookup.on_reply(Row::at(10));
  EXPECT_FALSE(row.lookup.thin());
  row.lookup.doubt(Row::at(20));
  row.lookup.on_reply(Row::at(20));
  EXPECT_TRUE(row.lookup.thin());
}

TEST(Lookup, DeadNodesNeitherBlockNorHideTheClosest) {
  Graph graph(2, 1500);
  std::set<std::size_t> dead;
  for (int i = 0; i < 300; ++i) dead.insert(graph.rng.uniform(1500));
  int right = 0;
  for (int run = 0; run < 200; ++run) {
    const NodeId target{graph.rng.bytes<32>()};
    Lookup lookup(target, LookupLimits{});
    drive(graph, lookup, dead);
    std::size_t truth = 0;
    for (const std::size_t i : graph.nearest(target, 40))
      if (!dead.contains(i)) {
        truth = i;
        break;
      }
    const auto found = lookup.closest(1, false);
    right += !found.empty() && index_of(found[0]) == truth ? 1 : 0;
  }
  EXPECT_GE(right, 199);
}

// Replies hold fewer contacts than a region, so its rim is not always told: the core is.
TEST(Lookup, ExhaustiveHearsTheRegion) {
  Graph graph(3, 800);
  std::size_t heard = 0;
  for (int run = 0; run < 50; ++run) {
    const NodeId target{graph.rng.bytes<32>()};
    LookupLimits limits;
    limits.exhaustive = true;
    Lookup lookup(target, limits);
    drive(graph, lookup, {}, 14);
    const auto truth = graph.nearest(target, 20);
    const auto found = lookup.closest(20, false);
    ASSERT_EQ(found.size(), 20U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(index_of(found[i]), truth[i]);
    for (const ContactHandle handle : found)
      heard += std::ranges::find(truth, index_of(handle)) != truth.end() ? 1 : 0;
  }
  EXPECT_GE(heard, 50U * 20U * 85U / 100U);
}

TEST(Lookup, PathsAreDisjointAndAllReachTheTarget) {
  Graph graph(4, 1500);
  for (const std::size_t paths : {std::size_t{4}, std::size_t{8}}) {
    for (int run = 0; run < 50; ++run) {
      const NodeId target{graph.rng.bytes<32>()};
      LookupLimits limits;
      limits.paths = paths;
      limits.alpha = paths;
      Lookup lookup(target, limits);
      const Outcome out = drive(graph, lookup, {});
      std::set<std::size_t> seen;
      std::size_t total = 0;
      for (const auto& [path, nodes] : out.by_path) {
        total += nodes.size();
        seen.insert(nodes.begin(), nodes.end());
      }
      EXPECT_EQ(total, seen.size());
      EXPECT_EQ(out.by_path.size(), paths);
      EXPECT_EQ(index_of(lookup.closest(1, false)[0]), graph.nearest(target, 1)[0]);
    }
  }
}

TEST(Lookup, SlowRepliesWidenTheSearchUpToTheLimit) {
  Graph graph(5, 300);
  LookupLimits limits;
  limits.max_in_flight = 10;
  Lookup lookup(NodeId{graph.rng.bytes<32>()}, limits);
  for (std::uint32_t i = 0; i < 40; ++i) lookup.add_seed(ContactHandle{i}, graph.ids[i], 0);
  std::vector<ContactHandle> asked;
  const auto fill = [&] {
    for (ContactHandle h = lookup.next(); h != ContactHandle::None; h = lookup.next())
      asked.push_back(h);
  };
  fill();
  EXPECT_EQ(asked.size(), 4U);
  lookup.on_slow(asked[0]);
  fill();
  EXPECT_EQ(asked.size(), 5U);
  for (int i = 1; i < 12; ++i) {
    if (static_cast<std::size_t>(i) < asked.size())
      lookup.on_slow(asked[static_cast<std::size_t>(i)]);
    fill();
  }
  EXPECT_EQ(lookup.in_flight(), 10U);
}

TEST(Lookup, TheTargetItselfIsAskedAtOnceAndAlone) {
  Graph graph(7, 300);
  Lookup lookup(graph.ids[200], LookupLimits{});
  for (std::uint32_t i = 0; i < 20; ++i) lookup.add_seed(ContactHandle{i}, graph.ids[i], 0);
  std::vector<ContactHandle> asked;
  const auto fill = [&] {
    for (ContactHandle h = lookup.next(); h != ContactHandle::None; h = lookup.next())
      asked.push_back(h);
  };
  fill();
  ASSERT_EQ(asked.size(), 4U);  // every place is taken
  lookup.add(asked[0], ContactHandle{200}, graph.ids[200], 0);
  fill();
  ASSERT_EQ(asked.size(), 5U);
  EXPECT_EQ(asked[4], ContactHandle{200});
  lookup.on_reply(asked[0]);
  lookup.on_reply(asked[1]);
  fill();
  EXPECT_EQ(asked.size(), 5U);  // others are not needed while it may still answer
  EXPECT_FALSE(lookup.done());
  lookup.on_slow(ContactHandle{200});
  fill();
  EXPECT_GT(asked.size(), 5U);
  lookup.on_reply(ContactHandle{200});
  EXPECT_TRUE(lookup.done() && lookup.exact());
}

TEST(Lookup, AFewUnderWayDoNotHoldUpTheEnd) {
  Graph graph(8, 300);
  const NodeId target{graph.rng.bytes<32>()};
  const auto near = graph.nearest(target, 6);
  const auto handle = [](std::size_t i) { return ContactHandle{static_cast<std::uint32_t>(i)}; };
  for (const std::size_t stragglers : {0, 1, 2}) {
    LookupLimits limits;
    limits.alpha = 6;
    limits.stragglers = stragglers;
    Lookup lookup(target, limits);
    for (const std::size_t i : near) lookup.add_seed(handle(i), graph.ids[i], 0);
    for (std::size_t i = 0; i < near.size(); ++i) ASSERT_NE(lookup.next(), ContactHandle::None);
    // All but the two closest answer, the farthest first: three must have.
    for (std::size_t i = near.size(); i-- > 3;) lookup.on_reply(handle(near[i]));
    EXPECT_FALSE(lookup.done());
    lookup.on_reply(handle(near[2]));
    EXPECT_EQ(lookup.done(), stragglers == 2);
    lookup.on_reply(handle(near[1]));
    EXPECT_EQ(lookup.done(), stragglers >= 1);
    // Whoever is under way is listed all the same.
    EXPECT_EQ(lookup.closest(1, true)[0], handle(near[0]));
    lookup.on_reply(handle(near[0]));
    EXPECT_TRUE(lookup.done());
  }
}

TEST(Lookup, TheFastAreAskedFirstButOnlyToBegin) {
  Graph graph(9, 300);
  const NodeId target{graph.rng.bytes<32>()};
  const auto near = graph.nearest(target, 12);
  const auto handle = [](std::size_t i) { return ContactHandle{static_cast<std::uint32_t>(i)}; };
  Lookup lookup(target, LookupLimits{});
  for (const std::size_t i : near) lookup.add_seed(handle(i), graph.ids[i], 0);
  lookup.favour(handle(near[7]));
  lookup.favour(handle(near[10]));
  EXPECT_EQ(lookup.next(), handle(near[7]));
  EXPECT_EQ(lookup.next(), handle(near[10]));
  EXPECT_EQ(lookup.next(), handle(near[0]));
  lookup.favour(handle(near[11]));
  lookup.on_reply(handle(near[7]));
  EXPECT_EQ(lookup.next(), handle(near[1]));
}

TEST(Lookup, ARegionIsAskedByRankOnceItsNearestWereAsked) {
  Graph graph(10, 300);
  const NodeId target{graph.rng.bytes<32>()};
  const auto order = graph.nearest(target, 12);
  const auto handle = [](std::size_t i) { return ContactHandle{static_cast<std::uint32_t>(i)}; };
  for (const std::size_t head : {std::size_t{0}, std::size_t{4}}) {
    LookupLimits limits;
    limits.k = 8;
    limits.exhaustive = true;  // and the radius of the region is nought
    limits.head = head;
    Lookup lookup(target, limits);
    for (const std::size_t i : order) lookup.add_seed(handle(i), graph.ids[i], 0);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(lookup.next(), handle(order[i]));
    EXPECT_EQ(lookup.next(), ContactHandle::None);  // nobody has replied yet
    lookup.on_reply(handle(order[1]));
    std::size_t asked = 4;
    while (lookup.next() != ContactHandle::None) ++asked;
    EXPECT_EQ(asked, head == 0 ? 5U : 8U);
    lookup.check_invariants();
  }
}

TEST(Lookup, OnePrefixAnswersOncePerPath) {
  LookupLimits limits;
  limits.paths = 4;
  Lookup lookup(NodeId{}, limits);
  SeededRng rng(6);
  for (std::uint32_t i = 0; i < 40; ++i)
    lookup.add_seed(ContactHandle{i}, NodeId{rng.bytes<32>()}, 77);
  std::size_t asked = 0;
  while (!lookup.done()) {
    const ContactHandle h = lookup.next();
    ASSERT_NE(h, ContactHandle::None);
    ++asked;
    lookup.on_reply(h);
  }
  EXPECT_EQ(asked, 4U);
}

TEST(Lookup, EndsWithNobodyToAsk) {
  Lookup lookup(NodeId{}, LookupLimits{});
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.next(), ContactHandle::None);
}

}  // namespace
}  // namespace weft::dht
