// invite, join, remove, members, group: who is in the network.
#include <unistd.h>

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

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
};

int run_invite(const Context& context, const InviteOptions& options) {
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(
      options.ttl.value_or(milliseconds(15 * 60'000)));
  if (ttl < std::chrono::seconds(1) || ttl > std::chrono::days(7))
    return context.report({Code::Usage, "a ticket lives for 1s at least and 168h at most", "",
                           "choose another --ttl; an invite can be made again at any time"});
  Json body{{"name", options.name}, {"ttl_s", ttl.count()}};
  if (!options.allow.empty()) body["allow"] = options.allow;
  if (!options.may.empty()) body["may"] = options.may;
  return context.show(context.ask("POST", "/api/v1/invites", body), [&](const Json& data) {
    context.talk("for " + data.value("name", "") + ", one use, " + seconds_text(ttl.count()) +
                 " (until " + data.value("expires_at", "") + "). On the other machine run:\n");
    // On a terminal the line to paste; in a pipe the ticket alone, for `weft join -`.
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    context.print((terminal ? "  weft join " : "") + data.value("ticket", "") + "\n");
  });
}

// The last word, so that a whole pasted "weft join ..." line works too.
std::string last_word(const std::string& line) {
  const auto end = line.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "";
  const auto start = line.find_last_of(" \t", end);
  return line.substr(start == std::string::npos ? 0 : start + 1,
                     end - (start == std::string::npos ? std::size_t(-1) : start));
}

int run_join(const Context& context, std::string ticket) {
  if (ticket.empty() || ticket == "-") {
    if (ticket.empty() && ::isatty(STDIN_FILENO) == 1) std::cerr << "ticket: " << std::flush;
    std::string line;
    std::getline(std::cin, line);
    ticket = line;
  }
  ticket = last_word(ticket);
  if (ticket.empty())
    return context.report(
        {Code::Usage, "no ticket given", "", "on a node of the network run: weft invite NAME"});
  const auto limit = context.timeout_or(milliseconds(30'000));
  const auto result = context.ask("POST", "/api/v1/join",
                                  Json{{"ticket", ticket}, {"timeout_ms", limit.count()}}, limit);
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

void print_members(const Context& context, const Json& data) {
  Table table({"NODE", "STATE", "RTT", "SINCE", "ID"});
  for (const auto& m : data["members"])
    table.add({printable(or_dash(m.value("name", ""))) + (m.value("self", false) ? " (me)" : ""),
               state_text(m), ms_text(m["rtt_ms"]),
               m["since"].is_string() ? m["since"].get<std::string>() : "-",
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
  invite->add_option("name", invite_options->name, "the new node's name")->required();
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
  invite->footer("example: weft invite laptop --allow blog --ttl 1h");
  invite->callback([&context, invite_options] {
    context.action = [&context, invite_options] { return run_invite(context, *invite_options); };
  });

  auto* join = app.add_subcommand("join", "Join the network of a ticket");
  auto ticket = std::make_shared<std::string>();
  join->add_option("ticket", *ticket, "the ticket; '-' or none: read from standard input");
  join->footer("example: ssh oak weft invite laptop | weft join -");
  join->callback([&context, ticket] {
    context.action = [&context, ticket] { return run_join(context, *ticket); };
  });

  auto* remove = app.add_subcommand("remove", "Take a node out of the network; its sessions end");
  auto node = std::make_shared<std::string>();
  remove->add_option("node", *node, "name or NodeId")->required();
  remove->footer("example: weft remove laptop");
  remove->callback([&context, node] {
    context.action = [&context, node] {
      return context.show(context.ask("DELETE", "/api/v1/members/" + escape(*node)),
                          [&](const Json& data) {
                            context.print("removed " + printable(data.value("name", "")) + "  " +
                                          data.value("id", "") + "\n");
                          });
    };
  });

  auto* members = app.add_subcommand("members", "The nodes of this network");
  members->footer("example: weft members");
  members->callback([&context] {
    context.action = [&context] {
      return context.show(context.ask("GET", "/api/v1/members"),
                          [&](const Json& data) { print_members(context, data); });
    };
  });
  add_group(app, context);
}

}  // namespace weft::cli
