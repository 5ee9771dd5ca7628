// Who takes what from whom: removal wins, seniority limits it (docs/trust.md).
#include <gtest/gtest.h>

#include <numeric>

#include "overlay/roster/roster.hpp"
#include "tests/roster/kit.hpp"

namespace weft::roster {
namespace {

constexpr MayFlags kAdmin = kMayExpose | kMayAdmin;

bool in(const Roster& roster, const crypto::Ed25519KeyPair& key) {
  return roster.member(id_of(key)) != nullptr;
}
RemovalBody removal_of(const crypto::Ed25519KeyPair& key) { return {false, id_of(key).bytes}; }

// Every order of arrival ends in one head and one state, and `holds` is true there.
template <class Holds>
void in_any_order(const Kit& kit, const std::vector<Entry>& entries, Holds holds) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::optional<State> one;
  do {
    auto roster = std::move(*Roster::from_chain(kit.roster.network(), kit.roster.entries_for({})));
    for (const auto i : order) std::ignore = roster.append(entries[i]);
    roster.check_invariants();
    ASSERT_TRUE(holds(roster));
    if (!one) one = roster.state();
    ASSERT_EQ(roster.state(), *one);
  } while (std::next_permutation(order.begin(), order.end()));
}

// F2: b, removed, writes with its old copy beside what a junior had written before the removal.
TEST(Authority, ARemovedAdminsOldCopyBringsNobodyIn) {
  Kit kit;
  const auto junior = key_of(4);
  const auto accomplice = key_of(5);
  kit.add(junior, "junior", kAdmin);
  const auto fork = kit.roster.head();
  const auto group = kit.on(fork, junior, GroupBody{"friends", true, id_of(kit.a)});
  const auto out = kit.on(head_of(group), kit.a, removal_of(kit.b));
  const auto evil = kit.on(fork, kit.b, kit.node(accomplice, "e", kAdmin));
  const auto coup = kit.on(head_of(evil), accomplice, removal_of(kit.a));
  in_any_order(kit, {group, out, evil, coup}, [&](const Roster& roster) {
    return in(roster, kit.a) && !in(roster, kit.b) && !in(roster, accomplice) &&
           in(roster, junior) && roster.head() == head_of(out);
  });
}

// F2, without a junior: beside b's own last entry, where the lower hash decides.
TEST(Authority, ARemovedAdminsSecondWordIsVoidWhateverItsHash) {
  for (std::uint64_t i = 0; i < 8; ++i) {
    Kit kit;
    const auto fork = kit.roster.head();
    const auto own = kit.on(fork, kit.b, GroupBody{"friends", true, id_of(kit.a)});
    const auto out = kit.on(head_of(own), kit.a, removal_of(kit.b));
    const auto evil = kit.on(fork, kit.b, kit.node(key_of(100 + i), "e", kAdmin));
    in_any_order(kit, {own, out, evil}, [&](const Roster& roster) {
      return !in(roster, kit.b) && !in(roster, key_of(100 + i)) && roster.head() == head_of(out);
    });
  }
}

// The removal itself lost a fork, and its author is away: it holds all the same.
TEST(Authority, ARemovalHoldsBesideTheChain) {
  Kit kit;
  const auto junior = key_of(4);
  const auto guest = key_of(6);
  kit.add(junior, "junior", kAdmin);
  kit.add(guest, "guest", kMayExpose);
  const auto fork = kit.roster.head();
  const auto out = kit.on(fork, junior, removal_of(guest));
  const auto senior = kit.on(fork, kit.a, GroupBody{"friends", true, id_of(kit.a)});
  in_any_order(kit, {out, senior}, [&](const Roster& roster) {
    return !in(roster, guest) && roster.head() == head_of(senior) &&
           roster.verdict(roster.network(), id_of(guest), 0) == Verdict::Removed;
  });
  for (const auto& entry : {out, senior}) ASSERT_TRUE(kit.roster.append(entry));
  EXPECT_EQ(kit.roster.beside(), std::vector<Bytes>{out.encode()});
  // Nothing may be signed about who is out; its author says it again, and then the chain says it.
  EXPECT_EQ(code_of(kit.put(kit.a, GroupBody{"friends", true, id_of(guest)})), Errc::NotFound);
  EXPECT_TRUE(kit.roster.pending_losers(kit.a.public_key).empty());
  const auto pending = kit.roster.pending_losers(junior.public_key);
  ASSERT_EQ(pending.size(), 1U);
  ASSERT_TRUE(kit.roster.append(*kit.roster.resign(junior, pending[0], kit.now)));
  EXPECT_TRUE(kit.roster.beside().empty());
  EXPECT_FALSE(in(kit.roster, guest));
  kit.roster.check_invariants();
}

// Its signer was removed later, knowing it: others say it again.
TEST(Authority, WhatARemovedAdminHadRemovedBeforeStaysOut) {
  Kit kit;
  const auto guest = key_of(6);
  kit.add(guest, "guest", kMayExpose);
  const auto fork = kit.roster.head();
  const auto out = kit.on(fork, kit.b, removal_of(guest));
  const auto next = kit.on(head_of(out), kit.a, removal_of(kit.b));
  const auto founder = kit.on(fork, kit.person, GroupBody{"friends", true, id_of(kit.a)});
  in_any_order(kit, {out, next, founder}, [&](const Roster& roster) {
    return !in(roster, guest) && !in(roster, kit.b) && roster.head() == head_of(founder);
  });
  for (const auto& entry : {out, next, founder}) ASSERT_TRUE(kit.roster.append(entry));
  const auto pending = kit.roster.pending_losers(kit.a.public_key);
  ASSERT_EQ(pending.size(), 2U);  // b's removal of the guest first, else b's own would void it
  for (const auto& loser : pending)
    ASSERT_TRUE(kit.roster.append(*kit.roster.resign(kit.a, loser, kit.now)));
  EXPECT_TRUE(kit.roster.beside().empty());
  EXPECT_FALSE(in(kit.roster, guest));
  EXPECT_FALSE(in(kit.roster, kit.b));
}

TEST(Authority, WhoWasRemovedStaysOut) {
  Kit kit;
  ASSERT_TRUE(kit.put(kit.a, removal_of(kit.b)));
  EXPECT_EQ(code_of(kit.put(kit.a, kit.node(kit.b, "b-again"))), Errc::Conflict);
  EXPECT_EQ(code_of(kit.put(kit.a, PersonBody{kit.b.public_key, "bob", 0})), Errc::Conflict);
}

TEST(Authority, AnAdminIsChangedByItselfOrItsSeniorOnly) {
  Kit kit;
  const auto junior = key_of(4);
  kit.add(junior, "junior", kAdmin);
  for (const auto& body :
       {Body{removal_of(kit.b)}, Body{kit.node(kit.b, "b", kMayExpose)},
        Body{kit.node(kit.b, "other", kAdmin)}, Body{PersonBody{kit.person.public_key, "eve", 7}},
        Body{removal_of(kit.a)}})
    EXPECT_EQ(code_of(kit.put(junior, body)), Errc::Denied);
  EXPECT_TRUE(kit.put(kit.b, kit.node(junior, "j", kAdmin)));        // its junior
  EXPECT_TRUE(kit.put(junior, kit.node(junior, "junior", kAdmin)));  // itself
  EXPECT_TRUE(kit.put(junior, removal_of(junior)));
  EXPECT_FALSE(in(kit.roster, junior));
}

TEST(Authority, WhoRisesIsJuniorFromThenOn) {
  Kit kit;
  const auto early = key_of(4);
  const auto late = key_of(5);
  kit.add(early, "early", kMayExpose);
  kit.add(late, "late", kAdmin);
  ASSERT_TRUE(kit.put(kit.a, kit.node(early, "early", kAdmin)));
  EXPECT_EQ(code_of(kit.put(early, removal_of(late))), Errc::Denied);
  EXPECT_TRUE(kit.put(late, removal_of(early)));
}

TEST(Authority, AnyMemberRemovesItselfAndNothingElse) {
  Kit kit;
  const auto guest = key_of(4);
  const auto other = key_of(5);
  kit.add(guest, "guest", kMayExpose);
  kit.add(other, "other", kMayExpose);
  EXPECT_EQ(code_of(kit.put(guest, removal_of(other))), Errc::Denied);
  EXPECT_EQ(code_of(kit.put(guest, kit.node(guest, "x"))), Errc::Denied);
  ASSERT_TRUE(kit.put(guest, removal_of(guest)));
  EXPECT_FALSE(in(kit.roster, guest));
  EXPECT_EQ(code_of(kit.put(key_of(99), removal_of(key_of(99)))), Errc::NotFound);
}

// ---- more than half of the other admins ---------------------------------------------------------

struct Council : Kit {
  Council() {
    add(c, "c", kAdmin);
    add(d, "d", kAdmin);
  }
  [[nodiscard]] Entry together(const Head& parent,
                               const std::vector<crypto::Ed25519KeyPair>& keys) const {
    auto entry = on(parent, keys[0], removal_of(b));
    for (std::size_t i = 1; i < keys.size(); ++i) entry.cosign(keys[i]);
    return entry;
  }
  crypto::Ed25519KeyPair c = key_of(4);
  crypto::Ed25519KeyPair d = key_of(5);
  crypto::Ed25519KeyPair e = key_of(6);
};

TEST(Authority, MoreThanHalfOfTheOthersRemoveASenior) {
  Council kit;  // admins: the person, a, b, c, d; the others of b are four
  const auto head = kit.roster.head();
  EXPECT_EQ(code_of(kit.roster.append(kit.together(head, {kit.c}))), Errc::Denied);
  EXPECT_EQ(code_of(kit.roster.append(kit.together(head, {kit.c, kit.d}))), Errc::Denied);
  EXPECT_EQ(code_of(kit.roster.append(kit.together(head, {kit.b, kit.c, kit.d}))), Errc::Denied);
  EXPECT_EQ(code_of(kit.roster.append(kit.together(head, {kit.c, kit.d, kit.e}))), Errc::Denied);
  const auto three = kit.together(head, {kit.c, kit.d, kit.a});
  const auto back = Entry::decode(three.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->others.size(), 2U);
  ASSERT_TRUE(kit.roster.append(three));
  EXPECT_FALSE(in(kit.roster, kit.b));
  kit.roster.check_invariants();
}

// Two who were removed were once a majority: their old copies must not take the founder's network.
TEST(Authority, RemovedAdminsAreNoMajority) {
  Council kit;
  const auto fork = kit.roster.head();
  const auto c_out = kit.on(fork, kit.a, removal_of(kit.c));
  const auto d_out = kit.on(head_of(c_out), kit.a, removal_of(kit.d));
  const auto coup = kit.together(fork, {kit.c, kit.d, kit.person});
  in_any_order(kit, {c_out, d_out, coup}, [&](const Roster& roster) {
    return in(roster, kit.b) && !in(roster, kit.c) && !in(roster, kit.d);
  });
}

TEST(Authority, OnlyRemovalsCarrySeveralSignatures) {
  Council kit;
  auto entry = kit.together(kit.roster.head(), {kit.c, kit.d});
  EXPECT_TRUE(Entry::decode(entry.encode()));
  std::swap(entry.others[0].signer, entry.signer);
  std::swap(entry.others[0].signature, entry.signature);
  EXPECT_EQ(code_of(Entry::decode(entry.encode())), Errc::NonCanonical);
  std::swap(entry.others[0].signer, entry.signer);
  EXPECT_EQ(code_of(Entry::decode(entry.encode())), Errc::BadSignature);
  auto node = kit.on(kit.roster.head(), kit.a, kit.node(key_of(9), "x"));
  node.others.push_back({kit.person.public_key, {}});
  EXPECT_EQ(code_of(Entry::decode(node.encode())), Errc::Malformed);
}

// ---- what is lost is said, strangers are not believed, the roster is never too full -------------

TEST(Authority, AReorganisationSaysWhatIsLost) {
  Kit kit;
  const auto fork = kit.roster.head();
  const auto junior = kit.on(fork, kit.b, kit.node(key_of(10), "x"));
  ASSERT_TRUE(kit.roster.append(junior));
  const auto taken = kit.roster.append(kit.on(fork, kit.a, kit.node(key_of(11), "y")));
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->reorganised);
  ASSERT_EQ(taken->lost.size(), 1U);
  EXPECT_EQ(taken->lost[0].encode(), junior.encode());
}

// What b changed of somebody whom only a void entry let in must not, signed again, let it in.
TEST(Authority, AChangeOfSomebodyWhoIsOutLetsNobodyIn) {
  Kit kit;
  const auto evil = key_of(4);
  const auto guest = key_of(5);
  kit.add(evil, "evil", kAdmin);
  const auto fork = kit.roster.head();
  const auto out = kit.on(fork, kit.a, removal_of(evil));
  const auto in_by_evil = kit.on(fork, evil, kit.node(guest, "guest", kAdmin));
  const auto change = kit.on(head_of(in_by_evil), kit.b, kit.node(guest, "guest", kMayExpose));
  for (const auto& entry : {in_by_evil, change, out}) ASSERT_TRUE(kit.roster.append(entry));
  EXPECT_FALSE(in(kit.roster, guest));
  EXPECT_TRUE(kit.roster.pending_losers(kit.b.public_key).empty());
}

TEST(Authority, AStrangersEntriesCountIfAnAdminOfOursSignedThem) {
  Kit kit;
  const auto guest = key_of(6);
  const auto fork = kit.roster.head();
  ASSERT_TRUE(kit.put(kit.a, removal_of(kit.b)));
  const auto size = kit.roster.size();
  const std::vector<Bytes> old_copy{kit.on(fork, kit.b, kit.node(guest, "e", kAdmin)).encode()};
  ASSERT_TRUE(kit.roster.append_all(old_copy, From::Stranger));
  EXPECT_EQ(kit.roster.size(), size);
  const auto good = kit.on(kit.roster.head(), kit.a, kit.node(guest, "guest"));
  const auto gap = kit.on(head_of(good), kit.a, kit.node(key_of(7), "other"));
  ASSERT_TRUE(kit.roster.append_all(std::vector<Bytes>{gap.encode()}, From::Stranger));
  EXPECT_EQ(kit.roster.size(), size);  // its parent is not here: a member may send it, no stranger
  ASSERT_TRUE(
      kit.roster.append_all(std::vector<Bytes>{good.encode(), gap.encode()}, From::Stranger));
  EXPECT_TRUE(in(kit.roster, guest));
  EXPECT_TRUE(in(kit.roster, key_of(7)));
}

// F11: b writes as much as it may, the founder fills the rest; b can still be removed.
TEST(Authority, AFullRosterStillRemoves) {
  Kit kit;
  State state = kit.roster.state();
  std::uint64_t seq = kit.roster.head().seq;
  const auto write = [&](const crypto::Ed25519KeyPair& signer, const Body& body) {
    Entry entry;  // a state asks who signed, not whether the signature is good: decode() did
    entry.network = kit.roster.network();
    entry.seq = seq + 1;
    entry.kind = static_cast<std::uint64_t>(kind_of(body));
    entry.body = pack(body);
    entry.signer = signer.public_key;
    const auto applied = state.apply(entry);
    if (applied) ++seq;
    return applied;
  };
  bool add = false;
  const auto fill = [&](const crypto::Ed25519KeyPair& signer) {
    std::uint64_t count = 0;
    while (write(signer, GroupBody{"g", add = !add, id_of(kit.a)})) ++count;
    add = !add;
    return count;
  };
  const auto by_b = fill(kit.b);
  EXPECT_GT(by_b, kMaxChain / 4);
  EXPECT_LT(by_b, kMaxChain / 2);
  // Whom it lets in has no share of its own: they use up b's.
  EXPECT_EQ(code_of(write(kit.b, kit.node(key_of(8), "helper", kAdmin))), Errc::Limit);
  EXPECT_GT(fill(kit.a), kMaxChain / 2);
  EXPECT_EQ(seq, kMaxChain - 1);
  EXPECT_EQ(code_of(write(kit.person, kit.node(key_of(8), "more"))), Errc::Limit);
  ASSERT_TRUE(write(kit.a, removal_of(kit.b)));
  EXPECT_EQ(state.member(id_of(kit.b)), nullptr);
}

// What is void takes little room beside the chain, and none from removals.
TEST(Authority, VoidEntriesLeaveRoomForRemovals) {
  Kit kit;
  const auto fork = kit.roster.head();
  ASSERT_TRUE(kit.put(kit.a, removal_of(kit.b)));
  std::size_t taken = 0;
  Result<Appended> result;
  do {
    result = kit.roster.append(
        kit.on(fork, kit.b, GroupBody{"g" + std::to_string(taken++), true, id_of(kit.a)}));
  } while (result && taken < 2 * kLoserShare);
  EXPECT_EQ(code_of(result), Errc::Limit);
  EXPECT_LE(taken, kLoserShare + 1);
  const auto more = kit.on(fork, kit.person, GroupBody{"more", true, id_of(kit.a)});
  ASSERT_TRUE(kit.roster.append(more));
  EXPECT_EQ(kit.roster.head(), head_of(more));
  EXPECT_FALSE(in(kit.roster, kit.b));
}

}  // namespace
}  // namespace weft::roster
