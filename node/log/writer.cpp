#include "node/log/writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>

#include "node/io/thread.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::log {

namespace {
namespace fs = std::filesystem;

constexpr int kLookAgainMs = 100;  // whether to stop, while nobody reads

fs::path older(const fs::path& file, unsigned index) {
  return index == 0 ? file : fs::path(file.string() + "." + std::to_string(index));
}
}  // namespace

struct Writer::Shared {
  Shared(Target to, std::function<std::string(std::uint64_t)> tell)
      : target(std::move(to)), tell_dropped(std::move(tell)) {}

  // ---- the thread, or, where there is none, whoever writes --------------------------------------
  Result<void> open_file() {
    io::UniqueFd fd(::open(target.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    struct stat info{};
    if (!fd || ::fstat(fd.value(), &info) != 0)
      return fail(Errc::Storage,
                  "cannot open " + target.file.string() + ": " + std::strerror(errno));
    file = std::move(fd);
    size = static_cast<std::size_t>(info.st_size);
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
      if (follows.at(static_cast<std::size_t>(stream))) ::dup2(file.value(), stream);
    return {};
  }

  void see_who_follows() {
    struct stat here{};
    struct stat there{};
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
      follows.at(static_cast<std::size_t>(stream)) =
          ::fstat(file.value(), &here) == 0 && ::fstat(stream, &there) == 0 &&
          here.st_ino == there.st_ino && here.st_dev == there.st_dev;
  }

  void turn_over() {
    std::error_code error;
    for (unsigned i = target.files - 1; i > 0; --i)
      fs::rename(older(target.file, i - 1), older(target.file, i), error);
    if (fs::exists(target.file, error)) {  // it could not be moved: the disk is not ours to fill
      if (::ftruncate(file.value(), 0) == 0) size = 0;
      return;
    }
    if (!open_file()) return;  // the next look tries again
  }

  void look_at_file(bool wanted) {
    struct stat info{};
    const bool gone = !file || ::fstat(file.value(), &info) != 0 || info.st_nlink == 0;
    if ((wanted || gone) && !open_file()) return;  // the old one goes on
  }

  // True: all of it is out.
  bool put(std::string_view text, bool may_wait) {
    const int fd = target.file.empty() ? target.descriptor : file.value();
    while (!text.empty()) {
      pollfd ready{fd, POLLOUT, 0};
      if (::poll(&ready, 1, may_wait ? kLookAgainMs : 0) <= 0) {
        if (!may_wait || is_stopping()) return false;
        continue;
      }
      // What fits into a pipe that is ready does not block.
      const std::size_t piece = std::min<std::size_t>(text.size(), PIPE_BUF);
      const auto done = ::write(fd, text.data(), piece);
      if (done < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (done <= 0) return false;
      size += static_cast<std::size_t>(done);
      text.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
  }

  bool put_line(const std::string& line, bool may_wait) {
    if (!target.file.empty() && size + line.size() > target.file_size && size > 0) turn_over();
    if (put(line, may_wait)) return true;
    const std::scoped_lock lock(mutex);
    ++dropped;
    ++untold;
    return false;
  }

  void put_all(const std::deque<std::string>& lines, bool may_wait, bool open_again) {
    if (!target.file.empty()) look_at_file(open_again);
    std::uint64_t missing = 0;
    {
      const std::scoped_lock lock(mutex);
      missing = std::exchange(untold, 0);
    }
    if (missing > 0 && !put(tell_dropped(missing), may_wait)) {
      const std::scoped_lock lock(mutex);
      untold += missing;
    }
    // The end is not waited for line by line: the descriptor may be somebody else's by then.
    for (const auto& line : lines)
      if (!put_line(line, may_wait) && may_wait && is_stopping()) return;
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || reopen || !queue.empty(); });
      if (queue.empty() && stopping) break;
      const bool last = stopping;
      auto lines = std::exchange(queue, {});
      bytes = 0;
      const bool again = std::exchange(reopen, false);
      lock.unlock();
      put_all(lines, true, again);
      lock.lock();
      if (last) break;
    }
    ended = true;
    wake.notify_all();
  }

  bool is_stopping() {
    const std::scoped_lock lock(mutex);
    return stopping;
  }

  const Target target;
  const std::function<std::string(std::uint64_t)> tell_dropped;
  io::UniqueFd file;
  std::size_t size = 0;           // of the file
  std::array<bool, 3> follows{};  // by descriptor: a standard stream that leads to the file

  mutable std::mutex mutex;  // of all that follows
  std::condition_variable wake;
  std::deque<std::string> queue;
  std::size_t bytes = 0;
  std::uint64_t dropped = 0, untold = 0;
  bool threaded = false, stopping = false, ended = false, reopen = false;
};

Writer::Writer(Target target, std::function<std::string(std::uint64_t)> tell_dropped)
    : shared_(std::make_shared<Shared>(std::move(target), std::move(tell_dropped))) {}

Writer::~Writer() { stop(); }

Result<void> Writer::start() {
  if (!shared_->target.file.empty()) {
    WEFT_CHECK(shared_->open_file());
    shared_->see_who_follows();
  }
  auto thread = io::start_thread([shared = shared_] { shared->work(); });
  if (!thread) return {};
  thread->detach();  // it may hang in a write for ever; stop() does not wait for that
  const std::scoped_lock lock(shared_->mutex);
  shared_->threaded = true;
  return {};
}

void Writer::write(std::string line) {
  std::deque<std::string> at_once;
  {
    const std::scoped_lock lock(shared_->mutex);
    if (!shared_->threaded) {
      at_once.push_back(std::move(line));
    } else {
      shared_->bytes += line.size();
      shared_->queue.push_back(std::move(line));
      while (shared_->queue.size() > kQueueLines || shared_->bytes > kQueueBytes) {
        shared_->bytes -= shared_->queue.front().size();
        shared_->queue.pop_front();
        ++shared_->dropped;
        ++shared_->untold;
      }
    }
  }
  if (!at_once.empty()) return shared_->put_all(at_once, false, false);
  shared_->wake.notify_one();
}

void Writer::reopen() {
  const std::scoped_lock lock(shared_->mutex);
  shared_->reopen = true;
  shared_->wake.notify_one();
}

void Writer::stop() {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->threaded || std::exchange(shared_->stopping, true)) return;
  shared_->wake.notify_all();
  shared_->wake.wait_for(lock, kPatience, [&] { return shared_->ended; });
}

std::uint64_t Writer::dropped() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->dropped;
}

}  // namespace weft::log
