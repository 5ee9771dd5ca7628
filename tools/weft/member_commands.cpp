// remove, leave, grant, revoke, rename: who is in the network, and what they may do there.
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPoll{50};

// On a terminal somebody reads and answers; a script has said what it wants.
bool agreed(const Context& context, bool yes, const std::string& question) {
  if (yes || context.json || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
    return true;
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int not_done(const Context& context) {
  context.talk("nothing was changed\n");
  return static_cast<int>(Code::Failed);
}

int run_remove(const Context& context, const std::string& node, bool yes) {
  if (!agreed(context, yes,
              "Remove " + printable(node) +
                  " for good? Its sessions end, what it was allowed is forgotten, and it comes "
                  "back\nonly as a new node: with `weft leave` there and a new invite."))
    return not_done(context);
  return context.show(context.ask("DELETE", "/api/v1/members/" + escape(node)),
                      [&](const Json& data) {
                        context.print("removed " + printable(data.value("name", "")) + "  " +
                                      data.value("id", "") + "\n");
                      });
}

// The daemon goes on in the same process, as another node.
ApiResult<Json> reborn(const Context& context, const std::string& old) {
  const auto deadline = Clock::now() + milliseconds(15'000);
  for (;;) {
    auto status = context.client().call("GET", "/api/v1/status", std::nullopt, milliseconds(2000));
    if (status && (*status)["node"].value("id", "") != old) return status;
    if (Clock::now() > deadline)
      return api::refuse(Code::Timeout, "it left, but has not started again yet", "",
                         "see " + context.paths().log_file().string());
    ::poll(nullptr, 0, static_cast<int>(kPoll.count()));
  }
}

int run_leave(const Context& context, bool yes) {
  if (!agreed(context, yes,
              "Leave the network? Its services and doors here are gone, and this machine goes on "
              "as a\nnew node with a new identity. Keys and state of the old one are kept, in "
              "left-TIME."))
    return not_done(context);
  const auto limit = context.timeout_or(milliseconds(10'000));
  auto left = context.ask("POST", "/api/v1/leave", Json{{"timeout_ms", limit.count()}}, limit);
  if (!left) return context.report(left.error());
  const auto now = reborn(context, left->value("id", ""));
  if (!now) return context.report(now.error());
  (*left)["new_id"] = (*now)["node"]["id"];
  (*left)["name"] = (*now)["node"]["name"];
  return context.show(left, [&](const Json& data) {
    context.print("left " + printable(data.value("network", "")) + "; this node is now " +
                  printable(data.value("name", "")) + "  " + data.value("new_id", "") + "\n");
    if (!data.value("told", false))
      context.talk("no admin of the network was reached, so it still lists this node: have one (" +
                   list_text(data["admins"]) + ") run\n  weft remove " + data.value("id", "") +
                   "\n");
    context.next("join");
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

}  // namespace

void add_member_commands(CLI::App& app, Context& context) {
  auto* remove = app.add_subcommand("remove", "Take a node out of the network, for good");
  auto node = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  remove->add_option("node", *node, "name or id")->required()->type_name("NODE");
  remove->add_flag("--yes,-y", *yes, "do not ask on a terminal");
  remove->footer("example: weft remove laptop");
  remove->callback([&context, node, yes] {
    context.action = [&context, node, yes] { return run_remove(context, *node, *yes); };
  });

  auto* leave = app.add_subcommand("leave", "Leave the network; go on as a new node");
  auto leave_yes = std::make_shared<bool>(false);
  leave->add_flag("--yes,-y", *leave_yes, "do not ask on a terminal");
  leave->footer("example: weft leave");
  leave->callback([&context, leave_yes] {
    context.action = [&context, leave_yes] { return run_leave(context, *leave_yes); };
  });

  add_change(app, context, "grant", "Let a node do more: expose, relay, admin",
             "weft grant laptop admin");
  add_change(app, context, "revoke", "Take such a right back", "weft revoke laptop admin");
  add_change(app, context, "rename", "Give a node another name", "weft rename laptop desk");
}

}  // namespace weft::cli
