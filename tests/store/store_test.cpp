#include "node/store/store.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "node/store/database.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

Bytes contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void overwrite(const fs::path& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}
void execute(const fs::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(handle);
}

TEST(Store, RemembersRowsOverARestart) {
  const TemporaryHome home;
  std::vector<Row> rows{row(Table::Roster, "b", "2"), row(Table::Roster, "a", "1"),
                        row(Table::Epoch, "a", "")};
  {
    auto store = Store::open(home.path());
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    ASSERT_TRUE((*store)->commit(rows).has_value());
    ASSERT_TRUE((*store)->commit(std::vector{row(Table::Setting, "port", "4433")}).has_value());
    ASSERT_TRUE((*store)->commit(std::vector{without(Table::Roster, "b")}).has_value());
    ASSERT_TRUE((*store)->commit(std::vector{row(Table::Roster, "a", "3")}).has_value());
  }
  auto store = Store::open(home.path());
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(*(*store)->load(Table::Roster), std::vector{row(Table::Roster, "a", "3")});
  EXPECT_EQ(*(*store)->load(Table::Epoch), std::vector{row(Table::Epoch, "a", "")});
  EXPECT_EQ(*(*store)->load(Table::Setting), std::vector{row(Table::Setting, "port", "4433")});
}

TEST(Store, NetworksAreKeptApart) {
  const TemporaryHome home;
  auto store = std::move(*Store::open(home.path()));
  auto other = row(Table::Peer, "p", "2");
  other.network = NetworkId{{8}};
  ASSERT_TRUE(store->commit(std::vector{row(Table::Peer, "p", "1"), other}).has_value());
  EXPECT_EQ(*store->load(Table::Peer), (std::vector{row(Table::Peer, "p", "1"), other}));
}

TEST(Store, FilesAreForTheirOwnerAlone) {
  const TemporaryHome parent;
  const auto home = parent.path() / "weft";
  auto store = std::move(*Store::open(home));
  ASSERT_TRUE(store->commit(std::vector{row(Table::Setting, "a", "b")}).has_value());
  const auto others = fs::perms::group_all | fs::perms::others_all;
  EXPECT_EQ(fs::status(home).permissions() & others, fs::perms::none);
  for (const auto& file : fs::directory_iterator(home))
    EXPECT_EQ(file.status().permissions() & others, fs::perms::none) << file.path();
}

// N39: the second one is told who has it, and the first goes on unharmed.
TEST(Store, ASecondProcessIsLockedOut) {
  const TemporaryHome home;
  auto first = std::move(*Store::open(home.path()));
  const auto pid = ::getpid();
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto second = Store::open(home.path());
    const bool right = !second && second.error().code == Errc::Busy &&
                       second.error().detail.starts_with("LOCKED") &&
                       second.error().detail.find(std::to_string(pid)) != std::string::npos;
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(first->commit(std::vector{row(Table::Ticket, "a", "b")}).has_value());
  EXPECT_EQ(code_of(Store::open(home.path())), Errc::Busy);
  first.reset();
  EXPECT_TRUE(Store::open(home.path()).has_value());
}

// The lock file removed, as somebody who "cleans up" does: the databases guard themselves.
TEST(Store, WithoutItsLockFileTheSecondIsStillKeptOut) {
  const TemporaryHome home;
  {
    ASSERT_TRUE(Store::open(home.path()).has_value());
  }
  auto first = std::move(*Store::open(home.path()));  // which has written nothing yet
  fs::remove(home.path() / "lock");
  const auto child = ::fork();  // locks of one process do not meet
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto second = Store::open(home.path());
    const bool right = !second && second.error().code == Errc::Busy &&
                       second.error().detail.find("Fix: ") != std::string::npos;
    if (!right) std::fprintf(stderr, "%s\n", second ? "opened" : second.error().detail.c_str());
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(first->commit(std::vector{row(Table::Access, "c", "d")}).has_value());
}

TEST(Store, ANewerSchemaIsRefusedUntouched) {
  for (const auto* file : {"trust.db", "state.db"}) {
    const TemporaryHome home;
    std::ignore = Store::open(home.path());
    execute(home.path() / file, "PRAGMA user_version=99");
    const auto before = contents(home.path() / file);
    EXPECT_EQ(code_of(Store::open(home.path())), Errc::Unsupported) << file;
    EXPECT_EQ(contents(home.path() / file), before) << file;
  }
}

TEST(Store, AMigrationRunsOnceAndLeavesABackup) {
  const TemporaryHome home;
  const auto path = home.path() / "x.db";
  constexpr const char* kTable =
      "CREATE TABLE setting (network BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
      " PRIMARY KEY (network, key)) WITHOUT ROWID;";
  const Migration first[] = {{1, kTable}};
  const Migration both[] = {{1, kTable}, {2, "CREATE TABLE extra (x);"}};
  const char* pragmas = "PRAGMA journal_mode=DELETE;";
  {
    Database database(path, "", Sealer({}));
    ASSERT_TRUE(database.open({"x.db", pragmas, first}, IfOlder::Create).has_value());
    ASSERT_TRUE(database.commit(std::vector{row(Table::Setting, "a", "b")}).has_value());
  }
  EXPECT_FALSE(fs::exists(home.path() / "x.db.schema1.bak"));
  for (int i = 0; i < 2; ++i) {
    Database database(path, "", Sealer({}));
    ASSERT_TRUE(database.open({"x.db", pragmas, both}, IfOlder::Adopt).has_value());
    EXPECT_EQ(database.load(Table::Setting)->size(), 1U);
  }
  EXPECT_TRUE(fs::exists(home.path() / "x.db.schema1.bak"));
  Database backup(home.path() / "x.db.schema1.bak", "", Sealer({}));
  ASSERT_TRUE(backup.open({"x.db", pragmas, first}, IfOlder::Refuse).has_value());
  EXPECT_EQ(backup.load(Table::Setting)->size(), 1U);
  Database old(path, "", Sealer({}));
  EXPECT_EQ(code_of(old.open({"x.db", pragmas, first}, IfOlder::Adopt)), Errc::Unsupported);
}

// A table of a later schema: a sealed file is checked, then migrated, and its seal goes on.
TEST(Store, ASealedFileOfAnOlderSchemaIsCheckedAndMigrated) {
  const TemporaryHome home;
  const auto path = home.path() / "state.db";
  const Sealer sealer({});
  {
    Database database(path, "", sealer);
    ASSERT_TRUE(database.open(kStateSpec, IfOlder::Create).has_value());
    ASSERT_TRUE(database.commit(std::vector{row(Table::Access, "a", "b")}).has_value());
  }
  std::vector<Migration> next(kStateSpec.migrations.begin(), kStateSpec.migrations.end());
  next.push_back({next.back().version + 1, "CREATE TABLE extra (x);"});
  const DatabaseSpec later{"state.db", kStateSpec.pragmas, next, false, kStateSpec.sealed};
  {
    Database other(path, "", Sealer({1}));  // another identity: untouched
    EXPECT_EQ(code_of(other.open(later, IfOlder::Refuse)), Errc::Storage);
  }
  for (int i = 0; i < 2; ++i) {
    Database database(path, "", sealer);
    const auto opened = database.open(later, IfOlder::Refuse);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    EXPECT_EQ(database.generation(), 1U + static_cast<unsigned>(i));
    EXPECT_EQ(database.load(Table::Access)->size(), 1U);
    ASSERT_TRUE(database.commit(std::vector{row(Table::Access, "a", "c")}).has_value());
  }
  EXPECT_TRUE(fs::exists(home.path() / ("state.db.schema" + std::to_string(kSchema) + ".bak")));
  Database old(path, "", sealer);
  EXPECT_EQ(code_of(old.open(kStateSpec, IfOlder::Refuse)), Errc::Unsupported);
}

// The texts of the tables are part of the format: files of weft 0.x have exactly these.
TEST(Store, TheSchemaIsTheOneThatFilesHave) {
  ASSERT_EQ(kTrustSpec.migrations.size(), 3U);
  EXPECT_TRUE(kTrustSpec.migrations[0].sql.starts_with(
      "CREATE TABLE roster (network BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
      " PRIMARY KEY (network, key)) WITHOUT ROWID;CREATE TABLE ticket "));
  EXPECT_EQ(kTrustSpec.migrations[1].sql,
            "ALTER TABLE roster ADD COLUMN mac BLOB NOT NULL DEFAULT x'';"
            "ALTER TABLE ticket ADD COLUMN mac BLOB NOT NULL DEFAULT x'';"
            "ALTER TABLE epoch ADD COLUMN mac BLOB NOT NULL DEFAULT x'';"
            "ALTER TABLE network ADD COLUMN mac BLOB NOT NULL DEFAULT x'';"
            "CREATE TABLE seal (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL,"
            " rows INTEGER NOT NULL, digest BLOB NOT NULL, mac BLOB NOT NULL);");
  EXPECT_TRUE(kTrustSpec.migrations[2].sql.empty());
  ASSERT_EQ(kStateSpec.migrations.size(), 3U);
  EXPECT_EQ(kStateSpec.migrations[2].sql,
            "CREATE TABLE message (network BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
            " PRIMARY KEY (network, key)) WITHOUT ROWID;"
            "ALTER TABLE message ADD COLUMN mac BLOB NOT NULL DEFAULT x'';");
}

// N38: each page overwritten, and the file cut short: noticed at the latest when it is read.
TEST(Store, DamageIsNoticed) {
  const TemporaryHome home;
  {
    auto store = std::move(*Store::open(home.path()));
    std::vector<Row> rows;
    for (int i = 0; i < 200; ++i)
      rows.push_back(row(Table::Roster, "e" + std::to_string(i), std::string(300, 'x')));
    ASSERT_TRUE(store->commit(rows).has_value());
  }
  const auto path = home.path() / "trust.db";
  const auto good = contents(path);
  ASSERT_GT(good.size(), 40000U);
  ASSERT_EQ(good.size() % 4096, 0U);
  for (std::size_t page = 0; page < good.size(); page += 4096) {
    auto bad = good;
    std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(page), 4096, std::uint8_t{0xa5});
    overwrite(path, bad);
    EXPECT_EQ(code_of(Store::open(home.path())), Errc::Storage) << "page " << page / 4096;
    EXPECT_EQ(contents(path), bad);  // left as it is, for whoever repairs it
  }
  for (const std::size_t size : {good.size() - 4096, good.size() / 2, std::size_t{100}}) {
    overwrite(path, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(code_of(Store::open(home.path())), Errc::Storage) << size;
  }
  overwrite(path, good);
  EXPECT_EQ((*Store::open(home.path()))->load(Table::Roster)->size(), 200U);
}

TEST(StoreDeathTest, ACommitOverBothDatabasesIsOurBug) {
  const TemporaryHome home;
  auto store = std::move(*Store::open(home.path()));
  const std::vector mixed{row(Table::Ticket, "a", "b"), row(Table::Setting, "a", "b")};
  EXPECT_DEATH(std::ignore = store->commit(mixed), "broken invariant");
}

}  // namespace
}  // namespace weft::store
