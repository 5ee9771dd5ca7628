#include "simulations/report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "simulations/svg_plot.hpp"

namespace weft::sim {

namespace {

std::string fixed(double value, int digits = 1) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string heading(const RunResult& r) {
  return "# weft sim " + r.scenario + ", nodes " + std::to_string(r.nodes) + ", seed " +
         std::to_string(r.seed) + ", digest " + r.digest + "\n";
}

// Of a workload with columns of its own.
std::string own_series_csv(const RunResult& r) {
  std::string out = heading(r) + "minute,online,datagrams,bytes,dropped,bytes_per_node_s";
  for (const auto& column : r.columns) out += "," + column.name;
  out += "\n";
  for (const auto& s : r.samples) {
    out += fixed(s.minute, 2) + "," + std::to_string(s.online) + "," + std::to_string(s.datagrams) +
           "," + std::to_string(s.bytes) + "," + std::to_string(s.lost) + "," +
           fixed(s.bytes_per_node_second);
    for (std::size_t i = 0; i < r.columns.size() && i < s.own.size(); ++i)
      out += "," + fixed(s.own[i], r.columns[i].digits);
    out += "\n";
  }
  return out;
}

std::string series_csv(const RunResult& r) {
  if (!r.columns.empty()) return own_series_csv(r);
  std::string out = heading(r);
  out +=
      "minute,online,servers,datagrams,bytes,dropped,bytes_per_node_s,lookups,lookups_ok,"
      "p50_ms,p99_ms,gets,gets_ok,table_mean,table_dead_percent,table_liar_percent,near_liar_"
      "percent,records_lost,holders_mean\n";
  for (const auto& s : r.samples) {
    out += fixed(s.minute, 2) + "," + std::to_string(s.online) + "," + std::to_string(s.servers) +
           "," + std::to_string(s.datagrams) + "," + std::to_string(s.bytes) + "," +
           std::to_string(s.lost) + "," + fixed(s.bytes_per_node_second) + "," +
           std::to_string(s.lookups) + "," + std::to_string(s.lookups_ok) + "," +
           std::to_string(s.p50_ms) + "," + std::to_string(s.p99_ms) + "," +
           std::to_string(s.gets) + "," + std::to_string(s.gets_ok) + "," +
           std::to_string(s.table_mean) + "," + fixed(s.table_dead_percent) + "," +
           fixed(s.table_liar_percent) + "," + fixed(s.near_liar_percent) + "," +
           std::to_string(s.records_lost) + "," + fixed(s.holders_mean) + "\n";
  }
  return out;
}

std::string operations_csv(const RunResult& r) {
  std::string out = heading(r) + "second,operation,ok,ms,hops,requests,unanswered,recall_percent\n";
  for (const auto& m : r.measured) {
    out += std::to_string(m.at_second) + "," + std::string(name_of(m.operation)) + "," +
           (m.ok ? "1," : "0,") + fixed(m.micros / 1000.0, 3) + "," + std::to_string(m.hops) + "," +
           std::to_string(m.requests) + "," + std::to_string(m.failures) + "," +
           std::to_string(m.recall) + "\n";
  }
  return out;
}

std::vector<double> times_of(const RunResult& r, Operation operation) {
  std::vector<double> out;
  for (const auto& m : r.measured)
    if (m.operation == operation && m.at_second >= r.warmup_second)
      out.push_back(std::max(5.0, m.micros / 1000.0));  // answers from home are instant
  return out;
}

// Which share of them has at most so much.
Plot distribution_plot(std::string title, std::string x_label, std::string y_label, bool log_x) {
  return {.title = std::move(title),
          .x_label = std::move(x_label),
          .y_label = std::move(y_label),
          .lines = {},
          .marks = {},
          .scale = log_x ? PlotScale::Log : PlotScale::Number,
          .y_most = 100};
}

Plot latency_plot(const RunResult& r) {
  Plot plot = distribution_plot("How long operations take",
                                "milliseconds; 5: at once, from its own store", "% done", true);
  for (const auto operation :
       {Operation::Lookup, Operation::Get, Operation::Join, Operation::Open, Operation::Piece,
        Operation::Publish, Operation::Delivery, Operation::Detect}) {
    auto values = times_of(r, operation);
    if (!values.empty())
      plot.lines.push_back(distribution(std::string(name_of(operation)), std::move(values)));
  }
  if (!plot.lines.empty()) plot.marks.emplace_back(r.one_rtt_ms, "1 RTT");
  return plot;
}

Plot hops_plot(const RunResult& r) {
  Plot plot = distribution_plot("Hops and datagrams of a lookup",
                                "count; the last hundredth of the lookups is not shown",
                                "% of lookups with at most so many", false);
  std::vector<double> hops;
  std::vector<double> requests;
  for (const auto& m : r.measured) {
    if (m.operation != Operation::Lookup || m.at_second < r.warmup_second) continue;
    hops.push_back(m.hops);
    requests.push_back(m.requests);
  }
  std::ranges::sort(requests);
  if (!requests.empty()) plot.x_most = std::max(4.0, requests[(requests.size() - 1) * 99 / 100]);
  plot.lines.push_back(distribution("hops", hops));
  plot.lines.push_back(distribution("requests sent", requests));
  return plot;
}

// Long runs are told in hours.
struct Clock {
  explicit Clock(const RunResult& r)
      : unit(r.virtual_time > 6h ? "hour" : "minute"),
        minutes(r.virtual_time > 6h ? 60.0 : 1.0),
        end(static_cast<double>(r.virtual_time / 1s) / 60.0 / minutes) {}
  const char* unit;
  double minutes;
  double end;
};

// All of these run from the beginning to the end, so that they can be read side by side.
Plot plot_over_time(const RunResult& r, std::string title, std::string y_label) {
  const Clock clock(r);
  Plot plot{.title = std::move(title),
            .x_label = clock.unit,
            .y_label = std::move(y_label),
            .lines = {},
            .marks = {},
            .scale = clock.minutes == 1.0 ? PlotScale::Minutes : PlotScale::Hours,
            .x_most = clock.end};
  for (const auto& [minute, word] : r.marks) plot.marks.emplace_back(minute / clock.minutes, word);
  return plot;
}

template <class Pick>
PlotLine over_time(const RunResult& r, std::string label, const Pick& pick) {
  const Clock clock(r);
  PlotLine line{std::move(label), {}, false};
  for (const auto& s : r.samples)
    if (const double value = pick(s); value >= 0)
      line.points.emplace_back(s.minute / clock.minutes, value);
  return line;
}

double share(std::uint32_t ok, std::uint32_t all) { return all == 0 ? -1 : 100.0 * ok / all; }

// How much of what nodes know is wrong: gone, or one of the misbehaving.
Plot tables_plot(const RunResult& r) {
  Plot plot = plot_over_time(r, "What is wrong in routing tables", "% of the contacts in them");
  const auto add = [&](const char* label, double Sample::* what) {
    if (std::ranges::any_of(r.samples, [what](const Sample& s) { return s.*what > 0; }))
      plot.lines.push_back(over_time(r, label, [what](const Sample& s) { return s.*what; }));
  };
  add("liars", &Sample::table_liar_percent);
  add("liars, of the 20 nearest", &Sample::near_liar_percent);
  add("offline", &Sample::table_dead_percent);
  return plot;
}

Plot traffic_nodes_plot(const RunResult& r) {
  std::vector<double> nodes(r.node_bytes_per_second.begin(), r.node_bytes_per_second.end());
  for (auto& rate : nodes) rate = std::max(rate, 1.0);  // a logarithm has no zero
  Plot spread =
      distribution_plot("Traffic, node by node", "bytes per second sent, mean of its time online",
                        "% of nodes with at most so much", true);
  spread.lines.push_back(distribution("nodes", std::move(nodes)));
  return spread;
}

// Of a workload with columns of its own: a plot for each.
std::vector<std::pair<std::string, Plot>> own_plots(const RunResult& r) {
  std::vector<std::pair<std::string, Plot>> plots;
  plots.emplace_back("latency", latency_plot(r));
  Plot traffic = plot_over_time(r, "Traffic per node", "bytes per second sent, mean of all online");
  traffic.lines.push_back(
      over_time(r, "mean", [](const Sample& s) { return s.bytes_per_node_second; }));
  plots.emplace_back("traffic", std::move(traffic));
  for (std::size_t i = 0; i < r.columns.size(); ++i) {
    Plot plot = plot_over_time(r, r.columns[i].name, "per sample");
    plot.lines.push_back(over_time(
        r, r.columns[i].name, [i](const Sample& s) { return i < s.own.size() ? s.own[i] : -1.0; }));
    plots.emplace_back(r.columns[i].name, std::move(plot));
  }
  plots.emplace_back("traffic_nodes", traffic_nodes_plot(r));
  return plots;
}

std::vector<std::pair<std::string, Plot>> all_plots(const RunResult& r) {
  if (!r.columns.empty()) return own_plots(r);
  std::vector<std::pair<std::string, Plot>> plots;
  plots.emplace_back("latency", latency_plot(r));
  plots.emplace_back("hops", hops_plot(r));
  Plot success = plot_over_time(r, "Success over time", "% of those that ended in the interval");
  success.y_from_zero = false;
  success.y_most = 100;
  success.lines.push_back(
      over_time(r, "lookups", [](const Sample& s) { return share(s.lookups_ok, s.lookups); }));
  auto gets = over_time(r, "gets", [](const Sample& s) { return share(s.gets_ok, s.gets); });
  if (!gets.points.empty()) success.lines.push_back(std::move(gets));
  plots.emplace_back("success", std::move(success));
  Plot times = plot_over_time(r, "Lookup time over time", "milliseconds");
  times.lines.push_back(
      over_time(r, "median", [](const Sample& s) { return s.lookups == 0 ? -1.0 : s.p50_ms; }));
  times.lines.push_back(over_time(
      r, "99th percentile", [](const Sample& s) { return s.lookups == 0 ? -1.0 : s.p99_ms; }));
  plots.emplace_back("lookup_time", std::move(times));
  Plot traffic = plot_over_time(r, "Traffic per node", "bytes per second sent, mean of all online");
  traffic.lines.push_back(
      over_time(r, "mean", [](const Sample& s) { return s.bytes_per_node_second; }));
  plots.emplace_back("traffic", std::move(traffic));
  Plot population = plot_over_time(r, "Population", "nodes");
  population.lines.push_back(
      over_time(r, "online", [](const Sample& s) { return static_cast<double>(s.online); }));
  population.lines.push_back(
      over_time(r, "servers", [](const Sample& s) { return static_cast<double>(s.servers); }));
  plots.emplace_back("population", std::move(population));
  if (!r.samples.empty() && r.samples.back().holders_mean > 0) {
    Plot records = plot_over_time(r, "Copies of a record", "holders online, mean of all records");
    records.lines.push_back(over_time(
        r, "holders", [](const Sample& s) { return s.holders_mean > 0 ? s.holders_mean : -1.0; }));
    plots.emplace_back("records", std::move(records));
  }
  if (Plot tables = tables_plot(r); !tables.lines.empty())
    plots.emplace_back("tables", std::move(tables));
  plots.emplace_back("traffic_nodes", traffic_nodes_plot(r));
  return plots;
}

std::string tile(const std::string& value, const std::string& label) {
  return "<div class='tile'><b>" + value + "</b><span>" + label + "</span></div>";
}

// Records are put, and nodes join, before the warm-up is over.
std::uint32_t measured_from(const RunResult& r, Operation operation) {
  return operation == Operation::Put || operation == Operation::Join ? 0 : r.warmup_second;
}

std::string row_of(const RunResult& r, Operation operation, const char* label,
                   bool victim_only = false) {
  const auto p = summarise(r.measured, operation, measured_from(r, operation), victim_only);
  if (p.count == 0) return "";
  const auto rtt = [&](double ms) {
    return r.one_rtt_ms > 0 ? " <i>" + fixed(ms / r.one_rtt_ms, 2) + " RTT</i>" : std::string();
  };
  return "<tr><th>" + std::string(label) + "</th><td>" + grouped(p.count) + "</td><td>" +
         fixed(p.success_percent(), 2) + " %</td><td>" + fixed(p.p50_ms, 0) + rtt(p.p50_ms) +
         "</td><td>" + fixed(p.p90_ms, 0) + rtt(p.p90_ms) + "</td><td>" + fixed(p.p99_ms, 0) +
         rtt(p.p99_ms) + "</td><td>" + fixed(p.hops_mean) + "</td><td>" + fixed(p.requests_mean) +
         "</td><td>" + fixed(p.wasted_mean, 2) + "</td></tr>";
}

constexpr const char* kPageStyle = R"(
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1320px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px}p{margin:4px 0 14px;color:var(--soft);max-width:80ch}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(136px,1fr));gap:10px;margin:18px 0}
.tile{background:var(--card);border-radius:8px;padding:12px 14px}
.tile b{display:block;font-size:21px;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:16px}
.plots figure{margin:0;background:var(--card);border-radius:8px;padding:10px}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:14px 0;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:5px 14px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap}th:first-child{text-align:left}
td.text{text-align:left;color:var(--soft)}
.head{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;color:var(--soft)}
.pass,.fail{color:#fff;background:#2a8c4a;border-radius:4px;padding:1px 9px}.fail{background:#d1242f}
i{color:var(--soft);font-style:normal;font-size:12px}code{font-size:12.5px;word-break:break-all}
.bad,.good{border-left:4px solid #d1242f;padding:8px 14px;background:var(--card);border-radius:4px;margin:8px 0}
.good{border-color:#2a8c4a}
)";

std::string time_text(Duration time) {
  if (time < 10min) return std::to_string(time / 1s) + " s";
  if (time < 6h) return std::to_string(time / 1min) + " min";
  return fixed(static_cast<double>(time / 1min) / 60.0) + " h";
}

// Passed or failed at a glance, and everything it takes to tell this run from another.
std::string head_of(const RunResult& r) {
  const bool judged = !r.broken.empty() || !r.kept.empty();
  const bool failed = !r.broken.empty();
  std::string out = "<div class='head'>";
  if (judged) out += failed ? "<b class='fail'>FAIL</b>" : "<b class='pass'>PASS</b>";
  out += "<span>" + grouped(r.nodes) + " nodes" +
         (r.scenario_nodes != 0 && r.scenario_nodes != r.nodes
              ? " (scenario: " + grouped(r.scenario_nodes) + ")"
              : "") +
         "</span><span>seed " + std::to_string(r.seed) +
         "</span><span>weft " WEFT_VERSION "</span>";
  if (!r.date.empty()) out += "<span>" + escaped(r.date) + "</span>";
  return out + "</div>";
}

// Why a datagram may not arrive, for who reads the table.
const char* meaning_of(const std::string& reason) {
  constexpr std::pair<std::string_view, const char*> kMeanings[] = {
      {"no route", "to an address that nobody has"},
      {"loss", "lost on the way"},
      {"uplink full", "the sender's line was busy for longer than its queue"},
      {"downlink full", "the receiver's line was"},
      {"translator", "refused by the receiver's NAT"},
      {"partition", "to the other side of the cut"},
      {"offline", "to a node that had left, or had not come yet; liars name such nodes too"}};
  for (const auto& [name, meaning] : kMeanings)
    if (name == reason) return meaning;
  return "";
}

// What the nodes were and what counts as right.
std::string what_ran(const RunResult& r) {
  const std::string from = fixed(r.warmup_second / 60.0, r.warmup_second % 60 == 0 ? 0 : 1);
  if (r.fidelity == "dht")
    return "the real DHT core of every node; no cryptography (null sealer, same sizes). A lookup "
           "is right if its target answered or if its result lists the closest settled server "
           "there is. Lookups and gets count from minute " +
           from + ", when the warm-up is over.";
  std::string out =
      "every node is the daemon's core with sessions, roster, services and streams, its disk and "
      "its programs in memory. An open is right if every byte came both ways. Opens count from "
      "minute " +
      from + ".";
  for (const auto& note : r.notes) out += " " + escaped(note) + ".";
  return out;
}

std::string page(const RunResult& r, const std::string& description) {
  const auto lookups = summarise(r.measured, Operation::Lookup, r.warmup_second);
  const auto gets = summarise(r.measured, Operation::Get, r.warmup_second);
  const auto minutes = static_cast<double>(r.virtual_time / 1s) / 60.0;
  std::string out =
      "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' "
      "content='width=device-width,initial-scale=1'><title>weft sim: " +
      escaped(r.scenario) + "</title><style>" + plot_style() + kPageStyle + "</style><main><h1>" +
      escaped(r.scenario) + "</h1>" + head_of(r) + "<p>" + escaped(description) + "</p>";
  if (r.interrupted)
    out += "<div class='bad'>Interrupted after " + fixed(minutes) +
           " virtual minutes: what follows is what was done by then.</div>";
  if (r.measured.empty())
    out += "<div class='bad'>Nothing was measured: the warm-up takes " +
           fixed(r.warmup_second / 60.0) + " minutes.</div>";
  for (const auto& broken : r.broken)
    out += "<div class='bad'>Missed: " + escaped(broken) + "</div>";
  for (const auto& kept : r.kept) out += "<div class='good'>Met: " + escaped(kept) + "</div>";
  out += "<div class='tiles'>" +
         tile(grouped(r.nodes), r.scenario_nodes != 0 && r.scenario_nodes != r.nodes
                                    ? "nodes (scenario: " + grouped(r.scenario_nodes) + ")"
                                    : "nodes") +
         tile(time_text(r.virtual_time), "virtual time");
  if (lookups.count > 0)
    out += tile(fixed(lookups.success_percent(), 2) + " %", "lookups right") +
           tile(fixed(lookups.p50_ms, 0) + " ms", "median lookup");
  if (gets.count > 0) out += tile(fixed(gets.success_percent(), 2) + " %", "gets found");
  if (!r.node_bytes_per_second.empty())
    out += tile(grouped(r.node_bytes_per_second[r.node_bytes_per_second.size() / 2]) + " B/s",
                "median node sends");
  out += tile(fixed(r.one_rtt_ms, 0) + " ms", "one RTT, median pair");
  if (r.node_memory_bytes > 0 || r.fidelity == "dht")  // a whole node does not know its own
    out +=
        tile(fixed(static_cast<double>(r.node_memory_bytes) / 1024.0) + " KiB", "memory of a node");
  out += "</div>";
  if (!r.measured.empty())
    out +=
        "<div class='wide'><table><tr><th></th><th>count</th><th>right</th><th>p50 ms</th>"
        "<th>p90 ms</th><th>p99 ms</th><th>hops</th><th>requests</th><th>unanswered</th></tr>" +
        row_of(r, Operation::Lookup, "lookup") + row_of(r, Operation::Get, "get") +
        row_of(r, Operation::Get, "get, under attack", true) + row_of(r, Operation::Put, "put") +
        row_of(r, Operation::Join, "join") + row_of(r, Operation::Open, "open") +
        row_of(r, Operation::Piece, "piece") + row_of(r, Operation::Publish, "held by three") +
        row_of(r, Operation::Delivery, "message") + row_of(r, Operation::Detect, "death noticed") +
        "</table></div>";
  out += "<div class='plots'>";
  for (const auto& [name, plot] : all_plots(r)) out += "<figure>" + to_svg(plot) + "</figure>";
  out +=
      "</div><div class='wide'><table><tr><th>Datagrams that never "
      "arrived</th><th></th><th></th></tr>";
  for (const auto& [reason, count] : r.drops)
    if (count > 0)
      out += "<tr><th>" + (reason == "translator" ? "NAT" : reason) + "</th><td>" + grouped(count) +
             "</td><td class='text'>" + meaning_of(reason) + "</td></tr>";
  out += "</table></div><p>Fidelity <b>" + escaped(r.fidelity) + "</b>: " + what_ran(r) +
         " Traffic is UDP payload.</p><p>Repeat with<br><code>" + escaped(r.replay) +
         "</code><br>Digest <code>" + r.digest + "</code> over " + grouped(r.delivered) +
         " delivered datagrams, " + grouped(r.events) + " events" +
         (r.interrupted ? " until it was interrupted"
                        : "; the same scenario, nodes and seed give it again") +
         ".</p></main></html>\n";
  return out;
}

Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file)
    return fail(Errc::Storage, "cannot write " + path.string() + ": " + std::strerror(errno));
  return {};
}

nlohmann::ordered_json summary_json(const Percentiles& p) {
  return {{"count", p.count},
          {"success_percent", p.success_percent()},
          {"p50_ms", p.p50_ms},
          {"p90_ms", p.p90_ms},
          {"p99_ms", p.p99_ms},
          {"hops_mean", p.hops_mean},
          {"requests_mean", p.requests_mean},
          {"unanswered_mean", p.wasted_mean},
          {"recall_mean_percent", p.recall_mean}};
}

}  // namespace

nlohmann::ordered_json to_json(const RunResult& r) {
  nlohmann::ordered_json json;
  json["schema"] = "weft.sim/1";
  json["scenario"] = r.scenario;
  json["fidelity"] = r.fidelity;
  json["seed"] = r.seed;
  json["nodes"] = r.nodes;
  json["version"] = WEFT_VERSION;
  json["virtual_s"] = r.virtual_time / 1s;
  json["wall_s"] = r.wall_seconds;
  json["events"] = r.events;
  json["events_per_s"] = r.wall_seconds > 0 ? static_cast<double>(r.events) / r.wall_seconds : 0.0;
  json["rss_bytes"] = r.rss_bytes;
  json["digest"] = r.digest;
  json["interrupted"] = r.interrupted;
  auto& results = json["results"];
  results["one_rtt_ms"] = r.one_rtt_ms;
  results["lookup"] = summary_json(summarise(r.measured, Operation::Lookup, r.warmup_second));
  results["get"] = summary_json(summarise(r.measured, Operation::Get, r.warmup_second));
  if (const auto attacked = summarise(r.measured, Operation::Get, r.warmup_second, true);
      attacked.count > 0)
    results["get_under_attack"] = summary_json(attacked);
  results["put"] = summary_json(summarise(r.measured, Operation::Put, 0));
  for (const auto operation : {Operation::Join, Operation::Open, Operation::Piece,
                               Operation::Publish, Operation::Delivery, Operation::Detect})
    if (const auto p = summarise(r.measured, operation, measured_from(r, operation)); p.count > 0)
      results[std::string(name_of(operation))] = summary_json(p);
  const auto& nodes = r.node_bytes_per_second;
  results["bytes_per_node_s_p50"] = nodes.empty() ? 0 : nodes[nodes.size() / 2];
  results["bytes_per_node_s_p99"] = nodes.empty() ? 0 : nodes[nodes.size() * 99 / 100];
  results["node_memory_bytes"] = r.node_memory_bytes;
  results["overhead_bytes"] = r.overhead_bytes;
  results["delivered"] = r.delivered;
  results["abandoned"] = r.abandoned;
  for (const auto& [reason, count] : r.drops) results["dropped"][reason] = count;
  results["records_lost"] = r.samples.empty() ? 0 : r.samples.back().records_lost;
  results["missed"] = r.broken;
  results["met"] = r.kept;
  return json;
}

Result<void> prepare_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(Errc::Storage, "cannot create it: " + error.message());
  if (access(directory.c_str(), W_OK | X_OK) != 0) return fail(Errc::Storage, std::strerror(errno));
  return {};
}

Result<void> write_report(const RunResult& result, const std::string& description,
                          const std::string& directory) {
  WEFT_CHECK(prepare_directory(directory));
  const std::filesystem::path root(directory);
  WEFT_CHECK(write_file(root / "series.csv", series_csv(result)));
  WEFT_CHECK(write_file(root / "operations.csv", operations_csv(result)));
  std::string nodes = heading(result) + "bytes_per_second\n";
  for (const auto rate : result.node_bytes_per_second) nodes += std::to_string(rate) + "\n";
  WEFT_CHECK(write_file(root / "nodes.csv", nodes));
  WEFT_CHECK(write_file(root / "result.json", to_json(result).dump(2) + "\n"));
  for (const auto& [name, plot] : all_plots(result)) {
    std::string svg = to_svg(plot);
    svg.insert(svg.find('>') + 1, "<style>" + plot_style() + "</style>");
    WEFT_CHECK(write_file(root / (name + ".svg"), svg));
  }
  return write_file(root / "report.html", page(result, description));
}

}  // namespace weft::sim
