// N40: a key file that is not exactly right is refused with what, why and how to fix, and never
// made anew.
#include "node/store/key_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/seeded_rng.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

// As a first start does it.
Result<ByteArray<32>> load_or_create_key_file(const fs::path& path, Rng& rng) {
  auto seed = load_key_file(path);
  if (seed || seed.error().code != Errc::NotFound) return seed;
  const auto fresh = rng.bytes<32>();
  WEFT_CHECK(create_key_file(path, fresh));
  return fresh;
}

struct KeyFile : testing::Test {
  TemporaryHome home;
  fs::path path = home.path() / "identity.key";
  SeededRng rng{1};

  std::string text() {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }
  // Refused by both ways in, with the fix named, and nothing changed.
  void expect_refused(Errc code) {
    const auto before = text();
    const auto loaded = load_key_file(path);
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().code, code);
    EXPECT_NE(loaded.error().detail.find("Fix: "), std::string::npos) << loaded.error().detail;
    EXPECT_EQ(code_of(load_or_create_key_file(path, rng)), code);
    EXPECT_EQ(text(), before);
  }
};

TEST_F(KeyFile, IsMadeOnceAndReadAgain) {
  EXPECT_EQ(code_of(load_key_file(path)), Errc::NotFound);
  const auto seed = load_or_create_key_file(path, rng);
  ASSERT_TRUE(seed.has_value()) << seed.error().detail;
  EXPECT_EQ(*load_or_create_key_file(path, rng), *seed);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(home.path()), {}), 1);  // nothing left behind
}

TEST_F(KeyFile, IsNeverReplaced) {
  const auto seed = *load_or_create_key_file(path, rng);
  EXPECT_EQ(code_of(create_key_file(path, rng.bytes<32>())), Errc::AlreadyExists);
  EXPECT_EQ(*load_key_file(path), seed);
}

TEST_F(KeyFile, OthersMustNotReadIt) {
  const auto seed = *load_or_create_key_file(path, rng);
  for (const mode_t mode : {0644, 0640, 0604, 0620, 0610, 0601}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    expect_refused(Errc::Denied);
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_EQ(*load_key_file(path), seed);
}

TEST_F(KeyFile, AnotherOwnerIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_TRUE(load_or_create_key_file(path, rng).has_value());
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  expect_refused(Errc::Denied);
}

TEST_F(KeyFile, AnyOtherLengthOrContentIsRefused) {
  ASSERT_TRUE(load_or_create_key_file(path, rng).has_value());
  const auto good = text();
  for (std::size_t size = 0; size < good.size(); ++size) {
    write(good.substr(0, size));
    expect_refused(Errc::Malformed);
  }
  for (const auto& bad : {good + "x", good + good, "x" + good.substr(1),
                          good.substr(0, 20) + "g" + good.substr(21)}) {
    write(bad);
    expect_refused(Errc::Malformed);
  }
  write(good);
  EXPECT_TRUE(load_key_file(path).has_value());
}

TEST_F(KeyFile, LinksAndOtherThingsAreRefused) {
  const auto target = home.path() / "elsewhere.key";
  ASSERT_TRUE(load_or_create_key_file(target, rng).has_value());
  fs::create_symlink(target, path);
  expect_refused(Errc::Denied);
  EXPECT_EQ(code_of(create_key_file(path, rng.bytes<32>())), Errc::AlreadyExists);
  fs::remove(path);
  fs::create_symlink(home.path() / "nowhere", path);  // dangling: not a reason to make one either
  EXPECT_EQ(code_of(load_or_create_key_file(path, rng)), Errc::Denied);
  EXPECT_FALSE(fs::exists(home.path() / "nowhere"));
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(code_of(load_or_create_key_file(path, rng)), Errc::Denied);
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(code_of(load_or_create_key_file(path, rng)), Errc::Denied);
}

}  // namespace
}  // namespace weft::store
