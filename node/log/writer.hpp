// Takes lines to a file or a descriptor without ever holding up who writes them: a bounded queue
// and a thread. A reader that stopped, a full disk, a file server that hangs cost log lines, which
// are counted and told of when writing goes on, and nothing else.
//
// A file of our own is turned over when it would pass its size: weft.log becomes weft.log.1, and so
// on; a few are kept. One that was moved away or deleted is made anew. Where standard output or
// error lead to the file, as under `weft up`, they follow it.
//
// Limits: kQueueLines and kQueueBytes wait; then the oldest of them goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/time.hpp"

namespace weft::log {

struct Target {
  std::filesystem::path file;  // empty: `descriptor`
  int descriptor = 2;
  std::size_t file_size = std::size_t{5} << 20;
  unsigned files = 4;
};

class Writer {
 public:
  static constexpr std::size_t kQueueLines = 4096;
  static constexpr std::size_t kQueueBytes = std::size_t{1} << 20;
  static constexpr Duration kPatience = 500ms;  // of stop() with a reader that does not read

  // `tell_dropped` makes the line that says how many were dropped; called on the thread.
  Writer(Target target, std::function<std::string(std::uint64_t)> tell_dropped);
  ~Writer();  // stop()
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Opens the file. Without a thread to be had lines are written as they come, if that is possible
  // at once, and dropped if not. Storage: the file cannot be opened.
  [[nodiscard]] Result<void> start();
  void write(std::string line);  // with its line feed. Any thread
  void reopen();                 // the file, which somebody may have moved away
  // What waits is written, if that is possible soon.
  void stop();
  [[nodiscard]] std::uint64_t dropped() const;  // ever

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace weft::log
