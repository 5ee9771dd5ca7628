// N36 and N37: a crash or a failing disk at every single operation of a script of commits.
#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "tests/store/fault_vfs.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

using Commit = std::vector<Row>;

// New rows, replaced ones, deleted ones, several in one commit, and values larger than a page.
std::vector<Commit> script() {
  const std::string large(9000, 'L');
  return {
      {row(Table::Roster, "e1", "genesis"), row(Table::Network, "head", "1")},
      {row(Table::Exposure, "blog", "3000"), row(Table::Access, "1", "ada")},
      {row(Table::Ticket, "t1", "open")},
      {row(Table::Ticket, "t1", "used"), row(Table::Roster, "e2", large),
       row(Table::Network, "head", "2")},
      {without(Table::Exposure, "blog"), without(Table::Access, "1")},
      {row(Table::Peer, "p", large), row(Table::Setting, "port", "4433")},
      {without(Table::Ticket, "t1"), row(Table::Epoch, "n", "5")},
  };
}

// How far each database came: what was acknowledged, and what was under way.
struct Progress {
  Model sure[2];
  std::optional<Commit> under_way;
  int failed = 0;
  bool opened = false;
  bool read_only = false;
};

// Runs the script; the store is closed and opened again in its middle, so that checkpoints on close
// and recovery on open are among the operations. Stops at the first failure if `stop`.
Progress run(const TemporaryHome& home, FaultVfs& vfs, bool stop) {
  Progress progress;
  const auto commits = script();
  std::unique_ptr<Store> store;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (i % 4 == 0) {
      store.reset();
      auto opened = Store::open(home.path(), {vfs.name()});
      if (!opened) return progress;
      store = std::move(*opened);
      progress.opened = true;
    }
    if (store->commit(commits[i])) {
      play(progress.sure[is_trust(commits[i].front().table)], commits[i]);
      continue;
    }
    ++progress.failed;
    progress.read_only |= store->read_only();
    progress.under_way = commits[i];
    if (stop) return progress;
  }
  return progress;
}

// Everything acknowledged is there; what was under way is there whole or not at all.
testing::AssertionResult holds(const TemporaryHome& home, FaultVfs& vfs, const Progress& progress) {
  auto store = Store::open(home.path(), {vfs.name()});
  if (!store) return testing::AssertionFailure() << "does not open: " << store.error().detail;
  for (const bool trust : {false, true}) {
    const auto found = read_all(**store, trust);
    if (!found) return testing::AssertionFailure() << found.error().detail;
    const auto& sure = progress.sure[trust];
    if (*found == sure) continue;
    auto more = sure;
    if (progress.under_way && is_trust(progress.under_way->front().table) == trust)
      play(more, *progress.under_way);
    if (*found != more)
      return testing::AssertionFailure()
             << (trust ? "trust.db" : "state.db") << " holds " << found->size() << " rows, wanted "
             << sure.size() << " or " << more.size();
  }
  return testing::AssertionSuccess();
}

std::uint64_t operations_of_script() {
  const TemporaryHome home;
  FaultVfs vfs("weft-count");
  const auto progress = run(home, vfs, true);
  EXPECT_EQ(progress.failed, 0);
  return vfs.operations();
}

TEST(StoreDurability, ACrashAtEveryOperationLosesNothingAcknowledged) {
  const auto operations = operations_of_script();
  ASSERT_GT(operations, 60U);
  int runs = 0;
  const TemporaryHome home;  // holds the lock alone: the databases live in the VFS
  for (std::uint64_t at = 0; at <= operations; ++at) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE("operation " + std::to_string(at) + " seed " + std::to_string(seed));
      FaultVfs vfs("weft-crash");
      vfs.arm(Fault::Crash, at);
      const auto progress = run(home, vfs, true);
      SeededRng rng(seed * 100'003 + at);
      vfs.lose(seed == 0 ? Loss::All : seed == 1 ? Loss::None : Loss::Some, rng);
      ASSERT_TRUE(holds(home, vfs, progress));
      ++runs;
    }
  }
  RecordProperty("crashes", runs);
  std::printf("crashed %d times over %d operations\n", runs, static_cast<int>(operations));
}

// The control: on a disk whose syncs lie, the same test finds losses.
TEST(StoreDurability, ALyingDiskIsCaught) {
  const TemporaryHome home;
  FaultVfs vfs("weft-lies");
  vfs.arm(Fault::SyncLies, 0);
  const auto progress = run(home, vfs, true);
  ASSERT_EQ(progress.failed, 0);
  SeededRng rng(1);
  vfs.lose(Loss::All, rng);
  EXPECT_FALSE(holds(home, vfs, progress));
}

TEST(StoreDurability, AFailingWriteIsAnErrorAndLosesNothing) {
  const auto operations = operations_of_script();
  const TemporaryHome home;
  for (const auto fault : {Fault::Full, Fault::WriteIo, Fault::Short}) {
    int failures = 0;
    for (std::uint64_t at = 0; at < operations; ++at) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " operation " +
                   std::to_string(at));
      FaultVfs vfs("weft-write");
      vfs.arm(fault, at);
      auto progress = run(home, vfs, true);
      failures += progress.failed;
      EXPECT_FALSE(progress.read_only);  // nothing unknown happened: it may go on
      SeededRng rng(at);
      vfs.lose(Loss::All, rng);
      ASSERT_TRUE(holds(home, vfs, progress));
    }
    EXPECT_GT(failures, 10);
  }
}

TEST(StoreDurability, AfterAFullDiskTheNextCommitWorks) {
  const TemporaryHome home;
  FaultVfs vfs("weft-full");
  auto store = std::move(*Store::open(home.path(), {vfs.name()}));
  for (const auto table : {Table::Ticket, Table::Setting}) {
    vfs.arm(Fault::Full, 0);
    const Commit first{row(table, "a", std::string(9000, 'x'))};
    const auto refused = store->commit(first);
    ASSERT_EQ(code_of(refused), Errc::Storage);
    EXPECT_NE(refused.error().detail.find("disk full"), std::string::npos);
    EXPECT_TRUE(vfs.hit());
    vfs.disarm();
    EXPECT_TRUE(store->load(table)->empty());
    const Commit second{row(table, "b", "y")};
    EXPECT_TRUE(store->commit(second).has_value());
    EXPECT_EQ(store->load(table)->size(), 1U);
  }
}

TEST(StoreDurability, AfterAFailedFlushNothingIsWritten) {
  const auto operations = operations_of_script();
  int failures = 0;
  const TemporaryHome home;
  for (std::uint64_t at = 0; at < operations; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    FaultVfs vfs("weft-sync");
    vfs.arm(Fault::SyncIo, at);
    const auto progress = run(home, vfs, true);
    EXPECT_EQ(progress.read_only, progress.failed > 0);
    failures += progress.failed;
    SeededRng rng(at);
    vfs.lose(Loss::All, rng);
    ASSERT_TRUE(holds(home, vfs, progress));
  }
  EXPECT_GT(failures, 5);
}

TEST(StoreDurability, ReadOnlyIsForBothAndSaysHowToGoOn) {
  const TemporaryHome home;
  FaultVfs vfs("weft-sync");
  auto store = std::move(*Store::open(home.path(), {vfs.name()}));
  vfs.arm(Fault::SyncIo, 0);
  const Commit trust{row(Table::Ticket, "a", "x")};
  const Commit state{row(Table::Setting, "a", "x")};
  ASSERT_EQ(code_of(store->commit(trust)), Errc::Storage);
  vfs.disarm();
  EXPECT_TRUE(store->read_only());
  const auto before = vfs.operations();
  for (const auto& rows : {trust, state}) {
    const auto refused = store->commit(rows);
    ASSERT_EQ(code_of(refused), Errc::Storage);
    EXPECT_NE(refused.error().detail.find("read-only"), std::string::npos);
    EXPECT_NE(refused.error().detail.find("Fix:"), std::string::npos);
  }
  EXPECT_EQ(vfs.operations(), before);
}

}  // namespace
}  // namespace weft::store
