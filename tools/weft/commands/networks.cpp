// network: which networks this node is in, another one, and which is meant when none is named.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/joining.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

void print_networks(const Context& context, const Json& data) {
  Table table({"NETWORK", "ROLE", "HERE", "MEMBERS", "CONNECTED", "ID"});
  for (const auto& n : data["networks"])
    table.add(
        {n.value("name", "") + (n.value("default", false) ? " (default)" : ""), n.value("role", ""),
         n.value("node", ""), std::to_string(n.value("members", std::uint64_t{0})),
         std::to_string(n.value("connected", std::uint64_t{0})), short_id(n.value("id", ""))});
  context.print(table);
}

int show_networks(const Context& context, const ApiResult<Json>& result) {
  return context.show(result, [&](const Json& data) { print_networks(context, data); });
}

struct NetworkOptions {
  std::string network, node;
  bool yes = false;
};

int run_create(const Context& context, const NetworkOptions& options) {
  Json body{{"name", options.network}};
  if (!options.node.empty()) body["node"] = options.node;
  const auto made = context.ask("POST", "/api/v1/networks", body);
  const int code = show_networks(context, made);
  if (code == 0) context.next("--network " + shell_word(options.network) + " invite laptop");
  return code;
}

void add(CLI::App& app, Context& context) {
  auto* network = app.add_subcommand("network", "The networks this node is in; join adds one");
  network->require_subcommand(1)->fallthrough();
  network->footer("example: weft network list; weft --network work members");
  auto options = std::make_shared<NetworkOptions>();
  const auto command = [&](const char* name, const char* about, const std::string& example,
                           int (*run)(const Context&, const NetworkOptions&)) {
    auto* out = network->add_subcommand(name, about);
    out->fallthrough()->footer("example: " + example);
    out->callback([&context, options, run] {
      context.action = [&context, options, run] { return run(context, *options); };
    });
    return out;
  };
  command("list", "All of them, the default one first", "weft network list",
          [](const Context& c, const NetworkOptions&) {
            return show_networks(c, c.ask("GET", "/api/v1/networks"));
          });
  auto* create = command("create", "Make another network, with this node as its first member",
                         "weft network create work", run_create);
  create->add_option("name", options->network, "the network's name")->required();
  create->add_option("--name", options->node, "this node's name in it (default: as elsewhere)");
  auto* leave = command("leave", "Leave one of them; the others stay as they are",
                        "weft network leave work", [](const Context& c, const NetworkOptions& o) {
                          Context there = c;
                          there.network = o.network;
                          return run_leave(there, o.yes);
                        });
  leave->add_option("network", options->network, "name or id")->required();
  leave->add_flag("--yes,-y", options->yes, "do not ask on a terminal");
  auto* standard =
      command("default", "Say which is meant when none is named", "weft network default home",
              [](const Context& c, const NetworkOptions& o) {
                return show_networks(
                    c, c.ask("POST", "/api/v1/networks/" + escape(o.network) + "/default"));
              });
  standard->add_option("network", options->network, "name or id")->required();
}

}  // namespace

CommandSet networks_commands() { return {25, add}; }

}  // namespace weft::cli
