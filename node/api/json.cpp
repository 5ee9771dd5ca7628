#include "node/api/json.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace weft::api {
namespace {

// Counts depth and remembers the keys of open objects; builds nothing.
class Guard final : public Json::json_sax_t {
 public:
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t value, const string_t&) override {
    return std::isfinite(value) || stop("a number is out of range");
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    return open_.back().insert(name).second ||
           stop("the key \"" + name.substr(0, 80) + "\" is there twice");
  }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    return stop("syntax error at byte " + std::to_string(at));
  }

 private:
  bool stop(std::string what) {
    problem = std::move(what);
    return false;
  }
  bool enter() {
    if (open_.size() == kMaxJsonDepth) return stop("more than 32 levels deep");
    open_.emplace_back();
    return true;
  }
  bool leave() {
    open_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> open_;
};

std::unexpected<ApiError> bad_json(std::string why) {
  return refuse(Code::Usage, "the body is not acceptable JSON", std::move(why));
}

Json rounded(const std::optional<double>& ms) {  // microseconds are as fine as anyone reads
  if (!ms) return nullptr;
  return std::round(*ms * 1000.0) / 1000.0;
}

Json age_json(const std::optional<std::int64_t>& seconds) {
  return seconds ? Json(*seconds) : Json(nullptr);
}

Json exposed_json(const ExposedInfo& e) {
  return {{"name", e.name},       {"target", e.target}, {"protocol", e.protocol},
          {"allow", e.allow},     {"deny", e.deny},     {"connections", e.connections},
          {"may_use", e.may_use}, {"health", e.health}, {"health_age_s", age_json(e.health_age_s)}};
}

Json mapping_json(const MappingInfo& m) {
  return {{"mapping", m.mapping},   {"service", m.service},   {"node", m.node},
          {"listen", m.listen},     {"protocol", m.protocol}, {"connections", m.connections},
          {"tx_bytes", m.tx_bytes}, {"rx_bytes", m.rx_bytes}, {"reach", m.reach},
          {"state", m.state},       {"any", m.any},           {"also", m.also}};
}

Json gso_off_json(const GsoOffInfo& g) {
  return {{"interface", g.interface}, {"again_in_s", g.again_in_s}};
}

Json peer_json(const PeerInfo& p) {
  return {{"id", p.id},
          {"name", p.name},
          {"state", p.state},
          {"path", p.path},
          {"endpoint", p.endpoint},
          {"rtt_ms", rounded(p.rtt_ms)},
          {"kex", p.kex},
          {"cipher", p.cipher},
          {"tx_bytes", p.tx_bytes},
          {"rx_bytes", p.rx_bytes},
          {"heard_ms_ago", p.heard_ms_ago ? Json(*p.heard_ms_ago) : Json(nullptr)}};
}

template <class T, class F>
Json list_json(const std::vector<T>& items, F one) {
  Json out = Json::array();
  for (const auto& item : items) out.push_back(one(item));
  return out;
}

struct CodeRow {
  Code code;
  std::string_view name;
  int status;
};
constexpr std::array<CodeRow, 10> kCodes{{{Code::Ok, "ok", 200},
                                          {Code::Failed, "failed", 500},
                                          {Code::Usage, "usage", 400},
                                          {Code::NotRunning, "not_running", 503},
                                          {Code::NotFound, "not_found", 404},
                                          {Code::Denied, "denied", 403},
                                          {Code::NoPath, "no_path", 502},
                                          {Code::Timeout, "timeout", 504},
                                          {Code::NotDirect, "not_direct", 409},
                                          {Code::BadConfig, "bad_config", 500}}};

const CodeRow& row_of(Code code) {
  for (const auto& row : kCodes)
    if (row.code == code) return row;
  return kCodes[1];
}

}  // namespace

ApiResult<Json> parse_json(std::string_view text) {
  if (text.size() > kMaxBody) return bad_json("more than 64 KiB");
  // The library takes a zero byte for the end of input and would ignore what follows.
  if (text.contains('\0')) return bad_json("a zero byte");
  Guard guard;
  if (!Json::sax_parse(text, &guard)) return bad_json(guard.problem);
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string rfc3339(UnixTime time) {
  std::tm parts{};
  const std::time_t seconds = time;
  if (::gmtime_r(&seconds, &parts) == nullptr) return "";
  std::array<char, 40> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

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
          {"net", {{"gso", r.gso}, {"gso_off", list_json(r.gso_off, gso_off_json)}}},
          {"peers", list_json(r.peers, peer_json)},
          {"exposed", list_json(r.exposed, exposed_json)},
          {"mappings", list_json(r.mappings, mapping_json)},
          {"dht", r.dht ? to_json(*r.dht) : Json()},
          {"attention", r.attention}};
}

Json to_json(const WaitResult& r) {
  return {{"schema", "weft.wait/1"}, {"condition", r.condition}, {"waited_ms", r.waited_ms}};
}

Json to_json(const ShutdownResult&) { return {{"schema", "weft.down/1"}, {"stopping", true}}; }

Json to_json(const BackupResult& r) { return {{"schema", "weft.backup/1"}, {"file", r.file}}; }

Json to_json(const InviteResult& r) {
  return {{"schema", "weft.invite/1"},
          {"name", r.name},
          {"ticket", r.ticket},
          {"expires_at", rfc3339(r.expires_at)},
          {"warning", r.warning}};
}

Json to_json(const JoinResult& r) {
  return {
      {"schema", "weft.join/1"},
      {"network", r.network},
      {"name", r.name},
      {"via", {{"id", r.via_id}, {"name", r.via_name}, {"path", r.via_path}, {"kex", r.via_kex}}}};
}

Json to_json(const RemoveResult& r) {
  return {{"schema", "weft.remove/1"}, {"id", r.id}, {"name", r.name}};
}

Json to_json(const InvitesResult& r) {
  return {{"schema", "weft.invites/1"},
          {"invites", list_json(r.invites, [](const InviteInfo& i) -> Json {
             return {{"id", i.id},
                     {"name", i.name},
                     {"expires_at", rfc3339(i.expires_at)},
                     {"may", i.may},
                     {"allow", i.allow}};
           })}};
}

Json to_json(const CancelResult& r) {
  return {{"schema", "weft.invite-cancel/1"}, {"name", r.name}};
}

Json to_json(const LeaveResult& r) {
  return {{"schema", "weft.leave/1"},
          {"network", r.network},
          {"id", r.id},
          {"told", r.told},
          {"admins", r.admins}};
}

Json to_json(const MemberResult& r) {
  return {{"schema", "weft.member/1"},
          {"id", r.id},
          {"name", r.name},
          {"role", r.role},
          {"may", r.may}};
}

Json to_json(const RosterResult& r) { return Json::parse(r.document); }  // our own exporter's

Json to_json(const MembersResult& r) {
  Json out{{"schema", "weft.members/1"}};
  out["members"] = list_json(r.members, [](const MemberInfo& m) -> Json {
    return {{"id", m.id},
            {"name", m.name},
            {"state", m.state},
            {"incarnation", m.incarnation},
            {"rtt_ms", rounded(m.rtt_ms)},
            {"since", m.since == 0 ? Json(nullptr) : Json(rfc3339(m.since))},
            {"self", m.self},
            {"joined", m.joined == 0 ? Json(nullptr) : Json(rfc3339(m.joined))},
            {"role", m.role},
            {"may", m.may}};
  });
  if (r.partial) out["partial"] = true;
  return out;
}

Json to_json(const GroupResult& r) {
  Json out{{"schema", "weft.group/1"}};
  out["groups"] = list_json(r.groups, [](const GroupInfo& g) -> Json {
    return {{"name", g.name}, {"members", g.members}};
  });
  return out;
}

Json to_json(const ExposeResult& r) {
  return {{"schema", "weft.expose/1"},       {"name", r.name},   {"target", r.target},
          {"protocol", r.protocol},          {"allow", r.allow}, {"health", r.health},
          {"health_detail", r.health_detail}};
}

Json to_json(const AccessResult& r) {
  return {{"schema", "weft.access/1"}, {"service", r.service},
          {"allow", r.allow},          {"deny", r.deny},
          {"closed", r.closed},        {"may_use", r.may_use},
          {"warnings", r.warnings}};
}

Json to_json(const ServicesResult& r) {
  Json out{{"schema", "weft.services/1"}};
  out["services"] = list_json(r.services, [](const ServiceInfo& s) -> Json {
    return {{"name", s.name},
            {"node", s.node},
            {"protocol", s.protocol},
            {"healthy", s.healthy},
            {"path", s.path},
            {"rtt_ms", rounded(s.rtt_ms)},
            {"state", s.state},
            {"away_since", s.away_since == 0 ? Json(nullptr) : Json(rfc3339(s.away_since))},
            {"health", s.health},
            {"health_age_s", age_json(s.health_age_s)}};
  });
  if (r.partial) out["partial"] = true;
  return out;
}

Json to_json(const OpenResult& r) {
  return {{"schema", "weft.open/1"},
          {"mapping", r.mapping},
          {"service", r.service},
          {"node", r.node},
          {"listen", r.listen},
          {"path", r.path},
          {"rtt_ms", rounded(r.rtt_ms)},
          {"existing", r.existing},
          {"reach", r.reach}};
}

Json to_json(const MappingsResult& r) {
  return {{"schema", "weft.mappings/1"}, {"mappings", list_json(r.mappings, mapping_json)}};
}

Json to_json(const CloseResult& r) {
  return {{"schema", "weft.close/1"}, {"mapping", r.mapping}, {"service", r.service},
          {"node", r.node},           {"listen", r.listen},   {"closed", r.closed}};
}

Json to_json(const PingResult& r) {
  Json reply{{"seq", r.seq}, {"rtt_ms", rounded(r.rtt_ms)}, {"path", r.path}};
  return {{"schema", "weft.ping/1"},
          {"node", r.node},
          {"id", r.id},
          {"replies", Json::array({std::move(reply)})}};
}

Json to_json(const ApiError& error) {
  Json out{{"type", "urn:weft:error:" + std::string(name_of(error.code))}, {"title", error.title}};
  if (!error.detail.empty()) out["detail"] = error.detail;
  if (!error.fix.empty()) out["fix"] = error.fix;
  return out;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string success_envelope(Json data) {
  return dump({{"success", true}, {"code", 0}, {"data", std::move(data)}});
}

std::string error_envelope(const ApiError& error) {
  return dump({{"success", false},
               {"code", static_cast<int>(error.code)},
               {"data", nullptr},
               {"error", to_json(error)}});
}

std::string_view name_of(Code code) { return row_of(code).name; }
int http_status(Code code) { return row_of(code).status; }

Code code_of(Errc code) {
  switch (code) {
    case Errc::Usage:
    case Errc::Unsupported:
    case Errc::TooLarge:
      return Code::Usage;
    case Errc::NotFound:
      return Code::NotFound;
    case Errc::Denied:
    case Errc::AuthFailed:
    case Errc::BadSignature:
    case Errc::BadKey:
    case Errc::Expired:
    case Errc::NotYetValid:
    case Errc::WrongNetwork:
      return Code::Denied;
    case Errc::NoPath:
      return Code::NoPath;
    case Errc::Timeout:
      return Code::Timeout;
    case Errc::Malformed:
    case Errc::NonCanonical:
    case Errc::AlreadyExists:
    case Errc::Conflict:
    case Errc::Limit:
    case Errc::Closed:
    case Errc::Busy:
    case Errc::Storage:
      return Code::Failed;
  }
  return Code::Failed;
}

ApiError to_api_error(const Error& error, std::string title) {
  return {code_of(error.code), std::move(title), error.detail, {}};
}

}  // namespace weft::api
