// W15: a backup holds what was acknowledged up to it, and makes the same node again.
#include "node/store/backup.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/store/home_kit.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

struct Backup : testing::Test {
  TemporaryHome folder;
  fs::path file = folder.path() / "oak.backup";
  HomePlaces from{folder.path() / "from", folder.path() / "from"};
  HomePlaces to{folder.path() / "keys", folder.path() / "state"};
  SeededRng rng{1};
  Rows rows;

  void SetUp() override {
    for (const auto& path : {from.keys, to.keys, to.state}) fs::create_directories(path);
    auto home = open_home(from, rng);
    ASSERT_TRUE(home.has_value());
    for (const auto& step : life()) ASSERT_TRUE(home->store->commit(step).has_value());
    rows = *all_rows(*home->store);
    // The store is open and in use, most of it still in the write-ahead log.
    const auto written = write_backup(*home->store, from, file);
    ASSERT_TRUE(written.has_value()) << written.error().detail;
    EXPECT_EQ(code_of(write_backup(*home->store, from, file)), Errc::AlreadyExists);
    ASSERT_TRUE(home->store->commit(std::vector{row(Table::Access, "later", "x")}).has_value());
  }
};

TEST_F(Backup, MakesTheSameNodeAgain) {
  struct stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 4);  // nothing left behind
  const auto restored = restore_backup(file, to);
  ASSERT_TRUE(restored.has_value()) << restored.error().detail;
  auto home = open_home(to, rng);
  ASSERT_TRUE(home.has_value()) << home.error().detail;
  EXPECT_EQ(*all_rows(*home->store), rows);
  const auto original = open_home(from, rng);
  ASSERT_TRUE(original.has_value());
  EXPECT_EQ(home->identity, original->identity);
  EXPECT_EQ(home->person, original->person);
}

TEST_F(Backup, IsNotPutOverAnotherNode) {
  EXPECT_EQ(code_of(restore_backup(file, from)), Errc::AlreadyExists);
  auto running = open_home(to, rng);
  ASSERT_TRUE(running.has_value());
  EXPECT_EQ(code_of(restore_backup(file, to)), Errc::Busy);
  EXPECT_EQ(code_of(restore_backup(folder.path() / "none", to)), Errc::NotFound);
}

TEST_F(Backup, ADamagedOneIsRefusedAndLeavesNothing) {
  const auto whole = contents(file);
  const auto empty = [&] {
    return std::distance(fs::directory_iterator(to.keys), {}) == 0 && !is_inhabited(to);
  };
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, whole.size() / 2}) {
    overwrite(file, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(code_of(restore_backup(file, to)), Errc::Malformed) << size;
    EXPECT_TRUE(empty());
  }
  SeededRng random(8);
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    auto bad = whole;
    bad[random.uniform(bad.size())] ^= static_cast<std::uint8_t>(1U << random.uniform(8));
    overwrite(file, bad);
    if (!restore_backup(file, to)) {
      ++refused;
      EXPECT_TRUE(empty());
      continue;
    }
    {
      auto home = open_home(to, rng);
      ASSERT_TRUE(home.has_value()) << home.error().detail;
      EXPECT_EQ(*all_rows(*home->store), rows);  // the bit lay where nothing is kept
    }
    for (const auto& path : {to.keys, to.state}) {
      fs::remove_all(path);
      fs::create_directories(path);
    }
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace weft::store
