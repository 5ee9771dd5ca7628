// wait: blocks until something is so.
#include <poll.h>

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPoll{25};

int run_wait(const Context& context, const std::string& condition) {
  const auto limit = std::min(context.timeout_or(milliseconds(30'000)), kMostWait);
  const auto started = Clock::now();
  const auto waited = [&] {
    return std::chrono::duration_cast<milliseconds>(Clock::now() - started);
  };
  for (;;) {
    const auto left = std::max(limit - waited(), milliseconds(0));
    auto result = context.ask("POST", "/api/v1/wait",
                              Json{{"condition", condition}, {"timeout_ms", left.count()}}, left);
    // A daemon that is about to start counts as "not ready yet".
    if (!result && result.error().code == Code::NotRunning && condition == "ready") {
      if (waited() >= limit)
        return context.report(
            {Code::Timeout, "weft is not ready", result.error().detail, context.command("up")});
      ::poll(nullptr, 0, static_cast<int>(kPoll.count()));
      continue;
    }
    if (result) (*result)["waited_ms"] = waited().count();
    return context.show(result, [&](const Json& data) {
      context.talk(condition + " after " + ms_text(data["waited_ms"]) + "\n");
    });
  }
}

void add(CLI::App& app, Context& context) {
  auto* wait = app.add_subcommand("wait", "Block until something is true, or --timeout (exit 7)");
  auto condition = std::make_shared<std::string>();
  wait->add_option("condition", *condition,
                   "ready: weft runs; node:N or path:N: a session with node N is up; direct:N: and "
                   "no relay is "
                   "between; service:S[@N]: it may be used now")
      ->required();
  wait->footer("example: weft wait service:blog@oak --timeout 20s");
  wait->callback([&context, condition] {
    context.action = [&context, condition] { return run_wait(context, *condition); };
  });
}

}  // namespace

CommandSet wait_commands() { return {12, add}; }

}  // namespace weft::cli
