// roster export: the signed entries.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

void add(CLI::App& app, Context& context) {
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
}

}  // namespace

CommandSet roster_commands() { return {23, add}; }

}  // namespace weft::cli
