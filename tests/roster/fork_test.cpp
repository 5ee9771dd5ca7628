// Forks (N16): whatever order entries arrive in, every roster ends on the same head.
#include <gtest/gtest.h>

#include <numeric>

#include "overlay/roster/roster.hpp"
#include "tests/roster/kit.hpp"

namespace weft::roster {
namespace {

struct End {
  Head head;
  std::uint64_t equivocations = 0;
  bool operator==(const End&) const = default;
};

// Delivers to a fresh roster; what waited for its parent is taken up by itself.
End deliver(const Kit& kit, const std::vector<Entry>& entries,
            const std::vector<std::size_t>& order) {
  auto roster = std::move(*Roster::from_chain(kit.roster.network(), kit.roster.entries_for({})));
  for (const auto i : order) std::ignore = roster.append(entries[i]);
  roster.check_invariants();
  return {roster.head(), roster.equivocations()};
}

void expect_one_end(const Kit& kit, const std::vector<Entry>& entries, const End& wanted) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  do {
    ASSERT_EQ(deliver(kit, entries, order), wanted);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(RosterFork, TheSeniorSignerWins) {
  Kit kit;
  const auto head = kit.roster.head();
  const auto senior = kit.on(head, kit.a, kit.node(key_of(10), "x"));
  const auto junior = kit.on(head, kit.b, kit.node(key_of(11), "y"));
  expect_one_end(kit, {senior, junior}, {head_of(senior), 0});
  const auto person = kit.on(head, kit.person, kit.node(key_of(12), "z"));
  expect_one_end(kit, {senior, junior, person}, {head_of(person), 0});
}

TEST(RosterFork, ALongerJuniorBranchStillLoses) {
  Kit kit;
  const auto head = kit.roster.head();
  const auto j1 = kit.on(head, kit.b, kit.node(key_of(10), "x"));
  const auto j2 = kit.on(head_of(j1), kit.b, kit.node(key_of(11), "y"));
  const auto j3 = kit.on(head_of(j2), kit.a, kit.node(key_of(12), "z"));
  const auto s1 = kit.on(head, kit.a, kit.node(key_of(13), "w"));
  const auto s2 = kit.on(head_of(s1), kit.b, kit.node(key_of(14), "v"));
  expect_one_end(kit, {j1, j2, j3, s1, s2}, {head_of(s2), 0});
}

TEST(RosterFork, EquivocationTakesTheLowerHashAndAlarms) {
  Kit kit;
  const auto head = kit.roster.head();
  auto first = kit.on(head, kit.b, kit.node(key_of(10), "x"));
  auto second = kit.on(head, kit.b, kit.node(key_of(11), "y"));
  if (second.hash() < first.hash()) std::swap(first, second);
  const auto after = kit.on(head_of(second), kit.a, kit.node(key_of(12), "z"));
  expect_one_end(kit, {first, second, after}, {head_of(first), 1});
  auto& roster = kit.roster;
  EXPECT_FALSE(roster.append(second)->equivocation);
  const auto taken = roster.append(first);
  EXPECT_TRUE(taken->equivocation);
  EXPECT_TRUE(taken->reorganised);
  EXPECT_EQ(taken->changed.size(), 2U);  // one out, one in
}

TEST(RosterFork, ARemovalOfTheRivalDoesNotDependOnOrder) {
  Kit kit;
  const auto head = kit.roster.head();
  const auto removal = kit.on(head, kit.a, RemovalBody{false, id_of(kit.b).bytes});
  const auto late = kit.on(head_of(removal), kit.b, kit.node(key_of(10), "x"));  // not allowed
  const auto grind = kit.on(head, kit.b, RemovalBody{false, id_of(kit.a).bytes});
  const auto more = kit.on(head_of(grind), kit.b, kit.node(key_of(11), "y"));
  expect_one_end(kit, {removal, late, grind, more}, {head_of(removal), 0});
}

// Twenty rosters, each with its own shuffled delivery of a random tree with forks at every level.
TEST(RosterFork, TwentyRostersAgreeOnRandomTrees) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Kit kit;
    const std::vector signers{kit.person, kit.a, kit.b};
    SeededRng rng(seed);
    std::vector<Entry> entries;
    std::vector<Head> parents{kit.roster.head()};
    for (std::uint64_t i = 0; i < 24; ++i) {
      const auto& parent = parents[rng.uniform(parents.size())];
      const auto& signer = signers[rng.uniform(signers.size())];
      Body body = kit.node(key_of(1000 + i), "n" + std::to_string(rng.uniform(12)));
      if (rng.uniform(8) == 0) body = RemovalBody{false, id_of(kit.b).bytes};
      entries.push_back(kit.on(parent, signer, body));
      parents.push_back(head_of(entries.back()));
    }
    std::vector<std::size_t> order(entries.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto wanted = deliver(kit, entries, order);
    for (int roster = 0; roster < 20; ++roster) {
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.uniform(i)]);
      ASSERT_EQ(deliver(kit, entries, order), wanted);
    }
  }
}

TEST(RosterFork, TheLosersAuthorSignsAgainOnTheWinner) {
  Kit kit;
  const auto head = kit.roster.head();
  const auto senior = kit.on(head, kit.a, kit.node(key_of(10), "x"));
  const auto lost = kit.on(head, kit.b, kit.node(key_of(11), "y"));
  const auto lost_too = kit.on(head_of(lost), kit.b, GroupBody{"friends", true, id_of(key_of(11))});
  const auto clash = kit.on(head_of(lost_too), kit.b, kit.node(key_of(12), "x"));
  for (const auto& entry : {lost, lost_too, clash, senior})
    ASSERT_TRUE(kit.roster.append(entry).has_value());
  EXPECT_TRUE(kit.roster.pending_losers(kit.a.public_key).empty());
  // The name of `clash` is taken on the winner: its node was told that it is in, and gets another.
  const auto pending = kit.roster.pending_losers(kit.b.public_key);
  ASSERT_EQ(pending.size(), 3U);
  for (const auto& loser : pending) {
    EXPECT_EQ(code_of(kit.roster.resign(kit.a, loser, kit.now)), Errc::Denied);
    const auto again = kit.roster.resign(kit.b, loser, kit.now);
    ASSERT_TRUE(again.has_value());
    ASSERT_TRUE(kit.roster.append(*again).has_value());
  }
  EXPECT_TRUE(kit.roster.pending_losers(kit.b.public_key).empty());
  EXPECT_TRUE(kit.roster.in_group(kit.roster.network(), id_of(key_of(11)), "friends"));
  ASSERT_NE(kit.roster.member(id_of(key_of(12))), nullptr);
  EXPECT_EQ(kit.roster.member(id_of(key_of(12)))->name, "x-2");
  EXPECT_EQ(kit.roster.member(id_of(key_of(10)))->name, "x");
}

TEST(RosterFork, ALoserSurvivesARestart) {
  Kit kit;
  const auto head = kit.roster.head();
  ASSERT_TRUE(kit.roster.append(kit.on(head, kit.b, kit.node(key_of(11), "y"))).has_value());
  ASSERT_TRUE(kit.roster.append(kit.on(head, kit.a, kit.node(key_of(10), "x"))).has_value());
  const auto back = Roster::from_rows(kit.roster.network(), kit.roster.rows());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->head(), kit.roster.head());
  EXPECT_EQ(back->pending_losers(kit.b.public_key).size(), 1U);
}

// What was seen first must not decide: nodes that saw it in another order would never agree.
TEST(RosterFork, ACheckpointDecidesNothing) {
  Kit kit;
  const auto before = kit.roster.head();
  const auto late = kit.on(before, kit.person, kit.node(key_of(10), "x"));  // senior to all
  const auto early = kit.on(before, kit.a, kit.node(key_of(11), "y"));
  const auto point = kit.on(head_of(early), kit.a, CheckpointBody{});
  expect_one_end(kit, {late, early, point}, {head_of(late), 0});
}

TEST(RosterFork, OnlyTheFounderSetsCheckpoints) {
  Kit kit;
  const auto bob = key_of(20);
  const auto phone = key_of(21);
  ASSERT_TRUE(kit.put(kit.a, PersonBody{bob.public_key, "bob", kMayAdmin}).has_value());
  ASSERT_TRUE(kit.put(bob, NodeBody{phone.public_key, "phone", bob.public_key, kMayAdmin}));
  EXPECT_EQ(code_of(kit.put(phone, CheckpointBody{})), Errc::Denied);
  EXPECT_EQ(code_of(kit.put(bob, CheckpointBody{})), Errc::Denied);
  EXPECT_TRUE(kit.put(kit.b, CheckpointBody{}).has_value());
}

TEST(RosterFork, EntriesWithoutAParentAreBounded) {
  Kit kit;
  for (std::size_t i = 0; i <= kMaxWaiting; ++i) {
    Head nowhere{5, {}};
    nowhere.hash[0] = static_cast<std::uint8_t>(i);
    nowhere.hash[1] = static_cast<std::uint8_t>(i >> 8);
    const auto taken = kit.roster.append(kit.on(nowhere, kit.a, CheckpointBody{}));
    if (i < kMaxWaiting)
      ASSERT_TRUE(taken.has_value() && taken->waiting);
    else
      ASSERT_EQ(code_of(taken), Errc::Limit);
  }
}

}  // namespace
// A fork that is won late makes losers of a chain, beyond the limit: the home must load them again.
TEST(RosterFork, MoreLosersThanAreTakenInAreLoaded) {
  Kit kit;
  auto& roster = kit.roster;
  const auto fork = roster.head();
  std::uint64_t number = 100;
  Result<Appended> last;
  while ((last = roster.append(
              kit.on(fork, kit.b, GroupBody{"g" + std::to_string(++number), true, id_of(kit.a)}))))
    ASSERT_LE(roster.size(), kLoserShare + 10);
  EXPECT_EQ(code_of(last), Errc::Limit);
  for (const char* group : {"x", "y", "z"})
    ASSERT_TRUE(kit.put(kit.b, GroupBody{group, true, id_of(kit.a)}));
  ASSERT_TRUE(roster.append(kit.on(fork, kit.a, GroupBody{"senior", true, id_of(kit.a)})));
  ASSERT_GT(roster.size(), kLoserShare + 3);
  const auto loaded = Roster::from_rows(roster.network(), roster.rows());
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(loaded->head(), roster.head());
  EXPECT_EQ(loaded->size(), roster.size());
}

}  // namespace weft::roster
