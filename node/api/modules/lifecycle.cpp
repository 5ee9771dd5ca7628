#include "node/api/modules/lifecycle.hpp"

#include "node/api/route.hpp"
#include "node/version.hpp"

namespace weft::api {

Json to_json(const ShutdownResult&) { return {{"schema", "weft.down/1"}, {"stopping", true}}; }

namespace {

void run_health(Call& call) {
  send_data(call.answer, {{"schema", "weft.health/1"}, {"status", "alive"}});
}
void run_ready(Lifecycle& part, Call& call) {
  if (part.ready())
    return send_data(call.answer, {{"schema", "weft.health/1"}, {"status", "ready"}});
  send_error(call.answer, {Code::Failed, "the daemon is not ready yet", "", "try: weft wait ready"},
             503);
}
void run_version(Call& call) {
  send_data(
      call.answer,
      {{"schema", "weft.version/1"}, {"version", kVersion}, {"build", build_text()}, {"api", 1}});
}
void run_shutdown(Lifecycle& part, Call& call) { part.shutdown(done<ShutdownResult>(call)); }

}  // namespace

std::vector<Route> lifecycle_routes() {
  return {{"GET", "/health", "Is the daemon alive?", "weft.health/1", {}, run_health},
          {"GET", "/healthz", "Is the daemon alive?", "weft.health/1", {}, run_health},
          {"GET", "/readyz", "Is the daemon ready?", "weft.health/1", {}, run_ready},
          {"GET", "/version", "Program and API version", "weft.version/1", {}, run_version},
          {"POST", "/api/v1/shutdown", "End the daemon", "weft.down/1", {}, run_shutdown, "down"}};
}

}  // namespace weft::api
