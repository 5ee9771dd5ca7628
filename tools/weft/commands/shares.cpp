// share, shares, unshare: access that ends by itself.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

struct ShareOptions {
  std::string service, hours, from;
  std::vector<std::string> who;
  std::optional<std::chrono::milliseconds> lasts;
};

std::string terms_text(const Json& share) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (share["until"].is_string()) add("until " + clock_text(share["until"]));
  if (const auto hours = share.value("hours", ""); !hours.empty()) add("at " + hours);
  if (const auto from = share.value("from", ""); !from.empty()) add("from " + from);
  return out;
}

int run_share(const Context& context, const ShareOptions& options) {
  Json body{{"service", options.service}, {"who", options.who}};
  if (options.lasts) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*options.lasts).count();
    if (seconds < 1)
      return context.report({Code::Usage, "a share lasts for 1s at least", "", "--for 2h"});
    body["for_s"] = seconds;
  }
  if (!options.hours.empty()) body["hours"] = options.hours;
  if (!options.from.empty()) body["from"] = options.from;
  return context.show(context.ask("POST", "/api/v1/shares", body), [&](const Json& data) {
    for (const auto& share : data["shares"])
      context.print(std::to_string(share.value("id", std::uint64_t{0})) + "  " +
                    data.value("service", "") + "  " + share.value("who", "") + "  " +
                    terms_text(share) + "\n");
    for (const auto& line : data["warnings"])
      context.talk("warning: " + line.get<std::string>() + "\n");
    if (!options.from.empty())
      context.talk("a place counts on direct connections only: through a relay nobody has one\n");
    if (!data["shares"].empty())
      context.talk("to end it before: " +
                   context.command("unshare " + std::to_string(data["shares"][0].value(
                                                    "id", std::uint64_t{0}))) +
                   "\n");
  });
}

int run_shares(const Context& context) {
  return context.show(context.ask("GET", "/api/v1/shares"), [&](const Json& data) {
    Table table({"ID", "SERVICE", "WHO", "STATE", "TERMS"});
    for (const auto& share : data["shares"])
      table.add({std::to_string(share.value("id", std::uint64_t{0})), share.value("service", ""),
                 share.value("who", ""), share.value("state", ""), terms_text(share)});
    if (table.empty()) return context.talk("nothing is shared for a time\n");
    context.print(table);
  });
}

int run_unshare(const Context& context, const std::string& id) {
  return context.show(context.ask("DELETE", "/api/v1/shares/" + escape(id)), [&](const Json& data) {
    for (const auto& share : data["shares"])
      context.print("no longer shared: " + data.value("service", "") + " with " +
                    share.value("who", "") + "\n");
    if (const auto closed = data.value("closed", std::uint64_t{0}); closed > 0)
      context.talk("closed " + std::to_string(closed) + " open connections\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* share = app.add_subcommand("share", "Let somebody use a service for a time");
  auto options = std::make_shared<ShareOptions>();
  share->add_option("service", options->service, "a service of this node")->required();
  share->add_option("who,--to", options->who, "node, NodeId, group:NAME or '*'")->required();
  add_duration(*share, "--for", options->lasts, "how long; then open connections end, too",
               Unit::Needed);
  share->add_option("--hours", options->hours, "each day, by the clock of this node: 08:00-17:00")
      ->type_name("HH:MM-HH:MM");
  share
      ->add_option("--from,--cidr", options->from,
                   "only from there, and only on direct connections")
      ->type_name("CIDR");
  share->footer(
      "A deny comes first; what weft allow gave stays.\n"
      "example: weft share blog laptop --for 2h");
  share->callback([&context, options] {
    context.action = [&context, options] { return run_share(context, *options); };
  });

  auto* shares = app.add_subcommand("shares", "What is shared for a time, and what has ended");
  shares->footer("example: weft shares");
  shares->callback([&context] { context.action = [&context] { return run_shares(context); }; });

  auto* unshare = app.add_subcommand("unshare", "Take a share back; its open connections end");
  auto id = std::make_shared<std::string>();
  unshare->add_option("id", *id, "its number, see weft shares")->required();
  unshare->footer("example: weft unshare 7");
  unshare->callback(
      [&context, id] { context.action = [&context, id] { return run_unshare(context, *id); }; });
}

}  // namespace

CommandSet shares_commands() { return {30, add}; }

}  // namespace weft::cli
