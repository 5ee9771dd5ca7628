#include "tools/weft/watch.hpp"

#include <unistd.h>

#include <utility>

namespace weft::cli {

int watch(const Context& context, const std::function<int()>& draw) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  bool stale = true;  // drawn for the first time once the stream is open: nothing is missed
  int code = 0;
  const auto pause = [&] {
    if (!std::exchange(stale, false)) return true;
    if (terminal && !context.json) context.print("\x1b[H\x1b[2J");
    code = draw();
    return code == 0;
  };
  const auto event = [&](const StreamEvent& said) {
    stale = stale || said.kind != "dropped";
    return true;
  };
  for (;;) {
    const auto ended = context.client().stream("/api/v1/events", {event, pause}, context.timeout);
    if (code != 0) return code;
    if (!ended) {
      if (context.timeout && ended.error().code == Code::Timeout) return 0;  // watched long enough
      return context.report(ended.error());
    }
    stale = true;  // we were too slow, or the daemon ended: then the next call says so
  }
}

}  // namespace weft::cli
