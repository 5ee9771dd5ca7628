// The one thread that writes to the store. Work is taken in order; a full queue refuses, so a slow
// disk pushes back instead of growing memory. What waits is taken together, each with a transaction
// of its own, and shares one flush of the marker.
//
// Invariant: for every accepted submit the callback is called exactly once, on the writer thread,
// in the order of submission, also during shutdown (which finishes what was accepted).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/persist.hpp"
#include "node/store/store.hpp"

namespace weft::store {

inline constexpr std::size_t kWriterQueue = 1024;
inline constexpr std::size_t kWriterBatch = 64;  // a burst must not delay its first answer for long

class Writer {
 public:
  using Done = std::function<void(const Result<void>&)>;

  // Takes the store over; its rows should have been loaded before.
  explicit Writer(std::unique_ptr<Store> store, std::size_t queue_limit = kWriterQueue);
  ~Writer();  // stop()
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Any thread. Limit: queue full. Closed: stopping. `done` must not block and must not throw.
  [[nodiscard]] Result<void> submit(std::vector<Row> rows, Done done);
  // Any other work with the store, in its turn; answers as submit() does.
  using Work = std::function<Result<void>(Store&)>;
  [[nodiscard]] Result<void> ask(Work work, Done done);
  // Finishes accepted work, then ends the thread. Idempotent; not from `done`.
  void stop();
  [[nodiscard]] bool read_only() const;

 private:
  struct Job {
    std::vector<Row> rows;
    Work work;  // instead of rows
    Done done;
  };
  Result<void> enqueue(Job job);
  void run();

  std::unique_ptr<Store> store_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  bool read_only_ = false;
  std::thread thread_;
};

}  // namespace weft::store
