#include "node/api/modules/dht.hpp"

#include <utility>

#include "node/api/checks.hpp"
#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const DhtStats& r) {
  return {{"schema", "weft.dht/1"},
          {"running", r.running},
          {"contacts", r.contacts},
          {"buckets", r.buckets},
          {"records", r.records},
          {"mode", r.mode},
          {"server", r.server},
          {"known", r.known},
          {"network_estimate", r.estimate},
          {"found", r.found},
          {"lan_heard", r.lan_heard},
          {"rx_datagrams", r.datagrams_in},
          {"tx_datagrams", r.datagrams_out},
          {"rx_bytes", r.bytes_in},
          {"tx_bytes", r.bytes_out},
          {"dropped", r.dropped}};
}

Json to_json(const DhtResult& r) {
  Json nodes = Json::array();
  for (const auto& node : r.nodes) nodes.push_back({{"id", node.id}, {"endpoint", node.endpoint}});
  return {{"schema", "weft.dht/1"},
          {"key", r.key},
          {"value", r.value ? Json(*r.value) : Json()},
          {"seq", r.seq},
          {"nodes", nodes},
          {"endpoints", r.endpoints},
          {"providers", r.providers},
          {"stored", r.stored},
          {"agreed", r.agreed},
          {"hops", r.hops},
          {"messages", r.messages},
          {"took_ms", r.took_ms}};
}

namespace {

constexpr std::int64_t kMaxDhtValue = 960;  // 1000 sealed

void run_dht(DhtQuestions& part, Call& call, DhtRequest::Action action) {
  DhtRequest request{action, call.text("key"), call.text("value"), call.text("salt"),
                     call.body.value("ttl_s", std::int64_t{0})};
  const bool put = action == DhtRequest::Action::Put;
  if (!put && request.key.empty())
    return send_error(call.answer, Code::Usage, "a key is needed",
                      "a node's name or id, service:NAME or 64 hex digits");
  part.dht(std::move(request), done<DhtResult>(call));
}

void run_dht_stats(DhtQuestions& part, Call& call) { part.dht_stats(done<DhtStats>(call)); }
void run_dht_lookup(DhtQuestions& part, Call& call) {
  run_dht(part, call, DhtRequest::Action::Lookup);
}
void run_dht_get(DhtQuestions& part, Call& call) { run_dht(part, call, DhtRequest::Action::Get); }
void run_dht_put(DhtQuestions& part, Call& call) { run_dht(part, call, DhtRequest::Action::Put); }

}  // namespace

std::vector<Route> dht_routes() {
  const Field key{"key", Type::Text, true, "a node, service:NAME or 64 hex digits"};
  return {
      {"GET", "/api/v1/dht", "The DHT in figures", "weft.dht/1", {}, run_dht_stats},
      {"POST",
       "/api/v1/dht/lookup",
       "Who is near a key",
       "weft.dht/1",
       {key},
       run_dht_lookup,
       "",
       Takes::Long},
      {"POST",
       "/api/v1/dht/get",
       "Read a record",
       "weft.dht/1",
       {key},
       run_dht_get,
       "",
       Takes::Long},
      {"POST",
       "/api/v1/dht/put",
       "Store a value, signed by this node",
       "weft.dht/1",
       {{"value", Type::Text, true, "the value", kMaxDhtValue, Logged::No},
        {"salt", Type::Text, false, "names one of several values", 64},
        {"ttl_s", Type::Number, false, "forgotten then; else kept and published again", kMaxTtlS}},
       run_dht_put,
       "",
       Takes::Long}};
}

}  // namespace weft::api
