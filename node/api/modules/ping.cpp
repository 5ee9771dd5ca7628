#include "node/api/modules/ping.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const PingResult& r) {
  Json reply{{"seq", r.seq}, {"rtt_ms", rounded(r.rtt_ms)}, {"path", r.path}, {"via", r.via}};
  return {{"schema", "weft.ping/1"},
          {"node", r.node},
          {"id", r.id},
          {"replies", Json::array({std::move(reply)})}};
}

namespace {

void run_ping(Pings& part, Call& call) {
  PingRequest request{call.text("node"),
                      static_cast<std::uint32_t>(call.body.value("seq", std::int64_t{1})),
                      call.timeout(5'000)};
  if (bad_node(call, request.node)) return;
  part.ping(std::move(request), done<PingResult>(call));
}

}  // namespace

std::vector<Route> ping_routes() {
  return {{"POST",
           "/api/v1/ping",
           "One round trip",
           "weft.ping/1",
           {{"node", Type::Text, true, "name or id"},
            {"seq", Type::Number, false, "echoed", 1'000'000'000},
            timeout_field()},
           run_ping,
           "",
           Takes::Long}};
}

}  // namespace weft::api
