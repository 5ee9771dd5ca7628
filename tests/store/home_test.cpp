// F13 and decision 53: state is whole or refused. Whatever is damaged, missing, exchanged or of
// another time, a node never starts as another one, and never with fewer rules than it had.
#include "node/store/home.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <map>

#include "node/store/database.hpp"
#include "tests/store/fault_vfs.hpp"
#include "tests/store/home_kit.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;
using Spoil = std::function<void(const fs::path&)>;

const GoodHome& clean() {
  static const GoodHome home(1, false);
  return home;
}
const GoodHome& killed() {
  static const GoodHome home(1, true);
  return home;
}
const GoodHome& stranger() {
  static const GoodHome home(2, true);
  return home;
}

Spoil remove(const std::string& file) {
  return [file](const fs::path& home) { ASSERT_TRUE(fs::remove(home / file)) << file; };
}
Spoil write(const std::string& file, const std::string& text) {
  return [=](const fs::path& home) { overwrite(home / file, to_bytes(bytes_of(text))); };
}
Spoil cut(const std::string& file, std::size_t keep_percent, std::size_t less = 0) {
  return [=](const fs::path& home) {
    const auto size = fs::file_size(home / file);
    fs::resize_file(home / file, size * keep_percent / 100 - less);
  };
}
Spoil foreign(const std::string& file) {
  return [file](const fs::path& home) {
    fs::copy_file(stranger().path() / file, home / file, fs::copy_options::overwrite_existing);
  };
}
Spoil sql(const std::string& file, const std::string& text) {
  return [=](const fs::path& home) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open((home / file).c_str(), &handle), SQLITE_OK);
    char* error = nullptr;
    ASSERT_EQ(sqlite3_exec(handle, text.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(handle);
  };
}
Spoil mode(const std::string& file, mode_t bits) {
  return [=](const fs::path& home) { ASSERT_EQ(::chmod((home / file).c_str(), bits), 0); };
}

Spoil moved_and_linked(const std::string& file) {
  return [file](const fs::path& home) {
    fs::rename(home / file, home / "real");
    fs::create_symlink(home / "real", home / file);
  };
}

struct Case {
  const char* name;
  Spoil spoil;
  bool refused = true;
  const char* says = "";  // what the refusal must name
};

std::vector<Case> cases_of_files() {
  return {
      {"untouched", [](const fs::path&) {}, false},
      {"identity.key missing", remove("identity.key"), true, "identity.key is missing"},
      {"person.key missing", remove("person.key"), true, "person.key is missing"},
      {"identity.key cut", cut("identity.key", 50), true, "identity.key"},
      {"identity.key empty", write("identity.key", ""), true, "identity.key"},
      {"identity.key of another node", foreign("identity.key"), true, "another node"},
      {"person.key of another node", foreign("person.key"), true, "person.key"},
      {"identity.key open to others", mode("identity.key", 0640), true, "chmod 600"},
      {"stale identity.key.new", write("identity.key.new", "junk"), false},
      {"trust.db missing", remove("trust.db"), true, "trust.db is missing"},
      {"state.db missing", remove("state.db"), true, "state.db is missing"},
      {"home.seal missing", remove("home.seal"), true, "home.seal is missing"},
      {"home.seal empty", write("home.seal", ""), true, "home.seal is missing or empty"},
      {"home.seal of another node", foreign("home.seal"), true, "another node"},
      {"trust.db empty", write("trust.db", ""), true, "trust.db is missing or empty"},
      {"state.db empty", write("state.db", ""), true, "state.db is missing or empty"},
      {"trust.db garbage", write("trust.db", std::string(8192, 'x')), true, "trust.db"},
      {"state.db garbage", write("state.db", std::string(8192, 'x')), true, "state.db"},
      {"trust.db half", cut("trust.db", 50), true, "trust.db"},
      {"state.db half", cut("state.db", 50), true, "state.db"},
      {"trust.db of another node", foreign("trust.db"), true, "trust.db"},
      {"both databases of another node",
       [](const fs::path& home) { foreign("trust.db")(home), foreign("state.db")(home); }, true,
       "trust.db"},
      {"databases and keys gone, home.seal left",
       [](const fs::path& home) {
         for (const auto* file : {"identity.key", "person.key", "trust.db", "state.db"})
           fs::remove(home / file);
       },
       true, "identity.key is missing"},
      {"only the keys left",
       [](const fs::path& home) {
         for (const auto* file : {"home.seal", "trust.db", "state.db"}) fs::remove(home / file);
       },
       true, "trust.db is missing"},
      {"only the identity left",
       [](const fs::path& home) {
         for (const auto* file : {"person.key", "home.seal", "trust.db", "state.db"})
           fs::remove(home / file);
       },
       true, "person.key is missing"},
  };
}

std::vector<Case> cases_of_rows() {
  return {
      {"user_version 99", sql("trust.db", "PRAGMA user_version=99"), true, "newer weft"},
      {"user_version 1", sql("trust.db", "PRAGMA user_version=1"), true, "schema is 1"},
      {"user_version 0", sql("trust.db", "PRAGMA user_version=0"), true, "schema is 0"},
      {"user_version -1", sql("trust.db", "PRAGMA user_version=-1"), true, "schema is -1"},
      {"state user_version 99", sql("state.db", "PRAGMA user_version=99"), true, "newer weft"},
      {"state user_version 1", sql("state.db", "PRAGMA user_version=1"), true, "schema is 1"},
      {"state user_version -5", sql("state.db", "PRAGMA user_version=-5"), true, "schema is -5"},
      {"head deleted", sql("trust.db", "delete from network where key=cast('head' as blob)"), true,
       "rows are missing"},
      {"current deleted", sql("trust.db", "delete from network where key=cast('current' as blob)"),
       true, "rows are missing"},
      {"static garbage",
       sql("trust.db", "update network set value=x'00' where key=cast('static' as blob)"), true,
       "table network"},
      {"roster entry zeroed", sql("trust.db", "update roster set value=zeroblob(300)"), true,
       "table roster"},
      {"roster entry deleted", sql("trust.db", "delete from roster"), true, "rows are missing"},
      {"a rule turned round",
       sql("state.db", "update access set value=x'960102c3' where key=cast('deny' as blob)"), true,
       "table access"},
      {"a rule deleted", sql("state.db", "delete from access where key=cast('deny' as blob)"), true,
       "rows are missing"},
      {"a rule under another key",
       sql("state.db", "update access set key=x'41' where key=cast('deny' as blob)"), true,
       "table access"},
      {"a rule added",
       sql("state.db", "insert into access select network, x'99', value, mac from access limit 1"),
       true, "table access"},
      {"a value of another row",
       sql("state.db",
           "update access set (value, mac) = (select value, mac from access where "
           "key=cast('a1' as blob)) where key=cast('deny' as blob)"),
       true, "table access"},
      {"exposure garbage", sql("state.db", "update exposure set value=x'93'"), true,
       "table exposure"},
      {"exposure moved to another network",
       sql("state.db", "update exposure set network=zeroblob(32)"), true, "table exposure"},
      {"mapping garbage", sql("state.db", "update mapping set value=x'00'"), true, "table mapping"},
      {"peer garbage", sql("state.db", "update peer set value=x'ffffffff'"), true, "table peer"},
      {"setting of 10 MB",
       sql("state.db",
           "insert into setting values (zeroblob(32), x'41', zeroblob(10000000), zeroblob(32))"),
       true, "table setting"},
      {"network of 3 bytes", sql("state.db", "update peer set network=x'010203'"), true,
       "table peer"},
      {"a trigger",
       sql("state.db", "create trigger t after insert on exposure begin delete from exposure; end"),
       true, "tables are not"},
      {"a view for a table",
       sql("state.db", "drop table access; create view access as select * from exposure"), true,
       "tables are not"},
      {"a table dropped", sql("state.db", "drop table access"), true, "tables are not"},
      {"seal deleted", sql("state.db", "delete from seal"), true, "seal is missing"},
      {"generation raised", sql("state.db", "update seal set generation=generation+1"), true,
       "state.db"},
  };
}

std::vector<Case> cases_of_links_and_modes() {
  return {
      {"identity.key a pipe",
       [](const fs::path& home) {
         fs::remove(home / "identity.key");
         ASSERT_EQ(::mkfifo((home / "identity.key").c_str(), 0600), 0);
       },
       true, "not a regular file"},
      {"identity.key a dangling link",
       [](const fs::path& home) {
         fs::remove(home / "identity.key");
         fs::create_symlink(home / "nowhere", home / "identity.key");
       },
       true, "symbolic link"},
      {"identity.key.new a folder",
       [](const fs::path& home) { fs::create_directory(home / "identity.key.new"); }, false},
      {"trust.db a folder",
       [](const fs::path& home) {
         fs::remove(home / "trust.db");
         fs::create_directory(home / "trust.db");
       },
       true, "trust.db"},
      {"state.db a link", moved_and_linked("state.db"), true, "no link"},
      {"trust.db a link", moved_and_linked("trust.db"), true, "no link"},
      {"home.seal a link", moved_and_linked("home.seal"), true, "no link"},
      {"lock a link",
       [](const fs::path& home) {
         fs::remove(home / "lock");
         fs::create_symlink(home / "elsewhere", home / "lock");
       },
       true, "lock"},
  };
}

void run(const GoodHome& good, const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Trial trial(good.path(), c.spoil);
    ASSERT_TRUE(whole_or_refused(trial, good.rows()) ||
                (!trial.opened && std::string_view(c.name) == "lock a link"));
    EXPECT_EQ(trial.opened.has_value(), !c.refused)
        << (trial.opened ? "opened" : trial.opened.error().detail);
    if (trial.opened) continue;
    EXPECT_NE(trial.opened.error().detail.find(c.says), std::string::npos)
        << trial.opened.error().detail;
  }
}

TEST(Home, DamagedAndMissingFilesAreRefused) { run(clean(), cases_of_files()); }
TEST(Home, ChangedRowsAreRefused) { run(clean(), cases_of_rows()); }
TEST(Home, LinksAndForeignKindsAreRefused) { run(clean(), cases_of_links_and_modes()); }

TEST(Home, AfterAKillTheWriteAheadLogIsPartOfTheState) {
  ASSERT_TRUE(fs::exists(killed().path() / "state.db-wal"));
  const auto older = [](const fs::path& home) {
    foreign("state.db")(home);
    foreign("state.db-wal")(home);
  };
  run(killed(), {{"untouched", [](const fs::path&) {}, false},
                 {"log removed", remove("state.db-wal"), true, "state.db"},
                 {"log cut by 100 bytes", cut("state.db-wal", 100, 100), true, "changes are gone"},
                 {"log half", cut("state.db-wal", 50), true, "state.db"},
                 {"log empty", write("state.db-wal", ""), true, "state.db"},
                 {"log of another node", foreign("state.db-wal"), true, "state.db"},
                 {"database and log of another node", older, true, "state.db"},
                 // The log holds every page: it makes the database whole, whatever lay there.
                 {"another database under this log", foreign("state.db"), false}});
}

// An old copy of the whole database, of this very node, is right by itself.
TEST(Home, AnOlderCopyIsRefused) {
  for (const auto* file : {"trust.db", "state.db"}) {
    Trial trial(clean().path(), [&](const fs::path& home) {
      const auto old = contents(home / file);
      SeededRng rng(3);
      {
        auto opened = open_home({home, home}, rng);
        ASSERT_TRUE(opened.has_value());
        const auto table = std::string_view(file) == "trust.db" ? Table::Ticket : Table::Access;
        ASSERT_TRUE(opened->store->commit(std::vector{row(table, "later", "x")}).has_value());
      }
      overwrite(home / file, old);
    });
    ASSERT_FALSE(trial.opened.has_value()) << file;
    EXPECT_NE(trial.opened.error().detail.find("1 changes are gone"), std::string::npos)
        << trial.opened.error().detail;
    EXPECT_EQ(trial.untouched, "");
  }
}

// Nothing that a flipped bit can do is taken for the truth.
void flip(const GoodHome& good, const std::string& file, int flips) {
  const auto whole = contents(good.path() / file);
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < whole.size(); ++i)
    if (whole[i] != 0) used.push_back(i);
  ASSERT_FALSE(used.empty());
  SeededRng rng(5);
  std::map<std::string, int> ends;
  for (int i = 0; i < flips; ++i) {
    const auto at = used[rng.uniform(used.size())];
    const auto bit = static_cast<std::uint8_t>(1U << rng.uniform(8));
    SCOPED_TRACE(file + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
    Trial trial(good.path(), [&](const fs::path& home) {
      auto bytes = whole;
      bytes[at] ^= bit;
      overwrite(home / file, bytes);
    });
    ASSERT_TRUE(whole_or_refused(trial, good.rows()));
    ++ends[trial.opened ? "whole" : "refused"];
  }
  std::printf("%s: %d flips, %d refused, %d without an effect\n", file.c_str(), flips,
              ends["refused"], ends["whole"]);
  EXPECT_GT(ends["refused"], flips / 3);
}

TEST(Home, NoFlippedBitOfTrustIsBelieved) { flip(clean(), "trust.db", 150); }
TEST(Home, NoFlippedBitOfStateIsBelieved) { flip(clean(), "state.db", 150); }
TEST(Home, NoFlippedBitOfTheLogIsBelieved) { flip(killed(), "state.db-wal", 150); }
TEST(Home, NoFlippedBitOfAKeyIsBelieved) { flip(clean(), "identity.key", 150); }
TEST(Home, NoFlippedBitOfThePersonIsBelieved) { flip(clean(), "person.key", 60); }

// The marker has two slots: one may be damaged, and nothing is lost or opened by that.
TEST(Home, AFlippedBitOfTheMarkerLosesNothing) {
  const auto whole = contents(clean().path() / "home.seal");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (at % 4096 >= kMarkerSize || at % 3 != 0) continue;
    Trial trial(clean().path(), [&](const fs::path& home) {
      auto bytes = whole;
      bytes[at] ^= 4;
      overwrite(home / "home.seal", bytes);
    });
    ASSERT_TRUE(trial.opened.has_value()) << at << " " << trial.opened.error().detail;
    EXPECT_NE(trial.opened->store->remark().find("damaged in part"), std::string::npos) << at;
    EXPECT_EQ(*all_rows(*trial.opened->store), clean().rows());
  }
}

// ---- a first start, and one that is cut short ---------------------------------------------------

TEST(Home, AStartCutShortBeginsAgain) {
  for (const int files : {0, 1, 2, 3}) {
    const TemporaryHome folder;
    const HomePlaces places{folder.path(), folder.path()};
    SeededRng rng(9);
    const auto identity = rng.bytes<32>();
    const auto person = rng.bytes<32>();
    if (files > 0) {
      ASSERT_TRUE(settle_keys(places, identity, person).has_value());
      if (files < 3) fs::remove(places.person());
      if (files < 2) fs::remove(places.identity());
    }
    auto home = open_home(places, rng);
    ASSERT_TRUE(home.has_value()) << files << ": " << home.error().detail;
    EXPECT_EQ(home->identity == identity, files >= 2);
    EXPECT_EQ(home->person == person, files >= 3);
    EXPECT_TRUE(home->store->commit(life().front()).has_value());
    home = fail(Errc::Closed);
    const auto again = open_home(places, rng);
    EXPECT_TRUE(again.has_value()) << again.error().detail;
  }
}

// ---- homes of before the seals ------------------------------------------------------------------

DatabaseSpec old(const DatabaseSpec& spec) {
  return {spec.file, spec.pragmas, spec.migrations.first(1), spec.trust, 0};
}

void write_old_home(const fs::path& path, const std::string& vfs) {
  for (const auto* spec : {&kTrustSpec, &kStateSpec}) {
    Database database(path / spec->file, vfs, Sealer({}));
    ASSERT_TRUE(database.open(old(*spec), IfOlder::Create).has_value());
    database.accept();
    for (const auto& rows : life()) {
      if (is_trust(rows.front().table) != spec->trust) continue;
      ASSERT_TRUE(database.commit(rows).has_value());
    }
  }
}

Spoil to_old_home(bool with_marker = false) {
  return [=](const fs::path& home) {
    for (const auto* file : {"trust.db", "state.db"}) fs::remove(home / file);
    if (!with_marker) fs::remove(home / "home.seal");
    write_old_home(fs::canonical(home), "");
  };
}

TEST(Home, AnOldHomeIsTakenOverOnce) {
  Trial trial(clean().path(), to_old_home());
  ASSERT_TRUE(trial.opened.has_value()) << trial.opened.error().detail;
  EXPECT_EQ(*all_rows(*trial.opened->store), clean().rows());
  EXPECT_NE(trial.opened->store->remark(), "");
  trial.opened = fail(Errc::Closed);
  EXPECT_TRUE(fs::exists(trial.home / "state.db.schema1.bak"));
  SeededRng rng(1);
  auto again = open_home({trial.home, trial.home}, rng);
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(again->store->remark(), "");
  again = fail(Errc::Closed);
  sql("state.db", "update access set value=x'960102c3' where key=cast('deny' as blob)")(trial.home);
  EXPECT_EQ(code_of(open_home({trial.home, trial.home}, rng)), Errc::Storage);
}

TEST(Home, AnOldHomeThatIsNotWholeIsRefused) {
  for (const auto* file : {"trust.db", "state.db", "identity.key", "person.key"}) {
    Trial trial(clean().path(), [&](const fs::path& home) {
      to_old_home()(home);
      fs::remove(home / file);
    });
    ASSERT_FALSE(trial.opened.has_value()) << file;
    EXPECT_NE(trial.opened.error().detail.find(std::string(file) + " is missing"),
              std::string::npos)
        << trial.opened.error().detail;
  }
}

// Who strips the seals does not get his rows adopted.
TEST(Home, AnOldDatabaseUnderASealIsRefused) {
  Trial trial(clean().path(), to_old_home(true));
  ASSERT_FALSE(trial.opened.has_value());
  EXPECT_NE(trial.opened.error().detail.find("schema is 1"), std::string::npos);
  Trial half(clean().path(), [](const fs::path& home) {
    const auto state = contents(home / "state.db");
    to_old_home()(home);
    overwrite(home / "state.db", state);
  });
  ASSERT_FALSE(half.opened.has_value());
}

TEST(Home, ATakeoverCutShortAnywhereIsFinished) {
  const TemporaryHome home;
  std::uint64_t operations = 0;
  for (std::uint64_t at = 0; at <= operations; ++at) {
    FaultVfs vfs("weft-adopt");
    write_old_home(fs::canonical(home.path()), vfs.name());
    SeededRng rng(at);
    vfs.lose(Loss::None, rng);
    if (at > 0) vfs.arm(Fault::Crash, at - 1);
    {
      const auto cut_short = Store::open(home.path(), {vfs.name()});
    }
    if (at == 0) operations = vfs.operations();
    vfs.lose(at % 2 == 0 ? Loss::All : Loss::Some, rng);
    auto store = Store::open(home.path(), {vfs.name()});
    ASSERT_TRUE(store.has_value()) << "operation " << at << ": " << store.error().detail;
    EXPECT_EQ(*all_rows(**store), clean().rows()) << at;
  }
  EXPECT_GT(operations, 20U);
}

// ---- the ways out -------------------------------------------------------------------------------

TEST(Home, ResetGivesUpOneThingAndKeepsItAside) {
  const auto aside = [](const Trial& trial, const char* file) {
    return fs::exists(trial.home / "aside-now" / file);
  };
  SeededRng rng(1);
  {
    Trial trial(clean().path(), write("state.db", ""));
    const HomePlaces places{trial.home, trial.home};
    ASSERT_TRUE(reset_home(places, Reset::Services, "now").has_value());
    EXPECT_TRUE(aside(trial, "state.db"));
    auto home = open_home(places, rng);
    ASSERT_TRUE(home.has_value()) << home.error().detail;
    EXPECT_TRUE(home->store->load(Table::Access)->empty());
    EXPECT_EQ(home->store->load(Table::Roster)->size(), 1U);
  }
  {
    Trial trial(clean().path(), remove("trust.db"));
    const HomePlaces places{trial.home, trial.home};
    const auto before = contents(trial.home / "identity.key");
    ASSERT_TRUE(reset_home(places, Reset::Network, "now").has_value());
    auto home = open_home(places, rng);
    ASSERT_TRUE(home.has_value()) << home.error().detail;
    EXPECT_TRUE(home->store->load(Table::Roster)->empty());
    EXPECT_EQ(home->store->load(Table::Exposure)->size(), 20U);
    EXPECT_EQ(contents(trial.home / "identity.key"), before);
  }
  {
    Trial trial(killed().path(), cut("state.db-wal", 100, 100));
    const HomePlaces places{trial.home, trial.home};
    ASSERT_TRUE(reset_home(places, Reset::Seal, "now").has_value());
    EXPECT_TRUE(open_home(places, rng).has_value());
  }
  {
    Trial trial(clean().path(), remove("identity.key"));
    const HomePlaces places{trial.home, trial.home};
    EXPECT_FALSE(reset_home(places, Reset::Services, "now").has_value());
    ASSERT_TRUE(reset_home(places, Reset::All, "now").has_value());
    EXPECT_TRUE(aside(trial, "trust.db") && aside(trial, "person.key"));
    auto home = open_home(places, rng);
    ASSERT_TRUE(home.has_value()) << home.error().detail;
    EXPECT_TRUE(all_rows(*home->store)->empty());
  }
}

}  // namespace
}  // namespace weft::store
