// services: what others offer to this node.
#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

// Nothing to list has three causes, and each another cure.
void talk_no_services(const Context& context) {
  const auto status = context.ask("GET", "/api/v1/status");
  const bool alone = status && (*status)["peers"].empty();
  const bool deaf = status && !alone && std::ranges::none_of((*status)["peers"], [](const Json& p) {
                      return p.value("state", "") == "connected";
                    });
  if (alone)
    context.talk("nothing yet: no other node is in this network\n");
  else if (deaf)
    context.talk("nothing is known: no other node is connected now; see " +
                 context.command("status") + "\n");
  else
    context.talk("nothing you may use yet; on the node that has it: weft allow SERVICE NODE\n");
}

void print_services(const Context& context, const Json& data) {
  Table table({"SERVICE", "NODE", "PROTOCOL", "HEALTH", "PATH", "RTT"});
  std::string first;
  for (const auto& s : data["services"]) {
    if (first.empty() && s.value("healthy", false))
      first = s.value("name", "") + "@" + s.value("node", "");
    table.add({s.value("name", ""), s.value("node", ""), s.value("protocol", ""), health_text(s),
               path_text(s), ms_text(s["rtt_ms"])});
  }
  if (table.empty()) return talk_no_services(context);
  context.print(table);
  if (!first.empty()) context.next("open " + shell_word(first));
}

void add(CLI::App& app, Context& context) {
  auto* services =
      app.add_subcommand("services", "The services of other nodes that this node may use");
  services->footer("example: weft services");
  services->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/services"),
                          [&](const Json& data) { print_services(context, data); });
    };
  });
}

}  // namespace

CommandSet services_commands() { return {31, add}; }

}  // namespace weft::cli
