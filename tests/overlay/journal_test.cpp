#include "overlay/journal/journal.hpp"

#include <gtest/gtest.h>

#include "base/crypto.hpp"

namespace weft::overlay {
namespace {

NetworkId network(std::string_view name) { return NetworkId{crypto::sha256(bytes_of(name))}; }
const NetworkId kHome = network("home");
const NetworkId kWork = network("work");

Row row(Table table, const NetworkId& of, std::string_view key, std::string_view value) {
  return {table, of, to_bytes(bytes_of(key)), to_bytes(bytes_of(value))};
}
const auto kFull = fail(Errc::Storage, "the disk is full");

struct Desk {
  // How a batch went, in the order its continuation ran.
  std::vector<std::string> told;

  void ask(const NetworkId& owner, std::string name, std::vector<Row> rows,
           Again again = Again::UntilStored) {
    const auto then = [this, name](Instant, const Result<void>& stored) {
      told.push_back(name + (stored ? " stored" : " refused"));
    };
    journal.store(owner, {std::move(rows), then, again});
  }
  std::vector<NetworkId> answer(std::uint64_t id, const Result<void>& result) {
    const auto settled = journal.persisted(now, id, result);
    EXPECT_TRUE(settled.has_value());
    if (!settled) return {};
    if (settled->then) settled->then(now, settled->result);
    return settled->whole;
  }
  std::vector<Persist> poll() {
    std::vector<Persist> out;
    while (auto batch = journal.poll_persist()) out.push_back(std::move(*batch));
    return out;
  }

  Instant now{};
  Journal journal;
};

TEST(Journal, RosterRowsGoOneBatchAfterTheOther) {
  Desk t;
  t.ask(kHome, "one", {row(Table::Roster, kHome, "1", "a")});
  t.ask(kHome, "two", {row(Table::Roster, kHome, "2", "b")});
  t.ask(kHome, "peer", {row(Table::Peer, kHome, "p", "x")});
  const auto first = t.poll();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].rows[0].table, Table::Roster);
  EXPECT_EQ(first[1].rows[0].table, Table::Peer);
  EXPECT_TRUE(t.journal.roster_unstored(kHome));
  EXPECT_TRUE(t.answer(first[0].id, {}).empty());
  const auto second = t.poll();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(t.answer(second[0].id, {}), std::vector{kHome});
  EXPECT_FALSE(t.journal.roster_unstored(kHome));
  EXPECT_EQ(t.told, (std::vector<std::string>{"one stored", "two stored"}));
}

TEST(Journal, WhatTheDiskRefusedGoesFirstInTheNextRosterBatch) {
  Desk t;
  t.ask(kHome, "one", {row(Table::Roster, kHome, "1", "a")});
  t.answer(t.poll().at(0).id, kFull);
  EXPECT_TRUE(t.journal.roster_unstored(kHome));
  EXPECT_EQ(t.journal.trouble(), "the disk is full");
  t.ask(kWork, "other", {row(Table::Roster, kWork, "2", "b")});
  const auto batch = t.poll();
  ASSERT_EQ(batch.size(), 1u);
  ASSERT_EQ(batch[0].rows.size(), 2u);
  EXPECT_EQ(batch[0].rows[0].network, kHome);
  EXPECT_EQ(t.answer(batch[0].id, {}).size(), 2u);  // both networks are whole now
  EXPECT_FALSE(t.journal.trouble().has_value());
}

TEST(Journal, RefusedRowsAreTriedAgainTheNewestOfEachKey) {
  Desk t;
  t.ask(kHome, "old", {row(Table::Peer, kHome, "p", "old")});
  t.ask(kHome, "new", {row(Table::Peer, kHome, "p", "new")});
  t.ask(kHome, "never", {row(Table::Mapping, kHome, "m", "door")}, Again::Never);
  for (const auto& batch : t.poll()) t.answer(batch.id, kFull);
  EXPECT_EQ(t.journal.unsaved(), 1u);
  ASSERT_EQ(t.journal.poll_timeout(), t.now + kRetryStore);
  t.now += kRetryStore;
  t.journal.handle_timeout(t.now);
  const auto again = t.poll();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].rows, std::vector{row(Table::Peer, kHome, "p", "new")});
  EXPECT_EQ(t.journal.unsaved(), 0u);
  t.answer(again[0].id, {});
  EXPECT_FALSE(t.journal.trouble().has_value());
  EXPECT_EQ(t.journal.counters().refused, 3u);
}

TEST(Journal, ANetworkThatGoesLeavesItsRowsAndTakesItsContinuations) {
  Desk t;
  t.ask(kHome, "home", {row(Table::Peer, kHome, "p", "x")});
  t.ask(kWork, "work", {row(Table::Peer, kWork, "p", "y")});
  const auto batches = t.poll();
  for (const auto& then : t.journal.forget(kHome)) then(t.now, kFull);
  EXPECT_EQ(t.told, std::vector<std::string>{"home refused"});
  for (const auto& batch : batches) t.answer(batch.id, {});
  EXPECT_EQ(t.told, (std::vector<std::string>{"home refused", "work stored"}));
  EXPECT_FALSE(t.journal.persisted(t.now, batches[0].id, {}).has_value());
}

}  // namespace
}  // namespace weft::overlay
