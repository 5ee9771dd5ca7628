// trace: which rule lets somebody use a service of this node, or keeps him out.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"

namespace weft::cli {
namespace {

struct TraceOptions {
  std::string service, who;
};

int run_trace(const Context& context, const TraceOptions& options) {
  const auto path =
      "/api/v1/exposed/" + escape(options.service) + "/trace?who=" + escape(options.who);
  return context.show(context.ask("GET", path), [&](const Json& data) {
    const bool allowed = data.value("verdict", "") == "allowed";
    context.print(data.value("who", "") + (allowed ? " may use " : " may not use ") +
                  data.value("service", "") + "\n");
    context.talk("  rule: " + data.value("rule", "") + "\n");
    if (!allowed) context.talk("  to let it in: " + data.value("fix", "") + "\n");
  });
}

void add(CLI::App& app, Context& context) {
  auto* trace =
      app.add_subcommand("trace", "Which rule lets a node use a service, or keeps it out");
  auto options = std::make_shared<TraceOptions>();
  trace->add_option("service", options->service, "a service of this node")->required();
  trace->add_option("node", options->who, "who would use it: name or id")->required();
  trace->footer("example: weft trace blog laptop");
  trace->callback([&context, options] {
    context.action = [&context, options] { return run_trace(context, *options); };
  });
}

}  // namespace

CommandSet trace_commands() { return {30, add}; }

}  // namespace weft::cli
