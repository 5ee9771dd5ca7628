// Group commit: what is shared, and what stays each one's own, also where the disk fails.
#include "node/store/batch.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "node/store/database.hpp"
#include "tests/store/fault_vfs.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

Job change(std::vector<Row> rows) { return {Job::Kind::Change, std::move(rows), {}, {}}; }
Job read(Job::Work work) { return {Job::Kind::Read, {}, std::move(work), {}}; }

std::string text(const std::optional<Bytes>& value) {
  return value ? std::string(text_of(*value)) : "none";
}

TEST(Batch, ChangesOfOneDatabaseShareTheirFlushes) {
  const TemporaryHome home;
  FaultVfs vfs("weft-batch");
  auto store = std::move(*Store::open(home.path(), {vfs.name()}));
  std::vector<Job> jobs;
  for (int i = 0; i < 64; ++i) jobs.push_back(change({row(Table::Access, std::to_string(i), "x")}));
  const auto before = vfs.syncs();
  std::ignore = run_batch(*store, std::span(jobs).first(1));
  const auto one = vfs.syncs() - before;
  for (const auto& result : run_batch(*store, jobs)) EXPECT_TRUE(result.has_value());
  EXPECT_GT(one, 0U);
  EXPECT_EQ(vfs.syncs() - before - one, one);  // 64 cost what one costs
  EXPECT_EQ(store->load(Table::Access)->size(), 64U);
}

TEST(Batch, DatabasesTakeTurnsInTheOrderOfTheJobs) {
  const TemporaryHome home;
  auto store = std::move(*Store::open(home.path()));
  const std::vector<Job> jobs{
      change({row(Table::Ticket, "a", "1")}), change({}), change({row(Table::Access, "a", "1")}),
      change({row(Table::Access, "a", "2")}), change({row(Table::Ticket, "a", "2")})};
  for (const auto& result : run_batch(*store, jobs)) EXPECT_TRUE(result.has_value());
  EXPECT_EQ(*store->load(Table::Ticket), std::vector{row(Table::Ticket, "a", "2")});
  EXPECT_EQ(*store->load(Table::Access), std::vector{row(Table::Access, "a", "2")});
}

TEST(Batch, AReadSeesWhatWasBeforeItAndNothingBehind) {
  const TemporaryHome home;
  auto store = std::move(*Store::open(home.path()));
  std::vector<std::string> seen;
  const auto look = [&](Store& from) -> Result<void> {
    WEFT_TRY(const auto value, from.get(Table::Access, NetworkId{{7}}, bytes_of("k")));
    seen.push_back(text(value));
    return {};
  };
  const std::vector<Job> jobs{read(look), change({row(Table::Access, "k", "1")}),
                              read(look), change({row(Table::Access, "k", "2")}),
                              read(look), change({without(Table::Access, "k")}),
                              read(look)};
  for (const auto& result : run_batch(*store, jobs)) EXPECT_TRUE(result.has_value());
  EXPECT_EQ(seen, (std::vector<std::string>{"none", "1", "2", "none"}));
}

TEST(Batch, OneThatIsRefusedTakesNobodyWithIt) {
  const TemporaryHome home;
  auto store = std::move(*Store::open(home.path()));
  const std::vector<Job> jobs{
      change({row(Table::Access, "a", "1")}),
      change({row(Table::Access, "half", "1"), row(Table::Access, "b", std::string(kMaxRow, 'x'))}),
      change({row(Table::Access, "c", "1")})};
  const auto results = run_batch(*store, jobs);
  EXPECT_TRUE(results[0].has_value());
  EXPECT_EQ(code_of(results[1]), Errc::Limit);
  EXPECT_TRUE(results[2].has_value());
  store.reset();
  store = std::move(*Store::open(home.path()));  // its seal is right
  EXPECT_EQ(*store->load(Table::Access),
            (std::vector{row(Table::Access, "a", "1"), row(Table::Access, "c", "1")}));
}

// The same one room below, where sqlite itself refuses: a constraint.
TEST(Batch, AConstraintUndoesItsOwnChangeAlone) {
  const TemporaryHome home;
  std::string sql = "CREATE TABLE seal (id INTEGER PRIMARY KEY, generation, rows, digest, mac);";
  for (const auto& info : kTables)
    if (!info.trust)
      sql += "CREATE TABLE " + std::string(info.name) +
             " (network BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, mac BLOB NOT NULL,"
             " CHECK (value <> x'00'), PRIMARY KEY (network, key)) WITHOUT ROWID;";
  const Migration strict[] = {{1, sql}};
  const DatabaseSpec spec{"x.db", "PRAGMA journal_mode=WAL;", strict, false, 1};
  const std::string_view bad("\0", 1);
  Database database(home.path() / "x.db", "", Sealer({}));
  const auto opened = database.open(spec, IfOlder::Create);
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  ASSERT_TRUE(database.begin().has_value());
  EXPECT_TRUE(database.add(std::vector{row(Table::Setting, "a", "1")}).has_value());
  EXPECT_EQ(code_of(database.add(
                std::vector{row(Table::Setting, "a", "2"), row(Table::Setting, "b", bad)})),
            Errc::Storage);
  EXPECT_TRUE(database.add(std::vector{row(Table::Setting, "c", "3")}).has_value());
  EXPECT_TRUE(database.finish().has_value());
  EXPECT_EQ(*database.load(Table::Setting),
            (std::vector{row(Table::Setting, "a", "1"), row(Table::Setting, "c", "3")}));
  EXPECT_EQ(database.generation(), 1U);
  // A group of which nothing is left stores nothing.
  ASSERT_TRUE(database.begin().has_value());
  EXPECT_FALSE(database.add(std::vector{row(Table::Setting, "b", bad)}).has_value());
  EXPECT_TRUE(database.finish().has_value());
  EXPECT_EQ(database.generation(), 1U);
}

TEST(Batch, WhereTheDiskIsFullWhoFitsStillGetsIn) {
  const TemporaryHome home;
  FaultVfs vfs("weft-room");
  {
    auto store = std::move(*Store::open(home.path(), {vfs.name()}));
    for (const auto table : {Table::Access, Table::Ticket}) {
      vfs.set_room(vfs.size() + 200'000);
      const std::vector<Job> jobs{change({row(table, "a", "1")}),
                                  change({row(table, "b", std::string(1'000'000, 'x'))}),
                                  change({row(table, "c", "1")})};
      const auto results = run_batch(*store, jobs);
      EXPECT_TRUE(results[0].has_value()) << results[0].error().detail;
      ASSERT_EQ(code_of(results[1]), Errc::Storage);
      EXPECT_NE(results[1].error().detail.find("disk full"), std::string::npos);
      EXPECT_TRUE(results[2].has_value()) << results[2].error().detail;
      vfs.set_room(std::nullopt);
    }
  }
  SeededRng rng(1);
  vfs.lose(Loss::All, rng);
  auto store = std::move(*Store::open(home.path(), {vfs.name()}));
  for (const auto table : {Table::Access, Table::Ticket})
    EXPECT_EQ(*store->load(table), (std::vector{row(table, "a", "1"), row(table, "c", "1")}));
}

// ---- a crash, or a failing flush, at every operation --------------------------------------------

// Both databases, single changes among groups, replaced and deleted rows, values over a page.
std::vector<std::vector<Job>> script() {
  const std::string large(9000, 'L');
  std::vector<std::vector<Job>> out;
  for (int round = 0; round < 3; ++round) {
    const auto r = std::to_string(round);
    std::vector<Job> jobs;
    for (int i = 0; i < 6; ++i)
      jobs.push_back(change({row(Table::Access, "rule" + std::to_string(i), r),
                             row(Table::Exposure, "blog", r + std::to_string(i))}));
    jobs.push_back(change({row(Table::Epoch, "n", r)}));
    jobs.push_back(change({row(Table::Roster, "e" + r, large), row(Table::Network, "head", r)}));
    jobs.push_back(read([](Store& store) -> Result<void> {
      WEFT_CHECK(store.scan(scan_of_prefix(Table::Access, NetworkId{{7}}, {})));
      return {};
    }));
    jobs.push_back(change({row(Table::Mapping, "door", large), without(Table::Access, "rule2")}));
    jobs.push_back(change({row(Table::Peer, "p", r)}));
    out.push_back(std::move(jobs));
    out.push_back({});
    out.back().push_back(change({without(Table::Epoch, "n")}));
  }
  return out;
}

struct Progress {
  Model sure;                          // acknowledged
  std::vector<std::vector<Row>> open;  // not acknowledged, in order
  int failed = 0;
};

Progress play_script(const TemporaryHome& home, FaultVfs& vfs) {
  Progress progress;
  auto opened = Store::open(home.path(), {vfs.name()});
  if (!opened) return progress;
  for (const auto& jobs : script()) {
    const auto results = run_batch(**opened, jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i].kind != Job::Kind::Change) continue;
      progress.failed += results[i] ? 0 : 1;
      if (!results[i])
        progress.open.push_back(jobs[i].rows);
      else
        play(progress.sure, jobs[i].rows);
    }
    if (progress.failed > 0) break;  // the first failure ends it: the process is gone
  }
  return progress;
}

// What is found is what was acknowledged and a prefix of the rest, each of it whole.
testing::AssertionResult is_prefix(const TemporaryHome& home, FaultVfs& vfs,
                                   const Progress& progress) {
  auto store = Store::open(home.path(), {vfs.name()});
  if (!store) return testing::AssertionFailure() << "does not open: " << store.error().detail;
  Model found;
  for (const bool trust : {false, true}) {
    const auto half = read_all(**store, trust);
    if (!half) return testing::AssertionFailure() << half.error().detail;
    found.insert(half->begin(), half->end());
  }
  Model more = progress.sure;
  if (found == more) return testing::AssertionSuccess();
  for (const auto& rows : progress.open) {
    play(more, rows);
    if (found == more) return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << found.size() << " rows, " << progress.sure.size()
                                     << " acknowledged, " << progress.open.size() << " open";
}

std::uint64_t operations_of_script() {
  const TemporaryHome home;
  FaultVfs vfs("weft-count");
  EXPECT_EQ(play_script(home, vfs).failed, 0);
  return vfs.operations();
}

TEST(BatchDurability, ACrashAtEveryOperationLeavesAPrefixAndAllThatWasAcknowledged) {
  const auto operations = operations_of_script();
  ASSERT_GT(operations, 40U);
  const TemporaryHome home;
  int failures = 0;
  for (std::uint64_t at = 0; at <= operations; ++at) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE("operation " + std::to_string(at) + " seed " + std::to_string(seed));
      FaultVfs vfs("weft-crash");
      vfs.arm(Fault::Crash, at);
      const auto progress = play_script(home, vfs);
      failures += progress.failed > 0 ? 1 : 0;
      SeededRng rng(seed * 100'003 + at);
      vfs.lose(seed == 0 ? Loss::All : seed == 1 ? Loss::None : Loss::Some, rng);
      ASSERT_TRUE(is_prefix(home, vfs, progress));
    }
  }
  EXPECT_GT(failures, 40);
}

TEST(BatchDurability, ALyingDiskIsCaught) {
  const TemporaryHome home;
  FaultVfs vfs("weft-lies");
  vfs.arm(Fault::SyncLies, 0);
  const auto progress = play_script(home, vfs);
  ASSERT_EQ(progress.failed, 0);
  SeededRng rng(1);
  vfs.lose(Loss::All, rng);
  EXPECT_FALSE(is_prefix(home, vfs, progress));
}

TEST(BatchDurability, AfterAFailedFlushNothingIsTriedAgain) {
  const auto operations = operations_of_script();
  const TemporaryHome home;
  int failures = 0;
  for (std::uint64_t at = 0; at < operations; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    FaultVfs vfs("weft-sync");
    vfs.arm(Fault::SyncIo, at);
    const auto progress = play_script(home, vfs);
    failures += progress.failed > 0 ? 1 : 0;
    SeededRng rng(at);
    vfs.lose(Loss::All, rng);
    ASSERT_TRUE(is_prefix(home, vfs, progress));
  }
  EXPECT_GT(failures, 5);
}

TEST(BatchDurability, AWriteThatFailsOnceLosesNothing) {
  const auto operations = operations_of_script();
  const TemporaryHome home;
  for (const auto fault : {Fault::Full, Fault::WriteIo, Fault::Short}) {
    for (std::uint64_t at = 0; at < operations; at += 3) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " operation " +
                   std::to_string(at));
      FaultVfs vfs("weft-write");
      vfs.arm(fault, at);
      const auto progress = play_script(home, vfs);
      SeededRng rng(at);
      vfs.lose(Loss::All, rng);
      ASSERT_TRUE(is_prefix(home, vfs, progress));
    }
  }
}

}  // namespace
}  // namespace weft::store
