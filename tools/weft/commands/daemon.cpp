// up, down. (`run` is in main.cpp, which alone may include the daemon.)
#include <poll.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "node/listen_addresses.hpp"
#include "tools/weft/boot_commands.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"
#include "tools/weft/process.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPoll{25};

Json ready_json(const Json& status) {
  return {{"schema", "weft.ready/1"},
          {"id", status["node"]["id"]},
          {"name", status["node"]["name"]},
          {"network", status["network"]["name"]},
          {"listen", status["node"]["listen"]}};
}

bool is_ready(const Context& context) {
  return context.client().call("GET", "/readyz", std::nullopt, milliseconds(2000)).has_value();
}

// What works here and now; where nothing is sure to, where to look.
void say_next(const Context& context, const Json& status) {
  const auto role = status["network"].value("role", "");
  if (role == "none") {
    for (const auto& line : status["attention"])
      context.talk("attention: " + printable(line.get<std::string>()) + "\n");
    return context.next("leave");
  }
  if (status["network"].value("members", 0) > 1) return context.next("status");
  const bool taken = status["node"].value("name", "") == "laptop";
  if (role == "admin") context.next(taken ? "invite phone" : "invite laptop");
  context.next("join");
}

// --listen of a node that runs already: it holds, or there is something to do.
ApiResult<void> check_listen(const Context& context, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return {};
  auto status = context.client().call("GET", "/api/v1/status", std::nullopt, milliseconds(5000));
  if (!status) return std::unexpected(status.error());
  const auto& bound = (*status)["node"]["bound"];
  const auto places = node::listen_places(wanted);
  std::vector<std::string> texts;
  if (bound.is_array())
    for (const auto& at : bound) texts.push_back(at.get<std::string>());
  const auto here = node::listen_places(texts);
  const auto holds = [](const std::vector<Endpoint>& asked, const std::vector<Endpoint>& there) {
    return std::ranges::all_of(asked, [&](const Endpoint& endpoint) {
      return std::ranges::any_of(there, [&](const Endpoint& at) {
        return at.address == endpoint.address && (endpoint.port == 0 || at.port == endpoint.port);
      });
    });
  };
  if (places && here && holds(places->udp, here->udp) && holds(places->tcp, here->tcp) &&
      holds(places->wss, here->wss) && places->wss.size() == here->wss.size() &&
      (places->udp.empty() || places->udp.size() == here->udp.size()) &&
      places->tcp.size() == here->tcp.size())
    return {};
  std::string line = has_boot_unit(context) ? "up --at-boot" : "up";
  for (const auto& address : wanted) line += " --listen " + shell_word(address);
  return api::refuse(Code::Failed, "weft runs already, and listens on " + list_text(bound),
                     "addresses are taken when it starts",
                     context.command("down") + "; " + context.command(line));
}

int show_ready(const Context& context, const std::string& wanted, const std::string& note) {
  auto status = context.ask("GET", "/api/v1/status");
  if (!status) return context.report(status.error());
  const auto name = (*status)["node"].value("name", "");
  if (!wanted.empty() && wanted != name)
    std::cerr << "weft: --name " + printable(wanted) + " is ignored: this node is called " +
                     printable(name) +
                     " and keeps that name\n  fix: for a node called otherwise take another "
                     "home: weft --home DIR up --name " +
                     shell_word(wanted) + "\n";
  return context.show(ready_json(*status), [&](const Json& ready) {
    Table table({"node", printable(ready.value("name", "")) + "  " + ready.value("id", "")});
    table.add({"network", printable(ready.value("network", ""))});
    table.add({"listen", list_text(ready["listen"])});
    context.print(table.text());
    context.talk(note + "\n");
    say_next(context, *status);
  });
}

struct UpOptions {
  std::string name;
  std::vector<std::string> listen;
  bool at_boot = false;
};

// What a child that ended had to say, as it was written to the log since `offset`.
std::optional<ApiError> failure_in(const std::filesystem::path& log, std::uintmax_t offset,
                                   int pid) {
  std::ifstream in(log);
  in.seekg(static_cast<std::streamoff>(offset));
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('{')) continue;
    const auto said = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!said.is_object() || said.value("schema", "") != "weft.error/1") continue;
    if (said.value("pid", pid) != pid) continue;  // another one that was started at the same time
    return ApiError{static_cast<Code>(said.value("code", 1)), said.value("title", ""),
                    said.value("detail", ""), said.value("fix", "")};
  }
  return std::nullopt;
}

std::string running_text(const Context& context) {
  const auto pid = context.client().daemon_pid();
  return "runs already" + (pid && *pid > 0 ? ", pid " + std::to_string(*pid) : std::string());
}

// Why the child `pid`, which ended with `code`, did not start.
ApiError failed_start(int pid, int code, const std::filesystem::path& log, std::uintmax_t offset) {
  if (auto said = failure_in(log, offset, pid)) return *said;
  const auto why = last_lines(log, offset, 3);
  return {code == 78 ? Code::BadConfig : Code::Failed, "weft did not start",
          why.empty() ? "it ended with code " + std::to_string(code) : why, "see " + log.string()};
}

int run_up(const Context& context, const UpOptions& options) {
  if (const bool fine = node::asks_for_default(options.listen); !fine)
    if (const auto right = node::listen_places(options.listen); !right)
      return context.report({Code::Usage, "cannot listen", right.error().detail, node::kListenFix});
  std::vector<std::string> wishes;
  if (!options.name.empty()) wishes = {"--name", options.name};
  for (const auto& address : options.listen) wishes.insert(wishes.end(), {"--listen", address});
  if (const bool running = is_ready(context); options.at_boot || !running)
    if (const int code =
            options.at_boot ? start_at_boot(context, wishes, running) : start_by_unit(context);
        code != 0)
      return code;
  if (is_ready(context)) {
    if (const auto same = check_listen(context, options.listen); !same)
      return context.report(same.error());
    return show_ready(context, options.name, running_text(context));
  }
  const auto paths = context.paths();
  std::vector<std::string> remarks;
  if (const auto made = node::create_directories(paths, &remarks); !made)
    return context.report(context.error_of(made.error(), "cannot prepare the node's directories"));
  for (const auto& remark : remarks) context.talk(remark + "\n");
  const auto log = paths.log_file();
  std::vector<std::string> words;
  if (paths.home) words = {"--home", paths.home->string()};
  words.insert(words.end(), {"run", "--log-file", log.string()});
  words.insert(words.end(), wishes.begin(), wishes.end());
  std::error_code none;
  const auto size = std::filesystem::file_size(log, none);
  const auto offset = none ? 0 : size;
  const auto started = Clock::now();
  const auto pid = spawn_self(words, log);
  if (!pid) return context.report(context.error_of(pid.error(), "cannot start weft"));
  const auto limit = context.timeout_or(milliseconds(30'000));
  bool other = false;  // another process has this home: it is waited for
  while (!is_ready(context)) {
    if (const auto code = other ? std::nullopt : exit_code_of(*pid)) {
      const auto failure = failed_start(*pid, *code, log, offset);
      other = failure.detail.find("LOCKED: ") != std::string::npos;
      if (!other) return context.report(failure);
    }
    if (Clock::now() - started > limit)
      return context.report({Code::Timeout,
                             other ? "another weft has this home and gives no answer"
                                   : "weft started but is not ready yet",
                             last_lines(log, offset, 3), context.command("wait ready")});
    ::poll(nullptr, 0, static_cast<int>(kPoll.count()));
  }
  // Ours may not have found the home taken yet when the other one is ready.
  const auto serving = context.client().daemon_pid();
  if (other || (serving && *serving > 0 && *serving != *pid))
    return show_ready(context, options.name, running_text(context));
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - started).count();
  return show_ready(context, options.name, "ready in " + ms_text(Json(static_cast<double>(took))));
}

int run_down(const Context& context, bool at_boot) {
  if (at_boot)
    if (const int code = no_more_at_boot(context); code != 0) return code;
  const auto pid = context.client().daemon_pid();
  if (!pid && at_boot && pid.error().code == Code::NotRunning) return 0;
  if (!pid) return context.report(pid.error());
  const auto result = context.ask("POST", "/api/v1/shutdown");
  if (!result) return context.report(result.error());
  const auto deadline = Clock::now() + context.timeout_or(milliseconds(10'000));
  const auto left = [&] {
    return std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  };
  bool gone = *pid > 0 && wait_gone(*pid, left());
  while (*pid == 0 && !gone && left() > milliseconds(0)) {  // in a container: only the socket tells
    gone = !context.client().daemon_pid().has_value();
    if (!gone) ::poll(nullptr, 0, static_cast<int>(kPoll.count()));
  }
  if (!gone)
    return context.report({Code::Timeout, "weft was told to stop but is still there",
                           *pid > 0 ? "process " + std::to_string(*pid) : "", ""});
  return context.show(Json{{"schema", "weft.down/1"}, {"stopped", true}},
                      [&](const Json&) { context.talk("stopped\n"); });
}

void add(CLI::App& app, Context& context) {
  auto* up = app.add_subcommand("up", "Start weft in the background; returns when it is ready");
  auto up_options = std::make_shared<UpOptions>();
  up->add_option("--name", up_options->name, "this node's name (default: the hostname)");
  up->add_option("--listen", up_options->listen,
                 "UDP address, kept from then on (default: all of them, port 41820); tcp:HOST:PORT "
                 "or wss:HOST:PORT where UDP does not get through")
      ->type_name("HOST:PORT");
  up->add_flag("--at-boot", up_options->at_boot,
               "and whenever this machine starts: by systemd, as a unit of this user, or of the "
               "system for root");
  up->footer("example: weft up --name oak --at-boot");
  up->callback([&context, up_options] {
    context.action = [&context, up_options] { return run_up(context, *up_options); };
  });

  auto* down = app.add_subcommand("down", "Stop weft");
  auto at_boot = std::make_shared<bool>(false);
  down->add_flag("--at-boot", *at_boot, "and do not start it at boot any more");
  down->footer("example: weft down");
  down->callback([&context, at_boot] {
    context.action = [&context, at_boot] { return run_down(context, *at_boot); };
  });
}

}  // namespace

CommandSet daemon_commands() { return {10, add}; }

}  // namespace weft::cli
