// logs: finds the daemon's log, shows its end, and follows it through the turning over of files.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

constexpr int kLookAgainMs = 100;
constexpr int kOldFiles = 9;  // more than the daemon keeps

struct LogOptions {
  unsigned lines = 50;
  bool follow = false;
};

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  // Calls `take` with each whole line that has come since; what is not a whole line waits.
  template <class Take>
  void read_lines(Take take) {
    std::array<char, 64 * 1024> piece{};
    for (ssize_t size = 0; (size = ::read(fd_, piece.data(), piece.size())) > 0;) {
      rest_.append(piece.data(), static_cast<std::size_t>(size));
      std::size_t begin = 0;
      for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
        take(rest_.substr(begin, end - begin));
        begin = end + 1;
      }
      rest_.erase(0, begin);
    }
  }
  // Another file has its name now.
  [[nodiscard]] bool was_replaced(const std::filesystem::path& path) const {
    struct stat here{};
    struct stat there{};
    return ::fstat(fd_, &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
           (here.st_ino != there.st_ino || here.st_dev != there.st_dev);
  }

 private:
  int fd_;
  std::string rest_;
};

// The file that a running daemon names, else the one `weft up` writes.
ApiResult<std::filesystem::path> find_log(const Context& context) {
  auto usual = context.paths().log_file();
  const auto status =
      context.client().call("GET", "/api/v1/status", std::nullopt, std::chrono::milliseconds(2000));
  auto named = status ? (*status)["node"].value("log", "") : std::string();
  if (named.starts_with('/')) return named;
  std::error_code none;
  if (named.empty() && std::filesystem::exists(usual, none)) return usual;
  return api::refuse(Code::NotFound,
                     named.empty() ? "there is no log at " + usual.string()
                                   : "this node writes its log to its " + named,
                     "a file is written by weft up, and by weft run --log-file FILE",
                     "where it runs as a unit: journalctl -u weft, or journalctl --user -u weft");
}

std::deque<std::string> last_lines_of(const std::filesystem::path& file, unsigned count) {
  std::deque<std::string> lines;
  for (int i = 0; i <= kOldFiles && lines.size() < count; ++i) {
    OpenFile one(i == 0 ? file.string() : file.string() + "." + std::to_string(i));
    if (!one.is_open()) break;
    std::deque<std::string> here;
    one.read_lines([&](std::string line) {
      here.push_back(std::move(line));
      if (here.size() > count - lines.size()) here.pop_front();
    });
    lines.insert(lines.begin(), here.begin(), here.end());
  }
  return lines;
}

void show_line(const Context& context, const std::string& line) {
  if (context.json)
    context.print(api::dump(Json{{"schema", "weft.log-line/1"}, {"line", line}}) + "\n");
  else
    context.print(printable(line) + "\n");
  std::cout.flush();
}

int follow(const Context& context, const std::filesystem::path& path, unsigned count) {
  auto file = std::make_unique<OpenFile>(path);
  std::deque<std::string> first;
  file->read_lines([&](std::string line) {
    first.push_back(std::move(line));
    if (first.size() > count) first.pop_front();
  });
  for (const auto& line : first) show_line(context, line);
  const auto show = [&](const std::string& line) { show_line(context, line); };
  while (std::cout) {
    const bool replaced = file->was_replaced(path);  // looked at before the last lines are read
    file->read_lines(show);
    if (replaced) {
      auto next = std::make_unique<OpenFile>(path);
      if (next->is_open()) file = std::move(next);
      continue;
    }
    ::poll(nullptr, 0, kLookAgainMs);
  }
  return 0;
}

int run_logs(const Context& context, const LogOptions& options) {
  const auto path = find_log(context);
  if (!path) return context.report(path.error());
  if (options.follow) return follow(context, *path, options.lines);
  const auto lines = last_lines_of(*path, options.lines);
  const Json data{{"schema", "weft.logs/1"}, {"file", path->string()}, {"lines", lines}};
  return context.show(data, [&](const Json&) {
    for (const auto& line : lines) context.print(printable(line) + "\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* logs = app.add_subcommand("logs", "What the daemon has logged");
  auto options = std::make_shared<LogOptions>();
  logs->add_option("-n,--lines", options->lines, "how many of the last lines (default 50)")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N");
  logs->add_flag("-f,--follow", options->follow, "go on with what comes, until Ctrl-C");
  logs->footer("example: weft logs -f");
  logs->callback([&context, options] {
    context.action = [&context, options] { return run_logs(context, *options); };
  });
}

}  // namespace

CommandSet logs_commands() { return {51, add}; }

}  // namespace weft::cli
