// kill -9 in the middle of group commits: many threads write, each tells of what was acknowledged,
// and all of that is found again.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <set>
#include <thread>

#include "node/store/writer.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {
namespace {

constexpr int kThreads = 16;

// One record for each acknowledged change: thread u32, number u32. Smaller than PIPE_BUF: whole.
[[noreturn]] void write_until_killed(const std::filesystem::path& home, int tell) {
  auto store = Store::open(home);
  if (!store) ::_exit(1);
  Writer writer(std::move(*store));
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&writer, thread, tell] {
      for (std::uint32_t number = 0;; ++number) {
        Bytes record;
        append_be(record, thread);
        append_be(record, number);
        // Shared: the writer's thread may still be at set_value() when the answer is there.
        const auto stored = std::make_shared<std::promise<bool>>();
        auto answer = stored->get_future();
        const auto taken = writer.submit(
            {{number % 5 == 0 ? Table::Ticket : Table::Access, NetworkId{{7}}, record, record}},
            [stored](const Result<void>& result) { stored->set_value(result.has_value()); });
        if (!taken || !answer.get()) ::_exit(1);
        if (::write(tell, record.data(), record.size()) != 8) ::_exit(1);
      }
    });
  for (auto& thread : threads) thread.join();
  ::_exit(1);
}

TEST(Kill, WhatWasAcknowledgedIsThere) {
  const TemporaryHome home;
  std::size_t sure = 0;
  for (int round = 0; round < 4; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      write_until_killed(home.path() / std::to_string(round), pipe[1]);
    }
    ::close(pipe[1]);
    std::set<Bytes> told;
    const auto take = [&] {
      Bytes record(8);
      if (::read(pipe[0], record.data(), record.size()) != 8) return false;
      told.insert(std::move(record));
      return true;
    };
    while (told.size() < 100U + 37U * static_cast<unsigned>(round)) ASSERT_TRUE(take());
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (take()) {
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    auto store = Store::open(home.path() / std::to_string(round));
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    std::set<Bytes> found;
    for (const auto table : {Table::Ticket, Table::Access}) {
      const auto rows = (*store)->load(table);
      ASSERT_TRUE(rows.has_value()) << rows.error().detail;
      for (const auto& row : *rows) found.insert(row.key);
    }
    for (const auto& record : told) EXPECT_TRUE(found.contains(record)) << to_hex(record);
    sure += told.size();
  }
  EXPECT_GE(sure, 600U);
}

}  // namespace
}  // namespace weft::store
