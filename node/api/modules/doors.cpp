#include "node/api/modules/doors.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"
#include "node/listen_addresses.hpp"
#include "overlay/service/service.hpp"

namespace weft::api {

namespace {

Json size_json(const std::optional<std::size_t>& size) {
  return size ? Json(*size) : Json(nullptr);
}

}  // namespace

Json to_json(const MappingInfo& m) {
  Json out{{"mapping", m.mapping},
           {"service", m.service},
           {"node", m.node},
           {"listen", m.listen},
           {"protocol", m.protocol},
           {"connections", m.connections},
           {"tx_bytes", m.tx_bytes},
           {"rx_bytes", m.rx_bytes},
           {"reach", m.reach},
           {"state", m.state},
           {"any", m.any},
           {"also", m.also},
           {"require", m.direct ? Json("direct") : Json(nullptr)}};
  if (!m.datagrams) return out;
  out["datagrams"] = {{"sent", m.datagrams->sent},
                      {"received", m.datagrams->received},
                      {"large", m.datagrams->large},
                      {"lost", m.datagrams->lost}};
  out["largest_datagram"] = size_json(m.largest_datagram);
  return out;
}

Json to_json(const OpenResult& r) {
  Json out{{"schema", "weft.open/1"},
           {"mapping", r.mapping},
           {"service", r.service},
           {"node", r.node},
           {"listen", r.listen},
           {"path", r.path},
           {"via", r.via},
           {"rtt_ms", rounded(r.rtt_ms)},
           {"existing", r.existing},
           {"reach", r.reach},
           {"protocol", r.protocol}};
  if (r.protocol == "udp") out["largest_datagram"] = size_json(r.largest_datagram);
  return out;
}

Json to_json(const MappingsResult& r) {
  return {{"schema", "weft.mappings/1"},
          {"mappings", list_json(r.mappings, [](const MappingInfo& m) { return to_json(m); })}};
}

Json to_json(const CloseResult& r) {
  return {{"schema", "weft.close/1"}, {"mapping", r.mapping}, {"service", r.service},
          {"node", r.node},           {"listen", r.listen},   {"closed", r.closed}};
}

namespace {

void run_mappings(Doors& part, Call& call) { part.mappings(done<MappingsResult>(call)); }
void run_open(Doors& part, Call& call) {
  const auto ref = service_ref(call, call.text("service"), true);
  if (!ref) return;
  OpenRequest request{ref->service,
                      ref->node,
                      std::nullopt,
                      call.body.value("once", false),
                      call.timeout(10'000),
                      call.body.value("any", false),
                      ref->also,
                      call.text("protocol"),
                      call.text("require") == "direct"};
  if (const auto require = call.text("require"); !require.empty() && require != "direct")
    return send_error(call.answer, Code::Usage, "\"" + require + "\" cannot be required", "",
                      "a door may ask for a way without a relay: --require direct");
  if (!request.protocol.empty() && !service::protocol_from_text(request.protocol))
    return send_error(call.answer, Code::Usage, "\"" + request.protocol + "\" is no protocol", "",
                      "for a node that is away now: --protocol tcp or udp");
  if (const auto listen = call.text("listen"); !listen.empty()) {
    const auto address = node::door_address(listen);
    if (!address)
      return send_error(call.answer, Code::Usage, address.error().detail, "",
                        "for example: --listen 127.0.0.1:8080");
    request.listen = *address;
  }
  part.open(std::move(request), done<OpenResult>(call));
}
void run_close(Doors& part, Call& call) { part.close({call.parts[0]}, done<CloseResult>(call)); }

}  // namespace

std::vector<Route> doors_routes() {
  return {
      {"GET", "/api/v1/mappings", "Local doors", "weft.mappings/1", {}, run_mappings},
      {"POST",
       "/api/v1/mappings",
       "Open a local door",
       "weft.open/1",
       {{"service", Type::Text, true, "SERVICE[@NODE[,NODE...]]", 640},
        {"any", Type::Flag, false, "nodes of the same owner may serve too"},
        {"listen", Type::Text, false, "[HOST:]PORT; else the service's port, else the next free"},
        {"once", Type::Flag, false, "not kept across restarts"},
        {"protocol", Type::Text, false, "what its clients speak; else what the service does"},
        {"require", Type::Text, false, "direct: nothing of it goes through a relay"},
        timeout_field()},
       run_open,
       "open",
       Takes::Long},
      {"DELETE",
       "/api/v1/mappings/{}",
       "Close a local door",
       "weft.close/1",
       {},
       run_close,
       "close"}};
}

}  // namespace weft::api
