#include "simulations/sim_command.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/crypto.hpp"
#include "simulations/experiment.hpp"
#include "simulations/report.hpp"

namespace weft::sim {

namespace {

struct Options {
  std::string scenario;
  std::string out;
  std::uint32_t nodes = 0;
  std::int64_t seed = -1;
  std::string trace;
  bool json = false;
  bool quiet = false;
  CLI::App* run = nullptr;
  CLI::App* list = nullptr;
};
Options g_options;
std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_interrupt(int) { g_stop.store(true, std::memory_order_relaxed); }

std::vector<std::filesystem::path> scenario_directories() {
  std::vector<std::filesystem::path> places;
  if (const char* own = std::getenv("WEFT_SCENARIOS")) places.emplace_back(own);
  places.emplace_back("simulations/scenarios");
  places.emplace_back(WEFT_SCENARIO_DIR);
  return places;
}

// A file, or the bare name of a scenario that comes with weft.
std::string find_scenario(const std::string& name) {
  if (std::filesystem::is_regular_file(name)) return name;
  for (const auto& place : scenario_directories())
    if (auto file = place / (name + ".toml"); std::filesystem::is_regular_file(file))
      return file.string();
  return name;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

int complain(const Error& error) {
  if (g_options.json) {
    const nlohmann::ordered_json json{{"schema", "weft.error/1"}, {"error", error.detail}};
    std::cout << json.dump() << "\n";
  }
  std::cerr << "weft sim: " << error.detail << "\n";
  return 2;
}

class Trace {
 public:
  // time ns u64 | from u32 | to u32 | size u16, big-endian: 18 bytes a delivery.
  explicit Trace(const std::string& path) : file_(path, std::ios::binary) {
    file_.write("weftsim1", 8);
  }
  void add(Instant at, std::uint32_t from, std::uint32_t to, ByteView bytes) {
    row_.clear();
    append_be(row_, static_cast<std::uint64_t>(at.time_since_epoch().count()));
    append_be(row_, from);
    append_be(row_, to);
    append_be(row_, static_cast<std::uint16_t>(bytes.size()));
    file_.write(reinterpret_cast<const char*>(row_.data()),
                static_cast<std::streamsize>(row_.size()));
  }
  [[nodiscard]] bool good() const { return file_.good(); }

 private:
  std::ofstream file_;
  Bytes row_;
};

void show_progress(const Experiment& experiment, Duration done, Duration whole, double wall,
                   std::uint64_t events) {
  if (g_options.quiet) return;
  const auto percent = done.count() * 100 / whole.count();
  std::cerr << "\r" << percent << " %  " << done / 1min << " of " << whole / 1min << " min  "
            << events << " events  "
            << static_cast<std::uint64_t>(wall > 0 ? static_cast<double>(events) / wall : 0)
            << "/s";
  if (!experiment.samples().empty()) {
    const Sample& last = experiment.samples().back();
    std::cerr << "  online " << last.online << "  p50 " << last.p50_ms << " ms  "
              << static_cast<int>(last.bytes_per_node_second) << " B/s/node";
  }
  std::cerr << "    " << std::flush;
}

void print_result(const RunResult& r) {
  const auto line = [&](const char* label, Operation operation, std::uint32_t from) {
    const auto p = summarise(r.measured, operation, from);
    if (p.count == 0) return;
    std::printf(
        "%-8s %8llu  %6.2f %% right  p50 %6.0f  p90 %6.0f  p99 %6.0f ms  hops %.1f  "
        "requests %.1f\n",
        label, static_cast<unsigned long long>(p.count), p.success_percent(), p.p50_ms, p.p90_ms,
        p.p99_ms, p.hops_mean, p.requests_mean);
  };
  std::printf("%s: %u nodes, seed %llu, %lld virtual seconds in %.1f s, one RTT %.0f ms\n",
              r.scenario.c_str(), r.nodes, static_cast<unsigned long long>(r.seed),
              static_cast<long long>(r.virtual_time / 1s), r.wall_seconds, r.one_rtt_ms);
  line("lookups", Operation::Lookup, r.warmup_second);
  line("gets", Operation::Get, r.warmup_second);
  line("puts", Operation::Put, 0);
  if (const auto& nodes = r.node_bytes_per_second; !nodes.empty())
    std::printf("traffic  p50 %u  p99 %u B/s sent per node\n", nodes[nodes.size() / 2],
                nodes[nodes.size() * 99 / 100]);
  std::printf("events   %llu, %.0f per second; %.1f KiB a node, %.0f MiB resident\n",
              static_cast<unsigned long long>(r.events),
              static_cast<double>(r.events) / std::max(r.wall_seconds, 1e-9),
              static_cast<double>(r.node_memory_bytes) / 1024.0,
              static_cast<double>(r.rss_bytes) / 1048576.0);
  for (const auto& broken : r.broken) std::printf("missed   %s\n", broken.c_str());
  std::printf("digest   %s\n", r.digest.c_str());
}

int run_scenario() {
  const auto scenario = load_scenario(find_scenario(g_options.scenario));
  if (!scenario) return complain(scenario.error());
  const std::uint32_t nodes = g_options.nodes != 0 ? g_options.nodes : scenario->nodes;
  const auto seed =
      g_options.seed >= 0 ? static_cast<std::uint64_t>(g_options.seed) : scenario->seed;
  crypto::initialise();
  auto experiment = Experiment::create(*scenario, nodes, seed);
  if (!experiment) return complain(experiment.error());
  std::unique_ptr<Trace> trace;
  if (!g_options.trace.empty()) {
    trace = std::make_unique<Trace>(g_options.trace);
    if (!trace->good()) return complain({Errc::Storage, "cannot write " + g_options.trace});
    (*experiment)->simulator().on_delivery = [&](Instant at, std::uint32_t from, std::uint32_t to,
                                                 ByteView bytes) {
      trace->add(at, from, to, bytes);
    };
  }
  g_stop = false;
  const auto old_handler = std::signal(SIGINT, on_interrupt);
  const auto started = std::chrono::steady_clock::now();
  const auto wall = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  for (Duration at = 0s; at < scenario->duration && !g_stop;) {
    at = std::min(at + 10s, scenario->duration);
    (*experiment)->run_until(Instant{at}, &g_stop);
    if (at % 1min == 0s || at == scenario->duration)
      show_progress(**experiment, at, scenario->duration, wall(),
                    (*experiment)->simulator().events());
  }
  std::signal(SIGINT, old_handler);
  if (!g_options.quiet) std::cerr << "\n";
  RunResult result = (*experiment)->finish(g_stop);
  result.wall_seconds = wall();
  result.rss_bytes = resident_bytes();
  if (!g_options.out.empty()) {
    const auto written = write_report(result, scenario->description, g_options.out);
    if (!written) return complain(written.error());
    if (!g_options.quiet) std::cerr << "report: " << g_options.out << "/report.html\n";
  }
  if (g_options.json)
    std::cout << to_json(result).dump() << "\n";
  else
    print_result(result);
  if (!result.broken.empty())
    std::cerr << "repeat: weft sim run " << g_options.scenario << " --nodes " << nodes << " --seed "
              << seed << "\n";
  if (result.interrupted) return 130;
  return result.broken.empty() ? 0 : 1;
}

int list_scenarios() {
  nlohmann::ordered_json json{{"schema", "weft.sim-list/1"},
                              {"scenarios", nlohmann::ordered_json::array()}};
  for (const auto& place : scenario_directories()) {
    if (!std::filesystem::is_directory(place)) continue;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(place))
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    std::ranges::sort(files);
    for (const auto& file : files) {
      const auto scenario = load_scenario(file.string());
      const std::string text = scenario ? scenario->description : scenario.error().detail;
      json["scenarios"].push_back({{"name", file.stem().string()},
                                   {"nodes", scenario ? scenario->nodes : 0},
                                   {"description", text}});
      if (!g_options.json)
        std::printf("%-16s %6u nodes  %s\n", file.stem().c_str(), scenario ? scenario->nodes : 0,
                    text.c_str());
    }
    if (!files.empty()) break;  // the first place that has any
  }
  if (g_options.json) std::cout << json.dump() << "\n";
  return 0;
}

}  // namespace

void add_sim_commands(CLI::App& app) {
  auto* sim = app.add_subcommand("sim", "simulate a network with the real cores");
  sim->require_subcommand(1);
  auto* run = sim->add_subcommand("run", "run a scenario: same seed, same digest");
  run->add_option("scenario", g_options.scenario, "a TOML file, or a name from `weft sim list`")
      ->required();
  run->add_option("--nodes", g_options.nodes, "how many nodes (else the scenario's)")
      ->check(CLI::Range(2, 2'000'000));
  run->add_option("--seed", g_options.seed, "where all randomness comes from")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--out", g_options.out, "directory for CSV, plots and report.html");
  run->add_option("--trace", g_options.trace, "file for one 18-byte row per delivered datagram");
  run->add_flag("--json", g_options.json, "print weft.sim/1");
  run->add_flag("--quiet", g_options.quiet, "no progress on stderr");
  auto* list = sim->add_subcommand("list", "scenarios that come with weft");
  list->add_flag("--json", g_options.json, "print weft.sim-list/1");
  g_options.run = run;
  g_options.list = list;
}

int run_sim_command() {
  if (g_options.run != nullptr && g_options.run->parsed()) return run_scenario();
  if (g_options.list != nullptr && g_options.list->parsed()) return list_scenarios();
  return -1;
}

}  // namespace weft::sim
