// group: groups of nodes, for rules of access.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct GroupOptions {
  std::string group, node;
};

int run_group(const Context& context, std::string_view method, const GroupOptions& options) {
  std::string path = "/api/v1/groups";
  if (!options.group.empty()) path += "/" + escape(options.group);
  if (!options.node.empty()) path += "/" + escape(options.node);
  return context.show(context.ask(method, path), [&](const Json& data) {
    Table table({"GROUP", "NODES"});
    for (const auto& g : data["groups"])
      table.add({printable(g.value("name", "")), list_text(g["members"])});
    if (!table.empty()) return context.print(table.text());
    context.talk("no groups yet; weft group add GROUP NODE makes one\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("group", "Groups of nodes, for access rules");
  group->require_subcommand(1)->fallthrough();
  group->footer("example: weft group add friends laptop; weft allow blog group:friends");
  struct Verb {
    const char *name, *about, *method;
    bool takes_node;
  };
  for (const Verb verb : {Verb{"add", "Put a node into a group", "PUT", true},
                          Verb{"remove", "Take a node out of a group", "DELETE", true},
                          Verb{"list", "All groups, or one", "GET", false}}) {
    auto* command = group->add_subcommand(verb.name, verb.about);
    command->fallthrough();
    auto options = std::make_shared<GroupOptions>();
    auto* name = command->add_option("group", options->group, "group");
    if (verb.takes_node) {
      name->required();
      command->add_option("node", options->node, "node's name or id")->required();
    }
    command->footer(std::string("example: weft group ") + verb.name +
                    (verb.takes_node ? " friends laptop" : ""));
    const std::string method = verb.method;
    command->callback([&context, options, method] {
      context.action = [&context, options, method] { return run_group(context, method, *options); };
    });
  }
}

}  // namespace

CommandSet groups_commands() { return {24, add}; }

}  // namespace weft::cli
