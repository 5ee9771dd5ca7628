#include "node/store/writer.hpp"

#include "base/assert.hpp"

namespace weft::store {

Writer::Writer(std::unique_ptr<Store> store, const WriterLimits& limits)
    : store_(std::move(store)), limits_(limits) {
  WEFT_ASSERT(store_ != nullptr && limits_.queue > 0 && limits_.reads > 0 && limits_.batch > 0);
  read_only_ = store_->read_only();
  thread_ = std::thread([this] {
    for (;;) {
      const auto jobs = take();
      if (jobs.empty()) return;
      const auto results = run_batch(*store_, jobs);
      {
        const std::lock_guard lock(mutex_);
        read_only_ = store_->read_only();
      }
      for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].done(results[i]);
    }
  });
}

Writer::~Writer() { stop(); }

Result<void> Writer::submit(std::vector<Row> rows, Done done) {
  return enqueue({Job::Kind::Change, std::move(rows), {}, std::move(done)});
}

Result<void> Writer::get(Table table, const NetworkId& network, Bytes key, OnValue then) {
  WEFT_ASSERT(then != nullptr);
  auto found = std::make_shared<std::optional<Bytes>>();
  auto read = [=, key = std::move(key)](Store& store) -> Result<void> {
    WEFT_TRY(*found, store.get(table, network, key));
    return {};
  };
  auto done = [found, then = std::move(then)](const Result<void>& result) {
    if (!result) return then(std::unexpected(result.error()));
    then(std::move(*found));
  };
  return enqueue({Job::Kind::Read, {}, std::move(read), std::move(done)});
}

Result<void> Writer::scan(Scan scan, OnPage then) {
  WEFT_ASSERT(then != nullptr);
  struct Reading {
    Scan scan;
    Page page;
  };
  auto reading = std::make_shared<Reading>(std::move(scan), Page{});
  auto read = [reading](Store& store) -> Result<void> {
    WEFT_TRY(reading->page, store.scan(reading->scan));
    return {};
  };
  auto done = [reading, then = std::move(then)](const Result<void>& result) {
    if (!result) return then(std::unexpected(result.error()));
    then(std::move(reading->page));
  };
  return enqueue({Job::Kind::Read, {}, std::move(read), std::move(done)});
}

Result<void> Writer::ask(Work work, Done done) {
  WEFT_ASSERT(work != nullptr);
  return enqueue({Job::Kind::Work, {}, std::move(work), std::move(done)});
}

Result<void> Writer::enqueue(Job job) {
  WEFT_ASSERT(job.done != nullptr);
  const bool is_read = job.kind == Job::Kind::Read;
  const std::size_t bytes = job.bytes();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(Errc::Closed, "the store is closing");
    const std::size_t others = queue_.size() - reads_waiting_;
    const bool full =
        is_read ? reads_waiting_ >= limits_.reads
                : others >= limits_.queue || (others > 0 && bytes_waiting_ + bytes > limits_.bytes);
    if (full) {
      ++counters_.refused;
      return fail(Errc::Limit, "the disk does not keep up");
    }
    if (is_read) ++reads_waiting_;
    bytes_waiting_ += bytes;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return {};
}

std::vector<Job> Writer::take() {
  std::vector<Job> jobs;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  std::size_t bytes = 0;
  std::size_t reads = 0;
  while (!queue_.empty() && jobs.size() < limits_.batch && bytes < kBatchBytes &&
         reads < kBatchReads) {
    jobs.push_back(std::move(queue_.front()));
    queue_.pop_front();
    const bool is_read = jobs.back().kind == Job::Kind::Read;
    reads += is_read ? 1 : 0;
    bytes += jobs.back().bytes();
    counters_.changes += jobs.back().kind == Job::Kind::Change ? 1 : 0;
  }
  reads_waiting_ -= reads;
  bytes_waiting_ -= bytes;
  counters_.reads += reads;
  counters_.batches += jobs.empty() ? 0 : 1;
  return jobs;
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Writer::read_only() const {
  const std::lock_guard lock(mutex_);
  return read_only_;
}

Writer::Counters Writer::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace weft::store
