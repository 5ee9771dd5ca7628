#include "node/set_aside.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/harness/temporary_folder.hpp"

namespace weft::node {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 24 * 3600;

struct SetAside : testing::Test {
  harness::TemporaryFolder folder;
  Paths paths;

  SetAside() {
    paths.data_dir = folder.path() / "data";
    paths.state_dir = folder.path() / "state";
    fs::create_directories(paths.data_dir);
    fs::create_directories(paths.state_dir);
  }
  static void make(const fs::path& in, const std::string& name) {
    fs::create_directories(in / name);
    std::ofstream(in / name / "identity.key") << "key";
  }
  static std::string aside(std::int64_t days) {
    return "aside-" + std::to_string(kNow - days * kDay);
  }
  static std::string left(std::int64_t days) {
    return "left-" + std::to_string(kNow - days * kDay);
  }
  std::set<std::string> there(const fs::path& in) const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(in)) out.insert(entry.path().filename());
    return out;
  }
};

TEST_F(SetAside, TheNewestThreeStayHoweverOldTheyAre) {
  for (const int days : {100, 200, 300}) make(paths.state_dir, aside(days));
  EXPECT_TRUE(clear_set_aside(paths, kNow).empty());
  make(paths.state_dir, left(400));
  EXPECT_EQ(clear_set_aside(paths, kNow).size(), 1U);
  EXPECT_EQ(there(paths.state_dir), (std::set<std::string>{aside(100), aside(200), aside(300)}));
}

TEST_F(SetAside, WhatIsYoungerThanThirtyDaysStaysHoweverManyThereAre) {
  for (const int days : {1, 2, 3, 4, 29, 31}) make(paths.state_dir, left(days));
  clear_set_aside(paths, kNow);
  EXPECT_EQ(there(paths.state_dir).size(), 5U);
  EXPECT_FALSE(there(paths.state_dir).contains(left(31)));
}

TEST_F(SetAside, KeysAndDatabasesOfOneGoTogether) {
  for (const int days : {40, 50, 60, 70}) {
    make(paths.state_dir, left(days));
    make(paths.data_dir, left(days));
  }
  EXPECT_EQ(clear_set_aside(paths, kNow).size(), 2U);
  EXPECT_EQ(there(paths.state_dir), there(paths.data_dir));
  EXPECT_EQ(there(paths.data_dir).size(), 3U);
}

TEST_F(SetAside, NothingElseIsTouched) {
  for (const int days : {40, 50, 60}) make(paths.state_dir, left(days));
  for (const auto* name :
       {"left-", "left-1x", "aside-old", "aside--5", "left-99999999999999999999"})
    make(paths.state_dir, name);
  std::ofstream(paths.state_dir / "left-5") << "a file";
  fs::create_directory_symlink(paths.data_dir, paths.state_dir / "left-6");
  make(paths.data_dir, "other");
  EXPECT_TRUE(clear_set_aside(paths, kNow).empty());
  EXPECT_EQ(there(paths.state_dir).size(), 10U);
  EXPECT_EQ(there(paths.data_dir).size(), 1U);
}

}  // namespace
}  // namespace weft::node
