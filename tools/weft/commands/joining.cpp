// join, leave: into a network, and out of it.
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "node/ticket_text.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/joining.hpp"
#include "tools/weft/output.hpp"
#include "tools/weft/question.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPoll{50};
constexpr int kPasteMs = 200;

// The rest of a pasted text follows at once; a person does not.
bool more_comes() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return std::cin.rdbuf()->in_avail() > 0 || ::poll(&input, 1, kPasteMs) > 0;
}

// Line by line, because what was pasted may be wrapped: until it is whole, or an empty line. Who
// gave something else, or half of it, is told so.
std::string ask_ticket() {
  std::cerr << "paste the ticket: " << std::flush;
  std::string text;
  bool told = false;
  for (std::string line; text.size() < node::kMaxPaste && std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos && (told || !text.empty())) break;
    text += line + "\n";
    if (node::addresses_in_ticket(text)) break;
    if (more_comes()) continue;
    told = true;
    if (text.contains("wt1")) {
      std::cerr << "not the whole ticket yet; paste the rest, or press Enter to go on: ";
    } else {
      std::cerr << "no ticket is in this, one begins with wt1; paste it, or press Enter to end: ";
      text.clear();
    }
    std::cerr << std::flush;
  }
  return text;
}

std::string read_ticket() {
  std::string text(node::kMaxPaste + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  return text;
}

// What must be said before a command for that network: nothing for the default one.
std::string with_network(const Context& context, const std::string& network) {
  const auto all = context.ask("GET", "/api/v1/networks");
  if (!all || (*all)["networks"].empty() || (*all)["networks"][0].value("name", "") == network)
    return {};
  return "--network " + shell_word(network) + " ";
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
    context.next(with_network(context, data.value("network", "")) + "services");
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

// Of the network that is meant, and whether it is the only one.
struct Meant {
  std::string name;
  bool only = true;
};

ApiResult<Meant> meant(const Context& context) {
  const auto all = context.ask("GET", "/api/v1/networks");
  if (!all) return std::unexpected(all.error());
  const auto& networks = (*all)["networks"];
  Meant out{context.network, networks.size() < 2};
  if (out.name.empty() && !networks.empty()) out.name = networks[0].value("name", "");
  return out;
}

void add(CLI::App& app, Context& context) {
  auto* join = app.add_subcommand("join", "Join the network of a ticket");
  auto ticket = std::make_shared<std::vector<std::string>>();
  join->add_option("ticket", *ticket,
                   "the ticket; none: asked for, or read from standard input, as with '-'");
  join->footer("example: ssh oak weft invite laptop | weft join -");
  join->callback([&context, ticket] {
    context.action = [&context, ticket] { return run_join(context, *ticket); };
  });

  auto* leave = app.add_subcommand("leave", "Leave the network; go on as a new node");
  auto leave_yes = std::make_shared<bool>(false);
  leave->add_flag("--yes,-y", *leave_yes, "do not ask on a terminal");
  leave->footer("example: weft leave");
  leave->callback([&context, leave_yes] {
    context.action = [&context, leave_yes] { return run_leave(context, *leave_yes); };
  });
}

}  // namespace

int run_leave(const Context& context, bool yes) {
  const auto network = meant(context);
  if (!network) return context.report(network.error());
  const auto question =
      "Leave " + printable(network->name) + "? Its services and doors here are gone" +
      (network->only ? ", and this machine goes on as a new node with a new identity. Keys and "
                       "state of the old one are kept, in left-TIME."
                     : "; what this node is in other networks stays.");
  if (!agreed(context, yes, question)) return not_done(context);
  const auto limit = context.timeout_or(milliseconds(10'000));
  auto left = context.ask("POST", "/api/v1/leave", Json{{"timeout_ms", limit.count()}}, limit);
  if (!left) return context.report(left.error());
  if (left->value("anew", true)) {
    const auto now = reborn(context, left->value("id", ""));
    if (!now) return context.report(now.error());
    (*left)["new_id"] = (*now)["node"]["id"];
    (*left)["name"] = (*now)["node"]["name"];
  }
  return context.show(left, [&](const Json& data) {
    const bool anew = data.value("anew", true);
    context.print("left " + printable(data.value("network", "")) +
                  (anew ? "; this node is now " + printable(data.value("name", "")) + "  " +
                              data.value("new_id", "")
                        : std::string()) +
                  "\n");
    if (!data.value("told", false))
      context.talk("no admin of the network was reached, so it still lists this node: have one (" +
                   list_text(data["admins"]) + ") run\n  weft remove " + data.value("id", "") +
                   "\n");
    Context elsewhere = context;
    elsewhere.network.clear();  // it is left
    elsewhere.next(anew ? "join" : "network list");
  });
}

CommandSet joining_commands() { return {21, add}; }

}  // namespace weft::cli
