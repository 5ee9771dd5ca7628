// The one thread that works with the store while the node runs: it writes, and it reads for those
// who cannot wait for a disk. Work is taken in order; a full queue refuses, so a slow disk pushes
// back instead of growing memory. What waits is taken together (batch.hpp): many changes share one
// transaction and its flushes (group commit), each with an answer of its own.
//
// Invariants
//  1. For every accepted call the callback is called exactly once, on the writer thread, in the
//     order of submission, also during stop(), which finishes what was accepted.
//  2. What was answered with success survives kill -9 and power loss.
//  3. A read sees every change that was submitted before it, and none behind it.
//
// Limits: kWriterQueue changes and works, kReadQueue reads, kWriterBytes of rows waiting; a batch
// is kBatchJobs, kBatchReads and kBatchBytes at most, so that its first answer is not long in
// coming.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "node/store/batch.hpp"

namespace weft::store {

inline constexpr std::size_t kWriterQueue = 1024;
inline constexpr std::size_t kReadQueue = 256;
inline constexpr std::size_t kWriterBytes = 32UL * 1024 * 1024;
inline constexpr std::size_t kBatchJobs = 256;  // some 10 ms of sqlite's time
inline constexpr std::size_t kBatchReads = 16;  // pages in memory, kPageBytes each
inline constexpr std::size_t kBatchBytes = 4UL * 1024 * 1024;

struct WriterLimits {
  std::size_t queue = kWriterQueue;
  std::size_t reads = kReadQueue;
  std::size_t bytes = kWriterBytes;
  std::size_t batch = kBatchJobs;  // 1: a transaction for each change
};

class Writer {
 public:
  using Done = Job::Done;
  using Work = Job::Work;
  using OnValue = std::function<void(Result<std::optional<Bytes>>)>;
  using OnPage = std::function<void(Result<Page>)>;

  // Takes the store over; its rows should have been loaded before.
  explicit Writer(std::unique_ptr<Store> store, const WriterLimits& limits = {});
  ~Writer();  // stop()
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Any thread, all of these. Limit: queue full. Closed: stopping. A callback must not block and
  // must not throw: who lives on a loop posts it there.
  // REQUIRES: rows of one database only.
  [[nodiscard]] Result<void> submit(std::vector<Row> rows, Done done);
  // The value of one row, nullopt if there is none.
  [[nodiscard]] Result<void> get(Table table, const NetworkId& network, Bytes key, OnValue then);
  // One page: scan.hpp.
  [[nodiscard]] Result<void> scan(Scan scan, OnPage then);
  // Any other work with the store, between two transactions.
  [[nodiscard]] Result<void> ask(Work work, Done done);

  // Finishes accepted work, then ends the thread. Idempotent; not from a callback.
  void stop();
  [[nodiscard]] bool read_only() const;

  struct Counters {
    std::uint64_t changes = 0;  // submitted, and done since
    std::uint64_t reads = 0;
    std::uint64_t batches = 0;
    std::uint64_t refused = 0;  // by a full queue
  };
  [[nodiscard]] Counters counters() const;

 private:
  Result<void> enqueue(Job job);
  std::vector<Job> take();  // waits; empty: the end

  std::unique_ptr<Store> store_;
  const WriterLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::size_t reads_waiting_ = 0;
  std::size_t bytes_waiting_ = 0;
  Counters counters_;
  bool stopping_ = false;
  bool read_only_ = false;
  std::thread thread_;
};

}  // namespace weft::store
