#include "simulations/sim_command.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <expected>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/crypto.hpp"
#include "base/nearest_word.hpp"
#include "simulations/report.hpp"
#include "simulations/run.hpp"
#include "simulations/scenario_shelf.hpp"
#include "simulations/svg_plot.hpp"

namespace weft::sim {

namespace {

struct Options {
  std::string scenario;
  std::string out;
  std::uint32_t nodes = 0;
  std::optional<std::uint64_t> seed;
  std::string trace;
  unsigned threads = 1;
};
std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// Once: stop soon and keep what was done. Once more: stop now.
void on_interrupt(int signal) {
  g_stop.store(true, std::memory_order_relaxed);
  std::signal(signal, SIG_DFL);
}

// A broken invariant aborts: then the last line says how to see it again.
std::string g_replay;
void on_abort(int) {
  const auto ignored = write(STDERR_FILENO, g_replay.data(), g_replay.size());
  static_cast<void>(ignored);
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

enum Exit { kDone = 0, kFailed = 1, kUsage = 2, kNotFound = 4, kInterrupted = 130 };

int complain(const SimHost& host, Exit code, const std::string& title, const std::string& why,
             const std::string& fix) {
  if (host.json) {
    const char* name = code == kUsage ? "usage" : code == kNotFound ? "not_found" : "failed";
    const nlohmann::ordered_json json{{"schema", "weft.error/1"},
                                      {"code", static_cast<int>(code)},
                                      {"type", std::string("urn:weft:error:") + name},
                                      {"title", title},
                                      {"detail", why},
                                      {"fix", fix}};
    std::cout << json.dump() << "\n";
  } else {
    std::cerr << "weft: " << title << "\n";
    if (!why.empty()) std::cerr << "  why: " << why << "\n";
    if (!fix.empty()) std::cerr << "  fix: " << fix << "\n";
  }
  return code;
}

// As a shell reads it: quoted where it must be.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("_-./,:@%+=", c) != nullptr;
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

int no_scenario(const SimHost& host, const std::string& name) {
  std::vector<std::string> names;
  for (auto& entry : all_scenarios()) names.push_back(std::move(entry.name));
  const auto near = nearest_word(name, names);
  return complain(host, kNotFound, "there is no scenario " + name,
                  near.empty() ? "it is neither a file nor one that comes with weft"
                               : "did you mean " + near + "?",
                  host.program + " sim list");
}

// The scenario of that name or file, or the exit code of the complaint.
std::expected<Scenario, int> open_scenario(const SimHost& host, const std::string& name) {
  const auto found = find_scenario(name);
  if (!found) return std::unexpected(no_scenario(host, name));
  auto scenario = read_scenario(*found);
  // Whether the rest can be built shows when it is: a latency matrix is read then.
  const auto network = scenario ? Network::create(scenario->network, scenario->seed)
                                : Result<Network>(std::unexpected(scenario.error()));
  if (!network)
    return std::unexpected(complain(host, kUsage, "the scenario has an error",
                                    network.error().detail,
                                    "edit it; docs/simulation.md explains every key"));
  return std::move(*scenario);
}

class Trace {
 public:
  // time ns u64 | from u32 | to u32 | size u16, big-endian: 18 bytes a delivery.
  explicit Trace(const std::string& path) : file_(path, std::ios::binary) {
    file_.write("weftsim1", 8);
  }
  void add(const Delivery& delivery) {
    row_.clear();
    append_be(row_, static_cast<std::uint64_t>(delivery.at.time_since_epoch().count()));
    append_be(row_, delivery.from);
    append_be(row_, delivery.to);
    append_be(row_, delivery.size);
    file_.write(reinterpret_cast<const char*>(row_.data()),
                static_cast<std::streamsize>(row_.size()));
  }
  [[nodiscard]] bool good() const { return file_.good(); }
  // Whether all of it is in the file.
  bool finish() {
    file_.close();
    return file_.good();
  }

 private:
  std::ofstream file_;
  Bytes row_;
};

// One line that is written over; without a terminal one line per tenth of the run.
class Progress {
 public:
  Progress(const SimHost& host, Duration whole)
      : whole_(whole), terminal_(isatty(STDERR_FILENO) == 1), off_(host.quiet) {}

  void show(const Run& run, Duration done, double wall, std::uint64_t events) {
    if (off_) return;
    const auto percent = done.count() * 100 / whole_.count();
    if (!terminal_ && percent / 10 == shown_) return;
    if (terminal_ && wall - shown_at_ < 0.2 && done < whole_) return;
    shown_ = percent / 10;
    shown_at_ = wall;
    const bool minutes = whole_ >= 10min;
    std::ostringstream line;
    line << percent << " %  " << (minutes ? done / 1min : done / 1s) << " of "
         << (minutes ? whole_ / 1min : whole_ / 1s) << (minutes ? " min  " : " s  ")
         << events / 1000 << "k events  "
         << static_cast<std::uint64_t>(wall > 0 ? static_cast<double>(events) / wall : 0) << "/s";
    if (!run.samples().empty()) {
      const Sample& last = run.samples().back();
      line << "  online " << last.online << "  " << static_cast<int>(last.bytes_per_node_second)
           << " B/s/node";
      if (last.lookups > 0) line << "  p50 " << last.p50_ms << " ms";
    }
    // A line that is wider than the terminal would scroll instead of being written over.
    if (terminal_)
      std::cerr << "\r" << line.str().substr(0, columns() - 1) << "\x1b[K" << std::flush;
    else
      std::cerr << line.str() << "\n" << std::flush;
  }
  void end() const {
    if (!off_ && terminal_) std::cerr << "\n";
  }

 private:
  static std::size_t columns() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col : 80;
  }

  Duration whole_;
  bool terminal_;
  bool off_;
  std::int64_t shown_ = -1;
  double shown_at_ = -1;
};

void print_result(const RunResult& r) {
  const auto line = [&](const char* label, Operation operation, std::uint32_t from,
                        bool victim = false) {
    const auto p = summarise(r.measured, operation, from, victim);
    if (p.count == 0) return;
    std::printf("%-8s %7llu %6.2f %% right  p50 %5.0f  p90 %5.0f  p99 %5.0f ms", label,
                static_cast<unsigned long long>(p.count), p.success_percent(), p.p50_ms, p.p90_ms,
                p.p99_ms);
    const double hops = p.hops_mean;
    const double sent = p.requests_mean;
    if (sent > 0) std::printf("  hops %.1f  sent %.1f", hops, sent);
    std::printf("\n");
  };
  std::printf(
      "%s: %s nodes, fidelity %s, seed %llu, %lld virtual seconds in %.1f s, one RTT %.0f ms\n",
      r.scenario.c_str(), grouped(r.nodes).c_str(), r.fidelity.c_str(),
      static_cast<unsigned long long>(r.seed), static_cast<long long>(r.virtual_time / 1s),
      r.wall_seconds, r.one_rtt_ms);
  if (r.measured.empty())
    std::printf("nothing was measured: the warm-up takes %u virtual seconds\n", r.warmup_second);
  line("lookups", Operation::Lookup, r.warmup_second);
  line("gets", Operation::Get, r.warmup_second);
  line("attacked", Operation::Get, r.warmup_second, true);
  line("puts", Operation::Put, 0);
  line("joins", Operation::Join, 0);
  line("opens", Operation::Open, r.warmup_second);
  line("pieces", Operation::Piece, r.warmup_second);
  line("held", Operation::Publish, r.warmup_second);
  line("messages", Operation::Delivery, r.warmup_second);
  line("deaths", Operation::Detect, r.warmup_second);
  if (const auto& nodes = r.node_bytes_per_second; !nodes.empty())
    std::printf("traffic  p50 %u  p99 %u B/s sent per node\n", nodes[nodes.size() / 2],
                nodes[nodes.size() * 99 / 100]);
  std::printf("events   %llu, %.0f per second; ", static_cast<unsigned long long>(r.events),
              static_cast<double>(r.events) / std::max(r.wall_seconds, 1e-9));
  if (r.node_memory_bytes > 0)
    std::printf("%.1f KiB a node, ", static_cast<double>(r.node_memory_bytes) / 1024.0);
  std::printf("%.0f MiB resident\n", static_cast<double>(r.rss_bytes) / 1048576.0);
  for (const auto& note : r.notes) std::printf("note     %s\n", note.c_str());
  for (const auto& kept : r.kept) std::printf("kept     %s\n", kept.c_str());
  for (const auto& broken : r.broken) std::printf("missed   %s\n", broken.c_str());
  std::printf("digest   %s\n", r.digest.c_str());
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  char text[32];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &parts));
  return {text, size};
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Runs in short steps of virtual time, so that progress shows and Ctrl-C is heard.
double run_watched(Run& run, const SimHost& host, Duration whole) {
  const auto started = std::chrono::steady_clock::now();
  Progress progress(host, whole);
  for (Duration at = 0s; at < whole && !g_stop;) {
    at = std::min(at + 2s, whole);
    run.run_until(Instant{at}, &g_stop);
    progress.show(run, at, seconds_since(started), run.simulator().events());
  }
  progress.end();
  if (g_stop && !host.quiet) std::cerr << "interrupted: what was done is kept\n";
  return seconds_since(started);
}

// A large network is touched all over and spends a fifth of its time on page tables, unless its
// pages are huge. The C library asks the kernel for those only if told so before it starts: so this
// program starts once more. Where that does not work it goes on as it is.
void want_huge_pages(std::uint32_t nodes) {
  constexpr const char* kTunables = "GLIBC_TUNABLES";
  if (nodes < 1000 || std::getenv(kTunables) != nullptr) return;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (words.empty() || setenv(kTunables, "glibc.malloc.hugetlb=1", 1) != 0) return;
  execv("/proc/self/exe", arguments.data());
}

// Prints the run and writes its files. Nothing that fails here keeps the rest from being said.
int give_result(const SimHost& host, const Options& options, const RunResult& result,
                const std::string& description) {
  int code = result.interrupted ? kInterrupted : result.broken.empty() ? kDone : kFailed;
  if (host.json)
    std::cout << to_json(result).dump() << "\n";
  else
    print_result(result);
  const bool printed = std::fflush(stdout) == 0 && std::cout.flush();
  if (!options.out.empty()) {
    const auto written = write_report(result, description, options.out);
    if (!written)
      code = complain({false, host.quiet, host.program, host.action}, kFailed,
                      "cannot write the report", written.error().detail,
                      "make room or choose another --out; the run itself repeats");
    else if (!host.quiet)
      std::cerr << "report: " << options.out << "/report.html\n";
  }
  if (!result.broken.empty()) std::cerr << "repeat: " << result.replay << "\n";
  if (printed) return code;
  std::cerr << "weft: the result could not be written to standard output\n";
  return kFailed;
}

int run_scenario(const SimHost& host, const Options& options) {
  const auto scenario = open_scenario(host, options.scenario);
  if (!scenario) return scenario.error();
  const std::uint32_t nodes = options.nodes != 0 ? options.nodes : scenario->nodes;
  want_huge_pages(nodes);
  const auto seed = options.seed.value_or(scenario->seed);
  if (!options.out.empty())  // not after an hour of work
    if (const auto ready = prepare_directory(options.out); !ready)
      return complain(host, kFailed, "cannot write to " + options.out, ready.error().detail,
                      "choose another directory for --out");
  g_stop = false;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  crypto::initialise();
  auto run = Run::create(*scenario, nodes, seed, options.threads);
  if (!run)
    return complain(
        host, kUsage, "the scenario cannot run", run.error().detail,
        "give --nodes " + std::to_string(scenario->seeds + 1) + " or more, or edit the scenario");
  std::unique_ptr<Trace> trace;
  if (!options.trace.empty()) {
    errno = 0;
    trace = std::make_unique<Trace>(options.trace);
    if (!trace->good())
      return complain(host, kFailed, "cannot write " + options.trace, std::strerror(errno),
                      "choose another file for --trace");
    (*run)->simulator().log_deliveries(
        [&trace](const Delivery& delivery) { trace->add(delivery); });
  }
  const std::string replay = shell_word(host.program) + " sim run " + shell_word(options.scenario) +
                             " --nodes " + std::to_string(nodes) + " --seed " +
                             std::to_string(seed);
  g_replay = "repeat: " + replay + "\n";
  std::signal(SIGABRT, on_abort);
  const double wall = run_watched(**run, host, scenario->duration);
  RunResult result = (*run)->finish(g_stop);
  result.replay = replay;
  result.date = today();
  result.wall_seconds = wall;
  result.rss_bytes = resident_bytes();
  const int code = give_result(host, options, result, scenario->description);
  if (!trace || trace->finish()) return code;
  std::cerr << "weft: the trace " << options.trace
            << " is not complete\n  why: " << std::strerror(errno)
            << "\n  fix: make room or choose another file for --trace\n";
  return kFailed;
}

int check_scenario(const SimHost& host, const std::string& name) {
  const auto scenario = open_scenario(host, name);
  if (!scenario) return scenario.error();
  if (host.json)
    std::cout << nlohmann::ordered_json{{"schema", "weft.sim-check/1"},
                                        {"name", scenario->name},
                                        {"nodes", scenario->nodes},
                                        {"virtual_s", scenario->duration / 1s}}
                     .dump()
              << "\n";
  else
    std::cout << "ok  " << scenario->name << ": " << scenario->nodes << " nodes, "
              << scenario->duration / 1min << " virtual minutes\n";
  return kDone;
}

// Lines of at most `width` letters; a longer word has a line of its own.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines{""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

int list_scenarios(const SimHost& host) {
  nlohmann::ordered_json json{{"schema", "weft.sim-list/1"},
                              {"scenarios", nlohmann::ordered_json::array()}};
  constexpr int kIndent = 17;  // of the description, below the name
  for (const auto& entry : all_scenarios()) {
    const auto scenario = read_scenario(entry);
    const std::string text = scenario ? scenario->description : scenario.error().detail;
    const std::uint32_t nodes = scenario ? scenario->nodes : 0;
    json["scenarios"].push_back(
        {{"name", entry.name}, {"file", entry.file}, {"nodes", nodes}, {"description", text}});
    if (host.json) continue;
    std::printf("%-*s%s nodes\n", kIndent, entry.name.c_str(), grouped(nodes).c_str());
    for (const auto& line : wrapped(text, 80 - kIndent))
      std::printf("%*s%s\n", kIndent, "", line.c_str());
  }
  if (host.json)
    std::cout << json.dump() << "\n";
  else if (!host.quiet)
    std::cerr << "to make your own: " << host.program << " sim show churn > mine.toml\n";
  return kDone;
}

int show_scenario(const SimHost& host, const std::string& name) {
  const auto found = find_scenario(name);
  if (!found) return no_scenario(host, name);
  if (host.json)
    std::cout << nlohmann::ordered_json{{"schema", "weft.sim-show/1"},
                                        {"name", found->name},
                                        {"text", found->text}}
                     .dump()
              << "\n";
  else
    std::cout << found->text;
  return kDone;
}

CLI::Validator whole_number(std::int64_t least, std::int64_t most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc{} && end == text.data() + text.size() && value >= least &&
            value <= most)
          return std::string();
        return "must be a whole number from " + std::to_string(least) + " to " +
               std::to_string(most) + ", not " + text;
      },
      "");
}

}  // namespace

void add_sim_commands(CLI::App& app, const SimHost& host) {
  auto options = std::make_shared<Options>();
  auto* sim = app.add_subcommand("sim", "Simulate a network with the real cores");
  sim->require_subcommand(1);
  auto* run = sim->add_subcommand("run", "Run a scenario: same seed, same digest");
  run->add_option("scenario", options->scenario, "a TOML file, or a name from `weft sim list`")
      ->required()
      ->type_name("FILE");
  run->add_option("--nodes", options->nodes, "how many nodes (else the scenario's)")
      ->check(whole_number(2, 2'000'000))
      ->type_name("N");
  run->add_option("--seed", options->seed, "where all randomness comes from")
      ->check(whole_number(0, std::numeric_limits<std::int64_t>::max()))
      ->type_name("S");
  run->add_option("--out", options->out, "directory for CSV, plots and report.html")
      ->type_name("DIR");
  run->add_option("--trace", options->trace, "file for one 18-byte row per delivered datagram")
      ->type_name("FILE");
  run->add_option("--threads", options->threads,
                  "2: half of the world on a thread of its own, same digest")
      ->check(whole_number(1, 2))
      ->type_name("T");
  run->footer("example: weft sim run bootstrap --nodes 200 --out /tmp/bootstrap");
  run->callback(
      [host, options] { host.action = [host, options] { return run_scenario(host, *options); }; });
  auto* list = sim->add_subcommand("list", "Scenarios that come with weft");
  list->callback([host] { host.action = [host] { return list_scenarios(host); }; });
  list->footer("example: weft sim list");
  auto* show = sim->add_subcommand("show", "Print a scenario, to make your own from it");
  show->add_option("scenario", options->scenario, "a name from `weft sim list`")
      ->required()
      ->type_name("SCENARIO");
  show->footer("example: weft sim show churn > mine.toml");
  show->callback([host, options] {
    host.action = [host, options] { return show_scenario(host, options->scenario); };
  });
  auto* check = sim->add_subcommand("check", "Read a scenario and say what is wrong with it");
  check->add_option("scenario", options->scenario, "a TOML file or a name")
      ->required()
      ->type_name("FILE");
  check->callback([host, options] {
    host.action = [host, options] { return check_scenario(host, options->scenario); };
  });
}

}  // namespace weft::sim
