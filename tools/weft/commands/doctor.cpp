// doctor: what works and what does not, each with its fix; with the daemon or without.
#include <algorithm>
#include <iterator>

#include <CLI/CLI.hpp>

#include "node/doctor/machine.hpp"
#include "node/version.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/machine_facts.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

Json to_json(const doctor::Finding& finding) {
  return {{"name", finding.name},
          {"result", name_of(finding.verdict)},
          {"detail", finding.detail},
          {"fix", finding.fix}};
}

// The daemon, and what it found in itself; whether one has the home.
bool ask_daemon(const Context& context, std::vector<doctor::Finding>& ours, Json& theirs) {
  using doctor::DaemonState;
  constexpr std::chrono::seconds kPatience{5};
  const auto status = context.ask("GET", "/api/v1/status", std::nullopt, kPatience);
  if (!status) {
    const bool running = status.error().code != Code::NotRunning;
    ours.push_back(doctor::daemon(running ? DaemonState::Silent : DaemonState::NotRunning,
                                  status.error().title));
    return running;
  }
  const auto node = status->value("node", Json::object());
  ours.push_back(doctor::daemon(DaemonState::Answers,
                                node.value("name", "") + " answers, up for " +
                                    seconds_text(node.value("uptime_s", std::int64_t{0}))));
  ours.push_back(doctor::version(kVersion, node.value("version", "")));
  if (const auto found = context.ask("GET", "/api/v1/doctor", std::nullopt, kPatience))
    theirs = found->value("checks", Json::array());
  return true;
}

void print_checks(const Context& context, const Json& checks) {
  Table table({"RESULT", "CHECK", "WHAT IS"});
  for (const auto& check : checks)
    table.add({check.value("result", ""), check.value("name", ""), check.value("detail", "")});
  context.print(table);
  std::string fixes;
  for (const auto& check : checks)
    if (const auto fix = check.value("fix", ""); !fix.empty())
      fixes += "  " + check.value("name", "") + ": " + fix + "\n";
  if (!fixes.empty()) context.print("\nto mend it\n" + fixes);
}

int run_doctor(const Context& context) {
  std::vector<doctor::Finding> ours;
  Json theirs = Json::array();
  const bool running = ask_daemon(context, ours, theirs);
  std::ranges::move(look_at_machine(context.paths(), running), std::back_inserter(ours));
  Json checks = Json::array();
  for (const auto& finding : ours) checks.push_back(to_json(finding));
  for (const auto& finding : theirs) checks.push_back(finding);
  const auto failed = std::ranges::count_if(
      checks, [](const Json& check) { return check.value("result", "") == "FAIL"; });
  const Json data{{"schema", "weft.doctor/1"}, {"checks", checks}};
  context.show(data, [&](const Json& shown) { print_checks(context, shown["checks"]); });
  return failed == 0 ? 0 : static_cast<int>(Code::Failed);
}

void add(CLI::App& app, Context& context) {
  auto* doctor =
      app.add_subcommand("doctor", "What works here and what does not, each with its fix");
  doctor->footer("example: weft doctor --json");
  doctor->callback([&context] { context.action = [&context] { return run_doctor(context); }; });
}

}  // namespace

CommandSet doctor_commands() { return {16, add}; }

}  // namespace weft::cli
