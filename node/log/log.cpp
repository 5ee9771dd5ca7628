#include "node/log/log.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "node/io/clock.hpp"
#include "node/log/limiter.hpp"

namespace weft::log {

namespace {

using SystemTime = std::chrono::system_clock::time_point;

struct LevelText {
  const char* name;
  const char* colour;
};

LevelText text_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return {"trace", "\x1b[2m"};
    case spdlog::level::debug:
      return {"debug", "\x1b[2m"};
    case spdlog::level::warn:
      return {"warn", "\x1b[33m"};
    case spdlog::level::err:
      return {"error", "\x1b[31m"};
    case spdlog::level::critical:
      return {"critical", "\x1b[31m"};
    default:
      return {"info", "\x1b[32m"};
  }
}

std::string one_line(SystemTime time, spdlog::level::level_enum level, std::string_view what,
                     bool terminal) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  std::tm parts{};
  if (terminal)
    ::localtime_r(&seconds, &parts);
  else
    ::gmtime_r(&seconds, &parts);
  char when[32] = {};
  std::strftime(when, sizeof when, terminal ? "%H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[8] = {};
  std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(ms.count() % 1000));
  const auto [name, colour] = text_of(level);
  std::string out;
  out.reserve(what.size() + 64);
  if (terminal)
    ((((out += when) += fraction) += " ") += colour) += std::string(name) + "\x1b[0m ";
  else
    ((((out += "ts=") += when) += fraction) += "Z level=") += std::string(name) + " ";
  return (out += printable(what)) += '\n';
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (size == 0 || is_control(code))
      out += '?';
    else
      out += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

class Log::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(Target target)
      : terminal_(target.file.empty() && ::isatty(target.descriptor) == 1),
        place_(target.file.empty() ? "standard error" : target.file.string()),
        writer_(std::move(target), [terminal = terminal_](std::uint64_t count) {
          return one_line(io::system_time(), spdlog::level::warn,
                          "event=log_dropped count=" + std::to_string(count) +
                              " msg=\"lines that could not be written in time\"",
                          terminal);
        }) {}

  Writer& writer() { return writer_; }
  [[nodiscard]] const std::string& place() const { return place_; }

  void tell(bool all, Instant now) {
    const std::scoped_lock lock(mutex_);
    for (const auto& held : all ? limiter_.rest() : limiter_.due(now))
      writer_.write(one_line(io::system_time(), spdlog::level::warn, held.line(), terminal_));
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view what(message.payload.data(), message.payload.size());
    if (message.level >= spdlog::level::info && !limiter_.admit(io::monotonic_time(), what)) return;
    writer_.write(one_line(message.time, message.level, what, terminal_));
  }
  void flush_() override {}

  const bool terminal_;
  const std::string place_;
  Limiter limiter_;
  Writer writer_;
};

Log::Log() = default;
Log::~Log() { stop(); }

Result<void> Log::start(Target target, const std::string& level) {
  WEFT_ASSERT(sink_ == nullptr);
  sink_ = std::make_shared<Sink>(std::move(target));
  WEFT_CHECK(sink_->writer().start());
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("weft", sink_));
  set_level(level);
  return {};
}

void Log::set_level(const std::string& level) { spdlog::set_level(spdlog::level::from_str(level)); }
void Log::sweep(Instant now) { sink_->tell(false, now); }
void Log::reopen() { sink_->writer().reopen(); }
std::string Log::place() const { return sink_ ? sink_->place() : "standard error"; }
std::uint64_t Log::dropped() const { return sink_ ? sink_->writer().dropped() : 0; }

void Log::stop() {
  if (!sink_) return;
  sink_->tell(true, {});
  sink_->writer().stop();
}

}  // namespace weft::log
