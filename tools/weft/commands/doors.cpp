// open, doors, close: local ports that lead to services of other nodes.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

struct OpenOptions {
  std::string service, listen, protocol, require;
  bool once = false, any = false;
};

int run_open(const Context& context, const OpenOptions& options) {
  const auto limit = context.timeout_or(milliseconds(10'000));
  Json body{{"service", options.service},
            {"once", options.once},
            {"any", options.any},
            {"timeout_ms", limit.count()}};
  if (!options.listen.empty()) body["listen"] = options.listen;
  if (!options.protocol.empty()) body["protocol"] = options.protocol;
  if (!options.require.empty()) body["require"] = options.require;
  return context.show(context.ask("POST", "/api/v1/mappings", body, limit), [&](const Json& data) {
    const auto rtt = data["rtt_ms"].is_number() ? ", " + ms_text(data["rtt_ms"]) : "";
    const auto listen = data.value("listen", "");
    const auto service = data.value("service", "") + "@" + data.value("node", "");
    const bool udp = data.value("protocol", "tcp") == "udp";
    context.print((udp ? "udp " : "") + listen + " -> " + service + "  " + path_text(data) + rtt +
                  "\n");
    const auto kept = data.value("existing", false) ? "this door was open already"
                      : options.once                ? "for one connection"
                                                    : "kept across restarts";
    context.talk(std::string(kept) + "; close it with: " +
                 context.command("close " + data.value("mapping", "")) + "\n");
    if (const auto largest = data.find("largest_datagram");
        largest != data.end() && largest->is_number())
      context.talk("datagrams of up to " + std::to_string(largest->get<std::uint64_t>()) +
                   " bytes go as they are, larger ones in pieces: `weft doors` counts them\n");
    if (data.value("reach", "machine") != "machine")
      context.talk("warning: whoever reaches this machine at " + listen + " may use " + service +
                   " as this node;\n  without --listen only programs on this machine may\n");
  });
}

// What of its datagrams went otherwise than as they were, and that it takes no relay.
std::string note_text(const Json& door) {
  const auto all = door.find("datagrams");
  const std::string direct =
      door.contains("require") && door["require"].is_string() ? "direct only" : "";
  if (all == door.end()) return or_dash(direct);
  std::string out = direct;
  if (const auto large = all->value("large", std::uint64_t{0}); large > 0)
    out += (out.empty() ? "" : ", ") + std::to_string(large) + " in pieces";
  if (const auto lost = all->value("lost", std::uint64_t{0}); lost > 0)
    out += (out.empty() ? "" : ", ") + std::to_string(lost) + " lost here";
  return or_dash(out);
}

void print_doors(const Context& context, const Json& data) {
  Table table({"DOOR", "TO", "STATE", "LISTEN", "CONNECTIONS", "SENT", "RECEIVED", "NOTE"});
  for (const auto& m : data["mappings"]) {
    const std::string protocol = m.value("protocol", "tcp");
    table.add({m.value("mapping", ""), door_text(m), or_dash(m.value("state", "")),
               listen_text(m) + (protocol == "tcp" ? "" : "/" + protocol),
               std::to_string(m.value("connections", std::uint64_t{0})),
               bytes_text(m.value("tx_bytes", std::uint64_t{0})),
               bytes_text(m.value("rx_bytes", std::uint64_t{0})), note_text(m)});
  }
  if (!table.empty()) return context.print(table);
  context.talk("no doors are open\n");
  context.next("services");
}

void add(CLI::App& app, Context& context) {
  auto* open =
      app.add_subcommand("open", "A door: a local port that leads to a service of another node");
  auto options = std::make_shared<OpenOptions>();
  open->add_option("service", options->service,
                   "SERVICE@NODE; SERVICE when one node offers it; SERVICE@NODE,NODE: the others\n"
                   "when the first does not serve")
      ->required();
  open->add_flag("--any", options->any,
                 "nodes of the same owner may serve too: the nearest whose program answers");
  open->add_option(
          "--listen", options->listen,
          "where the door is (default: the service's port on 127.0.0.1, or the next free one)")
      ->type_name("HOST:PORT");
  open->add_option("--protocol", options->protocol,
                   "tcp or udp, for a node that is away (default: as the service is offered)");
  open->add_option("--require", options->require,
                   "direct: nothing goes through a relay; exit 8 when there is no direct way")
      ->type_name("direct");
  open->add_flag("--once", options->once,
                 "for one connection only; else the door stays, also across restarts");
  open->footer("example: weft open blog@oak --listen 127.0.0.1:8080");
  open->callback([&context, options] {
    context.action = [&context, options] { return run_open(context, *options); };
  });

  auto* doors =
      app.add_subcommand("doors", "The doors that are open here, and what went through them");
  doors->alias("mappings");
  doors->footer("example: weft doors");
  doors->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/mappings"),
                          [&](const Json& data) { print_doors(context, data); });
    };
  });

  auto* close = app.add_subcommand("close", "Close a door");
  auto mapping = std::make_shared<std::string>();
  close->add_option("door", *mapping, "its number in `weft doors`, or SERVICE[@NODE]")->required();
  close->footer("example: weft close blog@oak");
  close->callback([&context, mapping] {
    context.action = [&context, mapping] {
      return context.show(
          context.ask("DELETE", "/api/v1/mappings/" + escape(*mapping)), [&](const Json& data) {
            const auto all = data.find("closed");
            context.print("closed " +
                          (all == data.end() ? data.value("listen", "") : list_text(*all)) + "\n");
          });
    };
  });
}

}  // namespace

CommandSet doors_commands() { return {32, add}; }

}  // namespace weft::cli
