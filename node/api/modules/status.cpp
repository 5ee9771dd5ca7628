#include "node/api/modules/status.hpp"

#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

namespace {

Json gso_off_json(const GsoOffInfo& g) {
  return {{"interface", g.interface}, {"again_in_s", g.again_in_s}};
}

Json nat_json(const NatInfo& n) {
  return {{"family", n.family},
          {"mapping", n.mapping},
          {"filtering", n.filtering},
          {"ports", n.ports},
          {"hairpin", n.hairpin ? Json(*n.hairpin) : Json(nullptr)},
          {"seen_at", n.seen_at},
          {"observers", n.observers}};
}

Json port_mapping_json(const std::optional<PortMappingInfo>& m) {
  if (!m) return nullptr;
  return {{"protocol", m->protocol},
          {"address", m->address},
          {"left_s", m->left_s},
          {"trouble", m->trouble}};
}

Json peer_json(const PeerInfo& p) {
  return {{"id", p.id},
          {"name", p.name},
          {"state", p.state},
          {"path", p.path},
          {"via", p.via},
          {"endpoint", p.endpoint},
          {"rtt_ms", rounded(p.rtt_ms)},
          {"kex", p.kex},
          {"cipher", p.cipher},
          {"tx_bytes", p.tx_bytes},
          {"rx_bytes", p.rx_bytes},
          {"heard_ms_ago", p.heard_ms_ago ? Json(*p.heard_ms_ago) : Json(nullptr)}};
}

}  // namespace

Json to_json(const StatusResult& r) {
  return {{"schema", "weft.status/1"},
          {"node",
           {{"id", r.node.id},
            {"name", r.node.name},
            {"version", r.node.version},
            {"uptime_s", r.node.uptime_s},
            {"listen", r.node.listen},
            {"log", r.node.log},
            {"bound", r.node.bound}}},
          {"network",
           {{"name", r.network.name},
            {"id", r.network.id},
            {"role", r.network.role},
            {"members", r.network.members}}},
          {"networks", list_json(r.networks, [](const NetworkEntry& n) { return to_json(n); })},
          {"net",
           {{"gso", r.gso},
            {"gso_off", list_json(r.gso_off, gso_off_json)},
            {"nat", list_json(r.nat, nat_json)},
            {"port_mapping", port_mapping_json(r.port_mapping)}}},
          {"peers", list_json(r.peers, peer_json)},
          {"exposed", list_json(r.exposed, [](const ExposedInfo& e) { return to_json(e); })},
          {"mappings", list_json(r.mappings, [](const MappingInfo& m) { return to_json(m); })},
          {"dht", r.dht ? to_json(*r.dht) : Json()},
          {"attention", r.attention}};
}

namespace {

void run_status(Status& part, Call& call) { part.status(done<StatusResult>(call)); }

}  // namespace

std::vector<Route> status_routes() {
  return {{"GET", "/api/v1/status", "Who am I, what is up", "weft.status/1", {}, run_status}};
}

}  // namespace weft::api
