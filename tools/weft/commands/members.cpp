// members, remove, grant, revoke, rename: who is in the network, and what they may do there.
#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"
#include "tools/weft/question.hpp"
#include "tools/weft/watch.hpp"

namespace weft::cli {
namespace {

// One word for one state (docs/glossary.md): "connected" is an alive one with a session.
std::string state_text(const Json& member) {
  if (member.value("self", false)) return "here";
  const auto state = member.value("state", "");
  return state == "alive" && member.value("connected", true) ? "connected" : state;
}

// What most may is not said; what is more or less than that is.
std::string role_text(const Json& member) {
  const auto role = member.value("role", "");
  const auto& may = member["may"];
  if (role.empty() || !may.is_array()) return or_dash(role);
  const bool exposes = std::ranges::find(may, Json("expose")) != may.end();
  return role + (exposes ? "" : ", no expose");
}

void print_members(const Context& context, const Json& data) {
  Table table({"NODE", "ROLE", "STATE", "SINCE", "RTT", "ID"});
  for (const auto& m : data["members"])
    table.add({printable(or_dash(m.value("name", ""))) + (m.value("self", false) ? " (me)" : ""),
               role_text(m), state_text(m),
               m["since"].is_string() ? m["since"].get<std::string>() : "-", ms_text(m["rtt_ms"]),
               short_id(m.value("id", ""))});
  context.print(table);
  if (data.value("partial", false)) context.talk("more nodes may exist than are known here\n");
}

int run_remove(const Context& context, const std::string& node, bool yes) {
  if (!agreed(context, yes,
              "Remove " + printable(node) +
                  " for good? Its sessions end, what it was allowed is forgotten, and it comes "
                  "back only as a new node: with `weft leave` there and a new invite."))
    return not_done(context);
  return context.show(context.ask("DELETE", "/api/v1/members/" + escape(node)),
                      [&](const Json& data) {
                        context.print("removed " + printable(data.value("name", "")) + "  " +
                                      data.value("id", "") + "\n");
                      });
}

void print_member(const Context& context, const Json& data) {
  context.print(printable(data.value("name", "")) + "  " + data.value("role", "") + "  may " +
                list_text(data["may"]) + "\n");
}

struct Change {
  std::string node, name;
  std::vector<std::string> rights;
};

int run_change(const Context& context, const std::string& verb, const Change& change) {
  const Json body = verb == "rename" ? Json{{"name", change.name}} : Json{{"may", change.rights}};
  return context.show(
      context.ask("POST", "/api/v1/members/" + escape(change.node) + "/" + verb, body),
      [&](const Json& data) { print_member(context, data); });
}

void add_change(CLI::App& app, Context& context, const std::string& verb, const std::string& about,
                const std::string& example) {
  auto* command = app.add_subcommand(verb, about);
  auto change = std::make_shared<Change>();
  command->add_option("node", change->node, "name or id")->required()->type_name("NODE");
  if (verb == "rename")
    command->add_option("name", change->name, "its name from now on")->required();
  else
    command->add_option("right", change->rights, "expose, relay or admin")
        ->required()
        ->delimiter(',');
  command->footer("example: " + example);
  command->callback([&context, verb, change] {
    context.action = [&context, verb, change] { return run_change(context, verb, *change); };
  });
}

void add(CLI::App& app, Context& context) {
  auto* members = app.add_subcommand("members", "The nodes of this network");
  auto again = std::make_shared<bool>(false);
  members->add_flag("--watch", *again, "show them again whenever something happened");
  members->footer("example: weft members");
  members->callback([&context, again] {
    const auto show = [&context] {
      return context.show(context.ask("GET", "/api/v1/members"),
                          [&](const Json& data) { print_members(context, data); });
    };
    context.action = [&context, again, show] { return *again ? watch(context, show) : show(); };
  });

  auto* remove = app.add_subcommand("remove", "Take a node out of the network, for good");
  auto node = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  remove->add_option("node", *node, "name or id")->required()->type_name("NODE");
  remove->add_flag("--yes,-y", *yes, "do not ask on a terminal");
  remove->footer("example: weft remove laptop");
  remove->callback([&context, node, yes] {
    context.action = [&context, node, yes] { return run_remove(context, *node, *yes); };
  });

  add_change(app, context, "grant", "Let a node do more: expose, relay, admin",
             "weft grant laptop admin");
  add_change(app, context, "revoke", "Take such a right back", "weft revoke laptop admin");
  add_change(app, context, "rename", "Give a node another name", "weft rename laptop desk");
}

}  // namespace

CommandSet members_commands() { return {22, add}; }

}  // namespace weft::cli
