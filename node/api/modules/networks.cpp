#include "node/api/modules/networks.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const NetworkEntry& n) {
  return {{"name", n.name},          {"id", n.id},           {"role", n.role},
          {"node", n.node},          {"members", n.members}, {"connected", n.connected},
          {"default", n.is_default}, {"kind", "closed"}};
}

Json to_json(const NetworksResult& r) {
  return {{"schema", "weft.networks/1"},
          {"networks", list_json(r.networks, [](const NetworkEntry& n) { return to_json(n); })}};
}

namespace {

void run_networks(Networks& part, Call& call) { part.networks(done<NetworksResult>(call)); }

void run_create(Networks& part, Call& call) {
  CreateNetworkRequest request{call.text("name"), call.text("node")};
  if (bad_name(call, "a network's name", request.name)) return;
  if (!request.node.empty() && bad_node(call, request.node)) return;
  part.create(std::move(request), done<NetworksResult>(call));
}

void run_default(Networks& part, Call& call) {
  if (bad_name(call, "a network's name or id", call.parts[0])) return;
  part.make_default(call.parts[0], done<NetworksResult>(call));
}

}  // namespace

std::vector<Route> networks_routes() {
  return {{"GET", "/api/v1/networks", "The networks it is in", "weft.networks/1", {}, run_networks},
          {"POST",
           "/api/v1/networks",
           "Make another network",
           "weft.networks/1",
           {{"name", Type::Text, true, "of the network", 63},
            {"node", Type::Text, false, "what this node is called in it; none: as elsewhere", 63}},
           run_create,
           "network-create"},
          {"POST",
           "/api/v1/networks/{}/default",
           "The one that is meant when none is named",
           "weft.networks/1",
           {},
           run_default,
           "network-default"}};
}

}  // namespace weft::api
