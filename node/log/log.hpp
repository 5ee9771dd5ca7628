// The log of the daemon: spdlog's default logger, behind which every line is made printable,
// counted when it repeats (limiter.hpp), and written by a thread that holds up nobody (writer.hpp).
//
// One line is one event in logfmt: ts=2026-11-29T22:10:00.123Z level=warn event=... key=value...
// On a terminal it begins with the time of day and the level in colour. Whatever a line holds,
// control characters and what is no UTF-8 are replaced by '?', so that no name from elsewhere
// speaks to a terminal.
#pragma once

#include <memory>
#include <string>

#include "base/time.hpp"
#include "node/log/writer.hpp"

namespace weft::log {

// With '?' for what a terminal might take for an order.
[[nodiscard]] std::string printable(std::string_view text);

class Log {
 public:
  Log();
  ~Log();  // stop()
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Becomes spdlog's default logger. Storage: the file cannot be opened.
  [[nodiscard]] Result<void> start(Target target, const std::string& level);
  void set_level(const std::string& level);
  // Tells how often lines repeated whose minute has ended. Now and then.
  void sweep(Instant now);
  void reopen();
  void stop();
  // The file, or "standard error".
  [[nodiscard]] std::string place() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace weft::log
