#include "node/log/writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include <spdlog/spdlog.h>

#include "node/io/clock.hpp"
#include "node/io/unique_fd.hpp"
#include "node/log/log.hpp"
#include "tests/harness/temporary_folder.hpp"

namespace weft::log {
namespace {

std::string told(std::uint64_t count) { return "dropped " + std::to_string(count) + "\n"; }

std::string content(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

class LogWriter : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "weft.log"; }
  std::filesystem::path older(int index) const {
    return file().string() + "." + std::to_string(index);
  }
  harness::TemporaryFolder folder_;
};

TEST_F(LogWriter, APipeThatNobodyReadsStopsNobody) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const io::UniqueFd reader(ends[0]), pipe(ends[1]);
  Writer writer({{}, pipe.value()}, told);
  ASSERT_TRUE(writer.start());
  const std::string line(199, 'x');
  const int count = 20'000;  // 4 MB, into 64 KiB of pipe and 1 MiB of queue
  for (int i = 0; i < count; ++i) writer.write(line + "\n");
  EXPECT_GT(writer.dropped(), 0u);
  writer.stop();
  // What was written begins with a whole line: of ours, or of how many were dropped before it.
  ::fcntl(reader.value(), F_SETFL, O_NONBLOCK);
  std::string got(1 << 20, '\0');
  const auto size = ::read(reader.value(), got.data(), got.size());
  ASSERT_GT(size, 0);
  EXPECT_TRUE(got.starts_with(line + "\n") || got.starts_with("dropped ")) << got.substr(0, 300);
}

TEST_F(LogWriter, WhatWasDroppedIsToldWhenTheReaderReadsAgain) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const io::UniqueFd reader(ends[0]), pipe(ends[1]);
  Writer writer({{}, pipe.value()}, told);
  ASSERT_TRUE(writer.start());
  for (int i = 0; i < 20'000; ++i) writer.write(std::string(199, 'x') + "\n");
  const auto dropped = writer.dropped();
  ASSERT_GT(dropped, 0u);
  std::string all;
  std::string piece(1 << 16, '\0');
  while (!all.contains("dropped ")) {
    const auto size = ::read(reader.value(), piece.data(), piece.size());
    ASSERT_GT(size, 0);
    all.append(piece.data(), static_cast<std::size_t>(size));
    if (all.size() > (3u << 20)) break;
    writer.write("go on\n");
  }
  EXPECT_TRUE(all.contains("dropped ")) << all.size();
}

TEST_F(LogWriter, AFileIsTurnedOverAndFourAreKept) {
  Target target;
  target.file = file();
  target.file_size = 1000;
  {
    Writer writer(target, told);
    ASSERT_TRUE(writer.start());
    for (int i = 0; i < 100; ++i)
      writer.write("line " + std::to_string(1000 + i) + std::string(90, '.') + "\n");
  }
  EXPECT_TRUE(content(file()).contains("line 1099"));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(std::filesystem::exists(older(i))) << i;
    EXPECT_LE(std::filesystem::file_size(older(i)), 1000u);
  }
  EXPECT_FALSE(std::filesystem::exists(older(4)));
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(LogWriter, AFileThatWasMovedAwayIsMadeAnew) {
  Target target;
  target.file = file();
  Writer writer(target, told);
  ASSERT_TRUE(writer.start());
  writer.write("one\n");
  while (content(file()) != "one\n") std::this_thread::yield();
  std::filesystem::rename(file(), older(1));
  writer.reopen();
  writer.write("two\n");
  writer.stop();
  EXPECT_EQ(content(older(1)), "one\n");
  EXPECT_EQ(content(file()), "two\n");
}

TEST_F(LogWriter, AnUnknownFolderIsSaid) {
  Target target;
  target.file = folder_.path() / "none" / "weft.log";
  Writer writer(target, told);
  const auto started = writer.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::Storage);
}

TEST_F(LogWriter, LinesAreLogfmtAndSpeakToNoTerminal) {
  Target target;
  target.file = file();
  const auto before = spdlog::default_logger();
  {
    Log log;
    ASSERT_TRUE(log.start(target, "info"));
    EXPECT_EQ(log.place(), file().string());
    spdlog::debug("event=unseen");
    spdlog::warn("event=x peer={}", "\x1b[2J\n\xff\xc2\x9bname");
    for (int i = 0; i < 10; ++i) spdlog::info("event=again");
    log.sweep(io::monotonic_time());
  }
  spdlog::set_default_logger(before);
  const auto text = content(file());
  EXPECT_TRUE(text.contains("Z level=warn event=x peer=?[2J???name\n")) << text;
  EXPECT_TRUE(text.starts_with("ts=20")) << text;
  EXPECT_FALSE(text.contains("unseen"));
  EXPECT_TRUE(text.contains("event=repeated of=again count=5 ")) << text;
  EXPECT_FALSE(text.contains('\x1b'));
}

}  // namespace
}  // namespace weft::log
