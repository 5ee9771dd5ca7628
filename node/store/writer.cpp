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
  WEFT_ASSERT(done != nullptr);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(Errc::Closed, "the store is closing");
    if (queue_.size() >= limit_) return fail(Errc::Limit, "the disk does not keep up");
    queue_.push_back({std::move(rows), std::move(done)});
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
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    const auto result = store_->commit(job.rows);
    {
      const std::lock_guard lock(mutex_);
      read_only_ = store_->read_only();
    }
    job.done(result);
  }
}

}  // namespace weft::store
