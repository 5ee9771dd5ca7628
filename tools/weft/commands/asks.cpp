// ask, asks, approve, refuse: access that a person is asked for and decides about.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct AskOptions {
  std::string service, note;
};
struct ApproveOptions {
  std::string id, hours, from;
  std::optional<std::chrono::milliseconds> lasts;
};

int run_ask(const Context& context, const AskOptions& options) {
  Json body{{"service", options.service}};
  if (!options.note.empty()) body["note"] = options.note;
  return context.show(context.ask("POST", "/api/v1/ask", body), [&](const Json& data) {
    const auto what = data.value("service", "") + "@" + data.value("node", "");
    if (data.value("status", "") == "allowed") {
      context.print("this node may use " + what + " already\n");
      return context.next("open " + what);
    }
    context.print("asked for " + what + "\n");
    context.talk("its owner sees it in weft status and weft asks there; once approved, " + what +
                 " is in weft services\n");
  });
}

int run_asks(const Context& context) {
  return context.show(context.ask("GET", "/api/v1/asks"), [&](const Json& data) {
    Table table({"ID", "NODE", "SERVICE", "SINCE", "NOTE"});
    for (const auto& ask : data["asks"])
      table.add({std::to_string(ask.value("id", std::uint64_t{0})), ask.value("node", ""),
                 ask.value("service", ""), clock_text(ask["at"]), ask.value("note", "")});
    if (table.empty()) return context.talk("nobody asks for anything\n");
    context.print(table);
    context.talk("weft approve ID --for 8h lets one in, weft refuse ID does not\n");
  });
}

int run_approve(const Context& context, const ApproveOptions& options) {
  Json body = Json::object();
  if (options.lasts) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*options.lasts).count();
    if (seconds < 1)
      return context.report({Code::Usage, "a share lasts for 1s at least", "", "--for 2h"});
    body["for_s"] = seconds;
  }
  if (!options.hours.empty()) body["hours"] = options.hours;
  if (!options.from.empty()) body["from"] = options.from;
  const auto path = "/api/v1/asks/" + escape(options.id) + "/approve";
  return context.show(context.ask("POST", path, body), [&](const Json& data) {
    context.print(data.value("node", "") + " may use " + data.value("service", "") +
                  (data["until"].is_string() ? " until " + clock_text(data["until"]) : "") + "\n");
    for (const auto& line : data["warnings"])
      context.talk("warning: " + line.get<std::string>() + "\n");
  });
}

int run_refuse(const Context& context, const std::string& id) {
  const auto path = "/api/v1/asks/" + escape(id) + "/refuse";
  return context.show(context.ask("POST", path, Json::object()), [&](const Json& data) {
    context.print("refused: " + data.value("node", "") + " for " + data.value("service", "") +
                  "; it may ask again in a day\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* ask = app.add_subcommand("ask", "Ask the owner of a service for access to it");
  auto options = std::make_shared<AskOptions>();
  ask->add_option("service", options->service, "SERVICE@NODE")->required();
  ask->add_option("--note", options->note, "a word for the owner, at most 200 bytes");
  ask->footer("example: weft ask blog@oak --note 'for the report'");
  ask->callback([&context, options] {
    context.action = [&context, options] { return run_ask(context, *options); };
  });

  auto* asks = app.add_subcommand("asks", "Who asks for services of this node and waits");
  asks->footer("example: weft asks");
  asks->callback([&context] { context.action = [&context] { return run_asks(context); }; });

  auto* approve = app.add_subcommand("approve", "Let in who asked");
  auto terms = std::make_shared<ApproveOptions>();
  approve->add_option("id", terms->id, "its number, see weft asks")->required();
  add_duration(*approve, "--for", terms->lasts, "how long; none: without an end", Unit::Needed);
  approve->add_option("--hours", terms->hours, "each day, by the clock of this node: 08:00-17:00")
      ->type_name("HH:MM-HH:MM");
  approve
      ->add_option("--from,--cidr", terms->from, "only from there, and only on direct connections")
      ->type_name("CIDR");
  approve->footer("example: weft approve 3 --for 8h");
  approve->callback([&context, terms] {
    context.action = [&context, terms] { return run_approve(context, *terms); };
  });

  auto* refuse = app.add_subcommand("refuse", "Do not let in who asked");
  auto id = std::make_shared<std::string>();
  refuse->add_option("id", *id, "its number, see weft asks")->required();
  refuse->footer("example: weft refuse 3");
  refuse->callback(
      [&context, id] { context.action = [&context, id] { return run_refuse(context, *id); }; });
}

}  // namespace

CommandSet asks_commands() { return {30, add}; }

}  // namespace weft::cli
