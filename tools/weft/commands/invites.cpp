// invite: tickets for new nodes, and those that wait.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
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

void add(CLI::App& app, Context& context) {
  auto* invite =
      app.add_subcommand("invite", "Make a ticket that lets one new node into this network");
  auto invite_options = std::make_shared<InviteOptions>();
  invite->add_option("name", invite_options->name, "the new node's name");
  invite->add_option("--allow", invite_options->allow, "a service of this node it may use")
      ->type_name("SERVICE[,SERVICE...]")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_duration(*invite, "--ttl", invite_options->ttl, "how long the ticket lives (default 15m)",
               Unit::Needed);
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
}

}  // namespace

CommandSet invites_commands() { return {20, add}; }

}  // namespace weft::cli
