#include "overlay/roster/roster.hpp"

#include <gtest/gtest.h>

#include "tests/roster/kit.hpp"

namespace weft::roster {
namespace {

TEST(Roster, AFounderIsAMemberOfANetworkOfOne) {
  Kit kit;
  const auto found = kit.found();
  EXPECT_EQ(found.head().seq, 0U);
  EXPECT_EQ(found.network().bytes, found.head().hash);
  EXPECT_EQ(found.verdict(found.network(), id_of(kit.a), 0), Verdict::Member);
  EXPECT_EQ(found.verdict(found.network(), id_of(kit.b), 0), Verdict::Unknown);
  EXPECT_EQ(found.verdict(NetworkId{}, id_of(kit.a), 0), Verdict::Unknown);
  EXPECT_EQ(found.node_named(found.network(), "a"), id_of(kit.a));
  EXPECT_EQ(found.name_of(found.network(), id_of(kit.a)), "a");
  EXPECT_TRUE(found.may(id_of(kit.a), kMayExpose | kMayAdmin));
  found.check_invariants();
}

TEST(Roster, MembersCarryNameOwnerAndRights) {
  Kit kit;
  const auto laptop = key_of(10);
  const auto added = kit.put(kit.b, kit.node(laptop, "laptop"));
  ASSERT_TRUE(added.has_value());
  EXPECT_EQ(added->changed, std::vector{id_of(laptop)});
  EXPECT_EQ(added->rows.size(), 2U);  // the entry and the head
  const auto members = kit.roster.members();
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[2].name, "laptop");
  EXPECT_EQ(members[2].owner, kit.person.public_key);
  EXPECT_EQ(members[2].since, kit.now);
  EXPECT_FALSE(kit.roster.may(id_of(laptop), kMayAdmin));
}

TEST(Roster, ATakenNameSaysSo) {
  Kit kit;
  const auto again = kit.put(kit.a, kit.node(key_of(10), "b"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, Errc::AlreadyExists);
  EXPECT_NE(again.error().detail.find("name taken"), std::string::npos);
}

TEST(Roster, OnlyAdminsSign) {
  Kit kit;
  const auto plain = key_of(10);
  kit.add(plain, "plain", kMayExpose);
  const Body body = kit.node(key_of(11), "guest");
  for (const auto& signer : {plain, key_of(99)}) {
    EXPECT_EQ(code_of(kit.roster.propose(signer, body, kit.now)), Errc::Denied);
    const auto before = kit.roster.head();
    EXPECT_EQ(code_of(kit.roster.append(kit.on(before, signer, body))), Errc::Denied);
    EXPECT_EQ(kit.roster.head(), before);
  }
  EXPECT_EQ(kit.roster.refused(), 2U);
  EXPECT_TRUE(kit.put(kit.b, body).has_value());  // the control: an admin may
}

// N17: a key that was removed signs nothing any more.
TEST(Roster, ARemovedKeySignsNothing) {
  Kit kit;
  ASSERT_TRUE(kit.put(kit.b, kit.node(key_of(10), "one")).has_value());
  ASSERT_TRUE(kit.put(kit.a, RemovalBody{false, id_of(kit.b).bytes}).has_value());
  EXPECT_EQ(kit.roster.verdict(kit.roster.network(), id_of(kit.b), 0), Verdict::Removed);
  const Body body = kit.node(key_of(11), "two");
  EXPECT_EQ(code_of(kit.roster.append(kit.on(kit.roster.head(), kit.b, body))), Errc::Denied);
}

TEST(Roster, ALostPersonTakesTheirNodesAlong) {
  Kit kit;
  const auto bob = key_of(20);
  const auto phone = key_of(21);
  ASSERT_TRUE(kit.put(kit.a, PersonBody{bob.public_key, "bob", 0}).has_value());
  ASSERT_TRUE(kit.put(kit.a, NodeBody{phone.public_key, "phone", bob.public_key, kMayExpose}));
  ASSERT_TRUE(kit.put(kit.a, GroupBody{"friends", true, id_of(phone)}).has_value());
  const auto gone = kit.put(kit.a, RemovalBody{true, bob.public_key});
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->changed, std::vector{id_of(phone)});
  EXPECT_EQ(kit.roster.verdict(kit.roster.network(), id_of(phone), 0), Verdict::Removed);
  EXPECT_FALSE(kit.roster.in_group(kit.roster.network(), id_of(phone), "friends"));
  kit.roster.check_invariants();
}

TEST(Roster, SomebodyCanAlwaysSign) {
  Kit kit;
  EXPECT_EQ(code_of(kit.put(kit.a, RemovalBody{true, kit.person.public_key})), Errc::Conflict);
  ASSERT_TRUE(kit.put(kit.a, RemovalBody{false, id_of(kit.b).bytes}).has_value());
  ASSERT_TRUE(kit.put(kit.person, PersonBody{kit.person.public_key, "ada", 0}).has_value());
  EXPECT_EQ(code_of(kit.put(kit.a, RemovalBody{false, id_of(kit.a).bytes})), Errc::Conflict);
  EXPECT_EQ(code_of(kit.put(kit.a, kit.node(kit.a, "a", kMayExpose))), Errc::Conflict);
}

TEST(Roster, GroupsFillAndEmpty) {
  Kit kit;
  const auto& net = kit.roster.network();
  ASSERT_TRUE(kit.put(kit.a, GroupBody{"friends", true, id_of(kit.b)}).has_value());
  EXPECT_TRUE(kit.roster.in_group(net, id_of(kit.b), "friends"));
  EXPECT_EQ(code_of(kit.put(kit.a, GroupBody{"friends", true, id_of(kit.b)})), Errc::AlreadyExists);
  ASSERT_TRUE(kit.put(kit.a, GroupBody{"friends", false, id_of(kit.b)}).has_value());
  EXPECT_FALSE(kit.roster.in_group(net, id_of(kit.b), "friends"));
  EXPECT_EQ(code_of(kit.put(kit.a, GroupBody{"friends", true, id_of(key_of(9))})), Errc::NotFound);
}

TEST(Roster, AKeyChangeKeepsEverythingButTheKey) {
  Kit kit;
  const auto fresh = key_of(30);
  ASSERT_TRUE(kit.put(kit.a, GroupBody{"friends", true, id_of(kit.b)}).has_value());
  KeyChangeBody change{id_of(kit.b), fresh.public_key, {}};
  EXPECT_EQ(code_of(kit.put(kit.a, change)), Errc::BadSignature);
  change.proof = key_change_proof(fresh, kit.roster.network(), id_of(kit.b));
  ASSERT_TRUE(kit.put(kit.a, change).has_value());
  const auto& net = kit.roster.network();
  EXPECT_EQ(kit.roster.verdict(net, id_of(kit.b), 0), Verdict::Removed);
  EXPECT_EQ(kit.roster.node_named(net, "b"), id_of(fresh));
  EXPECT_TRUE(kit.roster.in_group(net, id_of(fresh), "friends"));
  EXPECT_TRUE(kit.roster.may_sign(fresh.public_key));
  EXPECT_FALSE(kit.roster.may_sign(kit.b.public_key));
  kit.roster.check_invariants();
}

// N14: a kind of the future is kept and passed on; only a critical one stops the chain.
TEST(Roster, UnknownKindIsKeptAndPassedOn) {
  Kit kit;
  const auto odd = Entry::sign(kit.a, kit.roster.network(), kit.roster.head(),
                               static_cast<Kind>(4242), Bytes{1, 2, 3}, kit.now);
  ASSERT_TRUE(kit.roster.append(odd).has_value());
  EXPECT_EQ(kit.roster.head(), head_of(odd));
  EXPECT_EQ(kit.roster.entries_after(odd.seq - 1).at(0), odd.encode());
  EXPECT_TRUE(kit.put(kit.a, kit.node(key_of(10), "later")).has_value());
  EXPECT_FALSE(kit.roster.stopped());
}

TEST(Roster, CriticalUnknownKindStopsTheChain) {
  Kit kit;
  const auto head = kit.roster.head();
  const auto odd = Entry::sign(kit.b, kit.roster.network(), head, static_cast<Kind>(4242), Bytes{1},
                               kit.now, true);
  ASSERT_TRUE(kit.roster.append(odd).has_value());
  EXPECT_TRUE(kit.roster.stopped());
  EXPECT_EQ(kit.roster.head(), head);
  ASSERT_TRUE(kit.roster.stop());
  EXPECT_EQ(kit.roster.stop()->signer, kit.b.public_key);
  EXPECT_EQ(kit.roster.stop()->kind, 4242U);
  const Body body = kit.node(key_of(10), "late");
  EXPECT_EQ(code_of(kit.roster.append(kit.on(head_of(odd), kit.a, body))), Errc::Unsupported);
  // Who stopped it, and whoever is junior, cannot go on; a senior sibling wins, and lifts the stop.
  EXPECT_FALSE(kit.roster.may_lift(kit.b.public_key));
  EXPECT_EQ(code_of(kit.roster.propose(kit.b, body, kit.now)), Errc::Unsupported);
  EXPECT_TRUE(kit.roster.may_lift(kit.a.public_key));
  ASSERT_TRUE(kit.put(kit.a, body).has_value());
  EXPECT_FALSE(kit.roster.stopped());
  EXPECT_EQ(kit.roster.head().seq, head.seq + 1);
  kit.roster.check_invariants();
}

TEST(Roster, EntriesOfAnotherNetworkAreRefused) {
  Kit kit;
  const auto foreign = Entry::sign(kit.a, NetworkId{{1}}, kit.roster.head(), Kind::Node,
                                   pack(kit.node(key_of(10), "x")), kit.now);
  EXPECT_EQ(code_of(kit.roster.append(foreign)), Errc::WrongNetwork);
}

TEST(Roster, ASecondGenesisIsRefused) {
  Kit kit;
  GenesisBody body;
  body.network_name = "other";
  body.person_key = kit.person.public_key;
  body.person_name = "ada";
  body.node_key = kit.a.public_key;
  body.node_name = "a";
  const auto again = Entry::sign(kit.person, kit.roster.network(), kit.roster.head(), Kind::Genesis,
                                 pack(body), kit.now);
  EXPECT_EQ(code_of(kit.roster.append(again)), Errc::Conflict);
}

TEST(Roster, AJoinerRebuildsItFromTheChain) {
  Kit kit;
  for (std::uint64_t i = 0; i < 20; ++i) kit.add(key_of(100 + i), "n" + std::to_string(i), 1);
  const auto chain = kit.roster.entries_for({});
  ASSERT_EQ(chain.size(), 22U);
  const auto joined = Roster::from_chain(kit.roster.network(), chain);
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(joined->head(), kit.roster.head());
  EXPECT_EQ(joined->state(), kit.roster.state());
  EXPECT_EQ(code_of(Roster::from_chain(NetworkId{{9}}, chain)), Errc::WrongNetwork);
  auto gap = chain;
  gap.erase(gap.begin() + 5);
  EXPECT_FALSE(Roster::from_chain(kit.roster.network(), gap).has_value());
}

TEST(Roster, SyncSendsWhatTheOtherLacks) {
  Kit kit;
  auto other = std::move(*Roster::from_chain(kit.roster.network(), kit.roster.entries_for({})));
  for (std::uint64_t i = 0; i < 300; ++i) kit.add(key_of(100 + i), "n" + std::to_string(i), 1);
  const auto missing = kit.roster.entries_for(other.locator());
  EXPECT_EQ(missing.size(), 300U);
  const auto taken = other.append_all(missing);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->changed.size(), 300U);
  EXPECT_EQ(other.head(), kit.roster.head());
  EXPECT_TRUE(kit.roster.entries_for(other.locator()).empty());
  EXPECT_TRUE(other.append_all(missing)->already_known);
  EXPECT_EQ(kit.roster.entries_after(0, 7).size(), 7U);
}

// N17: one step over the limit and nothing of it is looked at.
TEST(Roster, ASyncOfTwoThousandAndOneIsRefused) {
  Kit kit;
  const auto next = kit.roster.propose(kit.a, kit.node(key_of(10), "x"), kit.now);
  const std::vector<Bytes> over(kMaxSync + 1, next->encode());
  const auto before = kit.roster.head();
  EXPECT_EQ(code_of(kit.roster.append_all(over)), Errc::Limit);
  EXPECT_EQ(kit.roster.head(), before);
  EXPECT_TRUE(kit.roster.append_all(std::span(over).first(kMaxSync)).has_value());
  EXPECT_EQ(kit.roster.head(), head_of(*next));
}

TEST(Roster, EpochsOnlyRise) {
  Kit kit;
  const auto& net = kit.roster.network();
  const auto row = kit.roster.note_epoch(id_of(kit.b), 100);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->table, Table::Epoch);
  EXPECT_EQ(kit.roster.epoch_floor(net, id_of(kit.b)), 100U);
  EXPECT_FALSE(kit.roster.note_epoch(id_of(kit.b), 99).has_value());
  EXPECT_EQ(kit.roster.epoch_floor(net, id_of(kit.b)), 100U);
  EXPECT_FALSE(kit.roster.note_epoch(id_of(key_of(99)), 5).has_value());
}

TEST(Roster, RowsBringItBackAfterARestart) {
  Kit kit;
  std::ignore = kit.roster.note_epoch(id_of(kit.b), 77);
  const auto stored = kit.roster.rows();
  const std::vector<Row> rows(stored.rbegin(), stored.rend());
  const auto back = Roster::from_rows(kit.roster.network(), rows);
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(back->head(), kit.roster.head());
  EXPECT_EQ(back->epoch_floor(back->network(), id_of(kit.b)), 77U);
  EXPECT_EQ(back->rows().size(), rows.size());
}

// N15: on disk a valid shorter chain, or an older head, is told from the truth.
TEST(Roster, ARolledBackDiskIsNoticed) {
  Kit kit;
  const auto older = kit.roster.rows();
  kit.add(key_of(10), "later", kMayExpose);
  const auto newer = kit.roster.rows();
  const auto& net = kit.roster.network();
  const auto is_head = [](const Row& row) { return row.table == Table::Network; };
  std::vector<Row> shorter = older;  // older entries under the newer head
  std::erase_if(shorter, is_head);
  shorter.push_back(*std::ranges::find_if(newer, is_head));
  EXPECT_EQ(code_of(Roster::from_rows(net, shorter)), Errc::Conflict);
  std::vector<Row> old_head = newer;
  std::erase_if(old_head, is_head);
  old_head.push_back(*std::ranges::find_if(older, is_head));
  EXPECT_EQ(code_of(Roster::from_rows(net, old_head)), Errc::Conflict);
  auto damaged = newer;
  damaged.front().value->back() ^= 1;
  EXPECT_EQ(code_of(Roster::from_rows(net, damaged)), Errc::Conflict);
  EXPECT_TRUE(Roster::from_rows(net, newer).has_value());
}

// N15: a peer that still has the older chain changes nothing here.
TEST(Roster, AnOlderChainFromAPeerChangesNothing) {
  Kit kit;
  const auto older = kit.roster.entries_for({});
  kit.add(key_of(10), "later", kMayExpose);
  const auto head = kit.roster.head();
  const auto taken = kit.roster.append_all(older);
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(taken->already_known);
  EXPECT_TRUE(taken->rows.empty());
  EXPECT_EQ(kit.roster.head(), head);
}

}  // namespace
}  // namespace weft::roster
