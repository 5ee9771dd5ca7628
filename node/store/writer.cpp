#include "node/store/writer.hpp"

#include "base/assert.hpp"

namespace weft::store {

Writer::Writer(std::unique_ptr<Store> store, std::size_t queue_limit)
    : store_(std::move(store)), limit_(queue_limit) {
  WEFT_ASSERT(store_ != nullptr && limit_ > 0);
  read_only_ = store_->read_only();
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() { stop(); }

Result<void> Writer::submit(std::vector<Row> rows, Done done) {
  return enqueue({std::move(rows), {}, std::move(done)});
}

Result<void> Writer::ask(Work work, Done done) {
  WEFT_ASSERT(work != nullptr);
  return enqueue({{}, std::move(work), std::move(done)});
}

Result<void> Writer::enqueue(Job job) {
  WEFT_ASSERT(job.done != nullptr);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(Errc::Closed, "the store is closing");
    if (queue_.size() >= limit_) return fail(Errc::Limit, "the disk does not keep up");
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return {};
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

void Writer::run() {
  for (;;) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && jobs.size() < kWriterBatch) {
        jobs.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    std::vector<Result<void>> results;
    for (const auto& job : jobs)
      results.push_back(job.work ? job.work(*store_) : store_->write(job.rows));
    const auto anchored = store_->anchor();
    {
      const std::lock_guard lock(mutex_);
      read_only_ = store_->read_only();
    }
    for (std::size_t i = 0; i < jobs.size(); ++i)
      jobs[i].done(results[i] && !anchored && !jobs[i].work ? anchored : results[i]);
  }
}

}  // namespace weft::store
