// pipe: standard input and output to a service.
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"
#include "tools/weft/pump.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

int run_pipe(const Context& context, const std::string& service) {
  const auto limit = context.timeout_or(milliseconds(15'000));
  auto pipe =
      context.client().upgrade(context.for_network("/api/v1/pipe/" + escape(service)), limit);
  if (!pipe) return context.report(pipe.error());
  return pump_stdio(pipe->fd, pipe->early);
}

void add(CLI::App& app, Context& context) {
  auto* pipe = app.add_subcommand("pipe", "Connect standard input and output to a service");
  auto service = std::make_shared<std::string>();
  pipe->add_option("service", *service, "SERVICE@NODE, or SERVICE when one node offers it")
      ->required();
  pipe->footer("example: ssh -o ProxyCommand='weft pipe ssh@oak' oak");
  pipe->callback([&context, service] {
    context.action = [&context, service] { return run_pipe(context, *service); };
  });
}

}  // namespace

CommandSet pipe_commands() { return {33, add}; }

}  // namespace weft::cli
