// why: by which path a node is reached, for which reason, what was tried, and what would help.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

// "b: relay r, 23.9 ms"
std::string head(const Json& data) {
  std::string out = data.value("node", "") + ": ";
  const auto path = data.value("path", "");
  if (path == "none") return out + "not reached";
  if (path == "local") return out + "here";
  out += path_text(data);
  if (const auto endpoint = data.value("endpoint", ""); !endpoint.empty()) out += " at " + endpoint;
  return out + ", " + ms_text(data["rtt_ms"]);
}

std::string nat_text(const Json& nat) {
  if (!nat.is_object()) return "not told";
  return "mapping " + nat.value("mapping", "") + ", filtering " + nat.value("filtering", "");
}

std::string try_text(const Json& one) {
  std::string out = one.value("detail", "");
  const auto add = [&](const std::string& more) { out += (out.empty() ? "" : ", ") + more; };
  if (one["times"].is_number() && one.value("times", 0) > 1)
    add(std::to_string(one.value("times", 0)) + " times");
  if (one["s_ago"].is_number()) add(seconds_text(one.value("s_ago", std::int64_t{0})) + " ago");
  return out;
}

void print_why(const Context& context, const Json& data) {
  context.print(head(data) + "\n  why:    " + data.value("text", "") + "\n");
  if (data["heard_s_ago"].is_number() && data.value("path", "") == "none")
    context.print("  heard:  " + seconds_text(data.value("heard_s_ago", std::int64_t{0})) +
                  " ago; the members hold it " + data.value("presence", "") + "\n");
  if (const auto& nat = data["nat"]; !nat["there"].is_null())
    context.print("  NATs:   here " + nat_text(nat["here"]) + "\n          there " +
                  nat_text(nat["there"]) + "\n");
  if (data["mtu"].is_number())
    context.print("  size:   datagrams of at most " + std::to_string(data.value("mtu", 0)) +
                  " bytes\n");
  Table tried({"TRIED", "WHERE", "RESULT", "DETAIL"});
  for (const auto& one : data["tried"])
    tried.add({one.value("kind", ""), or_dash(one.value("where", "")), one.value("result", ""),
               or_dash(try_text(one))});
  if (!tried.empty()) {
    context.print("\n");
    context.print(tried);
  }
  Table relays({"RELAY", "USE", "WHY"});
  for (const auto& one : data["relays"])
    relays.add({one.value("node", ""), one.value("state", ""), one.value("why", "")});
  if (!relays.empty()) {
    context.print("\n");
    context.print(relays);
  }
  std::string fixes;
  for (const auto& fix : data["fix"]) fixes += "  " + fix.get<std::string>() + "\n";
  if (!fixes.empty()) context.print("\nwhat helps\n" + fixes);
}

int run_why(const Context& context, const std::string& node) {
  return context.show(context.ask("GET", "/api/v1/members/" + escape(node) + "/why"),
                      [&](const Json& data) { print_why(context, data); });
}

void add(CLI::App& app, Context& context) {
  auto* why = app.add_subcommand(
      "why", "Why a node is reached directly, through another or not at all, and what helps");
  auto node = std::make_shared<std::string>();
  why->add_option("node", *node, "name or NodeId")->required();
  why->footer("example: weft why oak");
  why->callback(
      [&context, node] { context.action = [&context, node] { return run_why(context, *node); }; });
}

}  // namespace

CommandSet why_commands() { return {16, add}; }

}  // namespace weft::cli
