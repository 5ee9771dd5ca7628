// ping: round trips over the session.
#include <algorithm>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

struct PingOptions {
  std::string node;
  unsigned count = 4;
  std::optional<milliseconds> interval;
};

// What was sent, how much of it was lost, how long the rest took.
void sum_up(const Context& context, Json& all, unsigned sent) {
  double least = 0, most = 0, sum = 0;
  for (const auto& reply : all["replies"]) {
    const double ms = reply.value("rtt_ms", 0.0);
    least = sum == 0 ? ms : std::min(least, ms);
    most = std::max(most, ms);
    sum += ms;
  }
  const auto answered = all["replies"].size();
  const double mean = sum / static_cast<double>(answered);
  const auto lost = sent - answered;
  all.update({{"sent", sent}, {"lost", lost}});
  all.update({{"min_ms", least}, {"mean_ms", mean}, {"max_ms", most}});
  if (context.json) return context.print(json_text(all) + "\n");
  context.print(std::to_string(sent) + " sent, " + std::to_string(lost) + " lost (" +
                std::to_string(lost * 100 / sent) + " %); min " + ms_text(least) + ", mean " +
                ms_text(mean) + ", max " + ms_text(most) + "\n");
}

int run_ping(const Context& context, const PingOptions& options) {
  const auto limit = std::min(context.timeout_or(milliseconds(5'000)), kMostWait);
  Json all = {{"schema", "weft.ping/1"}, {"replies", Json::array()}};
  std::optional<ApiError> last_error;
  for (unsigned seq = 1; seq <= options.count; ++seq) {
    if (seq > 1) std::this_thread::sleep_for(options.interval.value_or(milliseconds(1000)));
    auto reply = context.ask(
        "POST", "/api/v1/ping",
        Json{{"node", options.node}, {"seq", seq}, {"timeout_ms", limit.count()}}, limit);
    if (!reply) {
      last_error = reply.error();
      // The others may pass; after these there is no going on, whatever was answered before.
      if (last_error->code != Code::Timeout && last_error->code != Code::NoPath)
        return context.report(*last_error);
      context.talk("seq " + std::to_string(seq) + "  " + printable(last_error->title) + "\n");
      continue;
    }
    const auto shown = printable_answer(*reply);
    const auto& one = (*reply)["replies"][0];
    all["node"] = (*reply)["node"];
    all["id"] = (*reply)["id"];
    all["replies"].push_back(one);
    if (!context.json)
      context.print(shown.value("node", "") + "  seq " + std::to_string(seq) + "  " +
                    ms_text(one["rtt_ms"]) + "  " + path_text(shown["replies"][0]) + "\n");
  }
  if (all["replies"].empty() && last_error) return context.report(*last_error);
  sum_up(context, all, options.count);
  return 0;
}

void add(CLI::App& app, Context& context) {
  auto* ping =
      app.add_subcommand("ping", "Measure round trips to a node, over the encrypted session");
  auto ping_options = std::make_shared<PingOptions>();
  ping->add_option("node", ping_options->node, "name or NodeId")->required();
  ping->add_option("-c,--count", ping_options->count, "how many (default 4)")
      ->check(CLI::Range(1, 1'000'000));
  add_duration(*ping, "-i,--interval", ping_options->interval, "between two (default 1s)");
  ping->footer("example: weft ping oak -c 3");
  ping->callback([&context, ping_options] {
    context.action = [&context, ping_options] { return run_ping(context, *ping_options); };
  });
}

}  // namespace

CommandSet ping_commands() { return {16, add}; }

}  // namespace weft::cli
