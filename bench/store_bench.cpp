// What group commit brings: acknowledged writes a second with 1, 8 and 64 writers, each waiting for
// its answer before it writes again; once with a transaction and its flushes for each write, once
// with shared ones. Both in one run on one disk, because only their ratio is comparable.
//
//   store_bench [FOLDER] [SECONDS]     FOLDER must be on a real disk; default: here
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <thread>

#include "node/store/writer.hpp"

namespace weft::store {
namespace {

using Clock = std::chrono::steady_clock;

struct Figures {
  double per_second = 0;
  double median_ms = 0;
  double p99_ms = 0;
  double per_batch = 0;
};

Figures measure(const std::filesystem::path& home, std::size_t batch, unsigned writers,
                double seconds, Table table) {
  auto store = Store::open(home);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    std::exit(1);
  }
  Writer writer(std::move(*store), {.batch = batch});
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::vector<double>> times(writers);
  std::vector<std::thread> threads;
  const auto begun = Clock::now();
  for (unsigned w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (std::uint32_t i = 0; Clock::now() < end; ++i) {
        Bytes key;
        append_be(key, w);
        append_be(key, i);
        const auto asked = Clock::now();
        std::promise<bool> stored;
        auto answer = stored.get_future();
        if (!writer.submit({{table, NetworkId{{1}}, key, Bytes(100, 7)}},
                           [&](const Result<void>& r) { stored.set_value(r.has_value()); }) ||
            !answer.get())
          std::exit(1);
        times[w].push_back(std::chrono::duration<double, std::milli>(Clock::now() - asked).count());
      }
    });
  for (auto& thread : threads) thread.join();
  const double took = std::chrono::duration<double>(Clock::now() - begun).count();
  std::vector<double> all;
  for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
  std::ranges::sort(all);
  const auto counters = writer.counters();
  return {static_cast<double>(all.size()) / took, all[all.size() / 2], all[all.size() * 99 / 100],
          static_cast<double>(counters.changes) / static_cast<double>(counters.batches)};
}

void run(const std::filesystem::path& folder, double seconds) {
  std::printf("%-9s %7s  %14s %14s %7s  %21s  %s\n", "database", "writers", "one each, 1/s",
              "grouped, 1/s", "ratio", "grouped: p50, p99 ms", "writes a group");
  int made = 0;
  for (const auto table : {Table::Access, Table::Ticket})
    for (const unsigned writers : {1U, 8U, 64U}) {
      const auto home = [&] { return folder / std::to_string(made++); };
      const auto each = measure(home(), 1, writers, seconds, table);
      const auto grouped = measure(home(), kBatchJobs, writers, seconds, table);
      std::printf("%-9s %7u  %14.0f %14.0f %7.1f  %10.1f %10.1f  %6.1f\n",
                  is_trust(table) ? "trust.db" : "state.db", writers, each.per_second,
                  grouped.per_second, grouped.per_second / each.per_second, grouped.median_ms,
                  grouped.p99_ms, grouped.per_batch);
      std::fflush(stdout);
    }
}

}  // namespace
}  // namespace weft::store

int main(int count, char** words) {
  const std::filesystem::path parent = count > 1 ? words[1] : ".";
  const double seconds = count > 2 ? std::atof(words[2]) : 5;
  auto pattern = (parent / "store_bench.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return 1;
  weft::store::run(pattern, seconds);
  std::filesystem::remove_all(pattern);
}
