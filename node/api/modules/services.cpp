#include "node/api/modules/services.hpp"

#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const ServicesResult& r) {
  Json out{{"schema", "weft.services/1"}};
  out["services"] = list_json(r.services, [](const ServiceInfo& s) -> Json {
    return {{"name", s.name},
            {"node", s.node},
            {"protocol", s.protocol},
            {"healthy", s.healthy},
            {"path", s.path},
            {"via", s.via},
            {"rtt_ms", rounded(s.rtt_ms)},
            {"state", s.state},
            {"away_since", s.away_since == 0 ? Json(nullptr) : Json(rfc3339(s.away_since))},
            {"health", s.health},
            {"health_age_s", age_json(s.health_age_s)}};
  });
  if (r.partial) out["partial"] = true;
  return out;
}

namespace {

void run_services(Services& part, Call& call) { part.services(done<ServicesResult>(call)); }

}  // namespace

std::vector<Route> services_routes() {
  return {{"GET", "/api/v1/services", "What I may use", "weft.services/1", {}, run_services}};
}

}  // namespace weft::api
