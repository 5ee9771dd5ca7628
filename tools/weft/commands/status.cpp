// status: this node at one glance.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"
#include "tools/weft/watch.hpp"

namespace weft::cli {
namespace {

// The rules as they are, unless a deny changes what they mean: then who really may.
std::string who_may_text(const Json& exposed) {
  if (exposed["deny"].empty())
    return exposed["allow"].empty() ? "nobody" : list_text(exposed["allow"]);
  const auto readers = exposed["may_use"].empty() ? "nobody" : list_text(exposed["may_use"]);
  return readers + " (denied: " + list_text(exposed["deny"]) + ")";
}

std::string nat_text(const Json& n) {
  const auto mapping = n.value("mapping", "");
  const auto family = n.value("family", "");
  if (mapping == "none") return family + ": no translation, filtering " + n.value("filtering", "");
  std::string out = family + ": mapping " + mapping + ", filtering " + n.value("filtering", "") +
                    ", ports " + n.value("ports", "");
  if (!n["seen_at"].empty()) out += "; seen at " + list_text(n["seen_at"]);
  return out;
}

void print_status(const Context& context, const Json& s) {
  const auto& node = s["node"];
  const auto& network = s["network"];
  Table head({"node", printable(node.value("name", "")) + "  " + node.value("id", "")});
  head.add({"network", printable(network.value("name", "")) + "  " + network.value("role", "") +
                           ", " + "members: " + std::to_string(network.value("members", 0))});
  for (const auto& other : s["networks"])
    if (other.value("id", "") != network.value("id", ""))
      head.add({"also in",
                printable(other.value("name", "")) + "  " + other.value("role", "") + " as " +
                    printable(other.value("node", "")) +
                    ", members: " + std::to_string(other.value("members", std::uint64_t{0})) +
                    ", connected: " + std::to_string(other.value("connected", std::uint64_t{0}))});
  head.add({"listen", list_text(node["listen"])});
  const auto& mapping = s["net"]["port_mapping"];
  if (mapping.is_object() && !mapping.value("address", "").empty())
    head.add({"router", "lets others in at " + mapping.value("address", "") + " (" +
                            mapping.value("protocol", "") + ")"});
  for (const auto& n : s["net"]["nat"]) head.add({"nat", nat_text(n)});
  if (s["dht"].is_object())
    head.add({"dht", std::to_string(s["dht"].value("contacts", std::uint64_t{0})) + " contacts, " +
                         std::to_string(s["dht"].value("records", std::uint64_t{0})) +
                         " records, " + (s["dht"].value("server", false) ? "server" : "client")});
  if (!node.value("log", "").empty()) head.add({"log", printable(node.value("log", ""))});
  head.add({"up", seconds_text(node.value("uptime_s", std::int64_t{0})) + ", version " +
                      node.value("version", "")});
  context.print(head.text());
  Table peers({"PEER", "STATE", "PATH", "RTT", "SENT", "RECEIVED", "KEYS"});
  for (const auto& p : s["peers"])
    peers.add({printable(or_dash(p.value("name", ""))), p.value("state", ""), path_text(p),
               ms_text(p["rtt_ms"]), bytes_text(p.value("tx_bytes", std::uint64_t{0})),
               bytes_text(p.value("rx_bytes", std::uint64_t{0})), or_dash(p.value("kex", ""))});
  if (!peers.empty()) {
    context.print("\n");
    context.print(peers);
  }
  Table exposed({"EXPOSED", "TARGET", "WHO MAY", "HEALTH", "CONNECTIONS"});
  for (const auto& e : s["exposed"])
    exposed.add({e.value("name", ""), e.value("target", ""), who_may_text(e), health_text(e),
                 std::to_string(e.value("connections", std::uint64_t{0}))});
  if (!exposed.empty()) {
    context.print("\n");
    context.print(exposed);
  }
  Table doors({"DOOR", "TO", "STATE", "LISTEN", "CONNECTIONS"});
  for (const auto& m : s["mappings"])
    doors.add({m.value("mapping", ""), door_text(m), or_dash(m.value("state", "")), listen_text(m),
               std::to_string(m.value("connections", std::uint64_t{0}))});
  if (!doors.empty()) context.print("\n" + doors.text());
  for (const auto& line : s["attention"])
    context.talk("\nattention: " + printable(line.get<std::string>()) + "\n");
}

void add(CLI::App& app, Context& context) {
  auto* status = app.add_subcommand(
      "status", "This node, its peers, what it offers and opens, what needs attention");
  auto again = std::make_shared<bool>(false);
  status->add_flag("--watch", *again, "show it again whenever something happened");
  status->footer("example: weft status --json");
  status->callback([&context, again] {
    const auto show = [&context] {
      return context.show(context.ask("GET", "/api/v1/status"),
                          [&](const Json& data) { print_status(context, data); });
    };
    context.action = [&context, again, show] { return *again ? watch(context, show) : show(); };
  });
}

}  // namespace

CommandSet status_commands() { return {14, add}; }

}  // namespace weft::cli
