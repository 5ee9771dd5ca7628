// invite, join, members, group: who is in the network.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "node/ticket_text.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

struct InviteOptions {
  std::string name;
  std::vector<std::string> allow;
  std::vector<std::string> may;
  std::optional<milliseconds> ttl;
  bool list = false;
  std::string cancel;
};

int list_invites(const Context& context) {
  return context.show(context.ask("GET", "/api/v1/invites"), [&](const Json& data) {
    Table table({"FOR", "ID", "UNTIL", "MAY", "ALLOW"});
    for (const auto& i : data["invites"])
      table.add({printable(i.value("name", "")), i.value("id", "").substr(0, 8),
                 i.value("expires_at", ""), list_text(i["may"]), list_text(i["allow"])});
    if (table.empty()) return context.talk("no ticket waits for a node\n");
    context.print(table.text());
  });
}

int cancel_invite(const Context& context, const std::string& who) {
  return context.show(context.ask("DELETE", "/api/v1/invites/" + escape(who)),
                      [&](const Json& data) {
                        context.print("the ticket for " + printable(data.value("name", "")) +
                                      " lets nobody in any more\n");
                      });
}

int run_invite(const Context& context, const InviteOptions& options) {
  if (options.list) return list_invites(context);
  if (!options.cancel.empty()) return cancel_invite(context, options.cancel);
  if (options.name.empty())
    return context.report({Code::Usage, "the new node needs a name", "",
                           context.command("invite laptop") + "; or --list, --cancel NAME"});
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(
      options.ttl.value_or(milliseconds(15 * 60'000)));
  if (ttl < std::chrono::seconds(1) || ttl > std::chrono::days(7))
    return context.report({Code::Usage, "a ticket lives for 1s at least and 168h at most", "",
                           "choose another --ttl; an invite can be made again at any time"});
  Json body{{"name", options.name}, {"ttl_s", ttl.count()}};
  if (!options.allow.empty()) body["allow"] = options.allow;
  if (!options.may.empty()) body["may"] = options.may;
  return context.show(context.ask("POST", "/api/v1/invites", body), [&](const Json& data) {
    // The ticket alone, whether it is copied or piped: on a command line others could read it.
    context.talk("for " + data.value("name", "") + ", works once, for " +
                 seconds_text(ttl.count()) + ". On the other machine run `weft join` and paste:\n");
    context.print(data.value("ticket", "") + "\n");
    const auto warning = data.value("warning", "");
    if (!warning.empty()) context.talk("warning: " + warning + "\n");
  });
}

// Line by line, because what was pasted may be wrapped: until it is whole, or an empty line.
std::string ask_ticket() {
  std::cerr << "paste the ticket: " << std::flush;
  std::string text;
  for (std::string line; text.size() < node::kMaxPaste && std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos && !text.empty()) break;
    text += line + "\n";
    if (node::addresses_in_ticket(text)) break;
  }
  return text;
}

std::string read_ticket() {
  std::string text(node::kMaxPaste + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  return text;
}

int run_join(const Context& context, const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  if (text.empty() || text == "-") {
    text = text.empty() && ::isatty(STDIN_FILENO) == 1 ? ask_ticket() : read_ticket();
  } else if (::isatty(STDERR_FILENO) == 1) {
    context.talk(
        "note: other users of this machine can read a command line (ps) and so the "
        "ticket;\n      `weft join` alone asks for it\n");
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return context.report(
        {Code::Usage, "no ticket given", "", "on a node of the network run: weft invite NAME"});
  const auto limit = context.timeout_or(milliseconds(30'000));
  if (const auto where = node::addresses_in_ticket(text); where && ::isatty(STDERR_FILENO) == 1)
    context.talk("trying " + *where + " ...\n");
  const auto result = context.ask("POST", "/api/v1/join",
                                  Json{{"ticket", text}, {"timeout_ms", limit.count()}}, limit);
  return context.show(result, [&](const Json& data) {
    const auto& via = data["via"];
    context.print("joined " + printable(data.value("network", "")) + " as " +
                  printable(data.value("name", "")) + ", via " +
                  printable(or_dash(via.value("name", ""))) + " (" + via.value("path", "") +
                  (via.value("kex", "").empty() ? "" : ", " + via.value("kex", "")) + ")\n");
    context.next("services");
  });
}

// One word for one state (docs/glossary.md); "alive" is what the JSON calls a node that is
// connected.
std::string state_text(const Json& member) {
  if (member.value("self", false)) return "here";
  const auto state = member.value("state", "");
  return state == "alive" ? "connected" : state;
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

void add_group(CLI::App& app, Context& context) {
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

void add_network_commands(CLI::App& app, Context& context) {
  auto* invite =
      app.add_subcommand("invite", "Make a ticket that lets one new node into this network");
  auto invite_options = std::make_shared<InviteOptions>();
  invite->add_option("name", invite_options->name, "the new node's name");
  invite->add_option("--allow", invite_options->allow, "a service of this node it may use")
      ->type_name("SERVICE[,SERVICE...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_duration(*invite, "--ttl", invite_options->ttl, "how long the ticket lives (default 15m)");
  invite
      ->add_option(
          "--may", invite_options->may,
          "what it may: expose services, relay, admin: invite and remove others (default: expose)")
      ->delimiter(',')
      ->allow_extra_args(false);
  invite->add_flag("--list", invite_options->list, "the tickets that wait for their nodes");
  invite->add_option("--cancel", invite_options->cancel, "take a ticket back, by its name or id")
      ->type_name("NAME");
  invite->footer("example: weft invite laptop --allow blog --ttl 1h");
  invite->callback([&context, invite_options] {
    context.action = [&context, invite_options] { return run_invite(context, *invite_options); };
  });

  auto* join = app.add_subcommand("join", "Join the network of a ticket");
  auto ticket = std::make_shared<std::vector<std::string>>();
  join->add_option("ticket", *ticket,
                   "the ticket; none: asked for, or read from standard input, as with '-'");
  join->footer("example: ssh oak weft invite laptop | weft join -");
  join->callback([&context, ticket] {
    context.action = [&context, ticket] { return run_join(context, *ticket); };
  });

  auto* members = app.add_subcommand("members", "The nodes of this network");
  members->footer("example: weft members");
  members->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/members"),
                          [&](const Json& data) { print_members(context, data); });
    };
  });
  auto* roster = app.add_subcommand("roster", "The signed entries that say who is in");
  roster->require_subcommand(1)->fallthrough();
  auto* all = roster->add_subcommand("export", "All of them and what they add up to, for a check");
  all->footer(
      "example: weft roster export > roster.json; it holds the network's secret, so keep "
      "it as private as a ticket; tools/roster_check/roster_check works it out anew");
  all->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/roster"), [&](const Json& data) {
        context.print(data.dump(-1, ' ', true) + "\n");
      });
    };
  });
  add_group(app, context);
  add_member_commands(app, context);
}

}  // namespace weft::cli
