#include "node/api/route_table.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/label.hpp"
#include "node/listen_addresses.hpp"
#include "node/version.hpp"
#include "overlay/service/mapping.hpp"
#include "overlay/service/service.hpp"

namespace weft::api {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kMaxWaitMs = 3'600'000;
constexpr std::int64_t kMaxTtlS = 30 * 24 * 3600;
constexpr std::int64_t kMaxDhtValue = 960;  // 1000 sealed

void send_error(const Answer& answer, Code code, std::string title, std::string detail = {},
                std::string hint = {}) {
  send_error(answer, ApiError{code, std::move(title), std::move(detail), std::move(hint)});
}
void send_data(const Answer& answer, Json data) {
  answer({200, success_envelope(std::move(data)), {}, {}});
}

template <class T>
Done<T> done(const Call& call) {
  return [answer = call.answer](ApiResult<T> result) {
    if (result)
      send_data(answer, to_json(*result));
    else
      send_error(answer, result.error());
  };
}

// ---- what names must look like ------------------------------------------------------------------
bool is_who(std::string_view text) {
  if (text == "*") return true;
  if (text.starts_with("group:")) text.remove_prefix(6);
  return is_label(text);
}

bool refuse_unless(bool fine, const Call& call, std::string_view what, const std::string& value) {
  if (fine) return false;
  send_error(call.answer, Code::Usage,
             "\"" + value.substr(0, 80) + "\" is not " + std::string(what),
             "names are 1 to 63 of a-z, 0-9 and '-', not at either end");
  return true;
}
bool bad_node(const Call& call, const std::string& value) {
  return refuse_unless(is_label(value), call, "a node's name or id", value);
}
bool bad_service(const Call& call, const std::string& value) {
  return refuse_unless(is_label(value), call, "a service's name", value);
}
bool bad_who(const Call& call, const std::string& value) {
  return refuse_unless(is_who(value), call, "a node, group:NAME or *", value);
}
template <class Bad>
bool any_bad(const Call& call, const std::vector<std::string>& values, Bad bad) {
  return std::ranges::any_of(values, [&](const auto& value) { return bad(call, value); });
}
// `several`: SERVICE@NODE,NODE has a meaning here.
std::optional<service::ServiceRef> service_ref(const Call& call, const std::string& text,
                                               bool several = false) {
  auto ref = service::parse_service_ref(text);
  if (ref && (several || ref->also.empty())) return *ref;
  send_error(call.answer, Code::Usage,
             ref ? "\"" + text.substr(0, 80) + "\" names several nodes" : ref.error().detail,
             ref ? "only a door may lead to several" : "");
  return std::nullopt;
}

// ---- handlers -----------------------------------------------------------------------------------
void run_health(Call& call) {
  send_data(call.answer, {{"schema", "weft.health/1"}, {"status", "alive"}});
}
void run_ready(Call& call) {
  if (call.control.ready())
    return send_data(call.answer, {{"schema", "weft.health/1"}, {"status", "ready"}});
  send_error(call.answer, {Code::Failed, "the daemon is not ready yet", "", "try: weft wait ready"},
             503);
}
void run_version(Call& call) {
  send_data(call.answer, {{"schema", "weft.version/1"}, {"version", kVersion}, {"api", 1}});
}
void run_status(Call& call) { call.control.status(done<StatusResult>(call)); }
void run_backup(Call& call) {
  const auto file = call.text("file");
  if (!file.starts_with('/'))
    return send_error(call.answer, Code::Usage,
                      "\"" + file.substr(0, 80) + "\" is no absolute path",
                      "the daemon works in another directory", "begin the path with /");
  call.control.backup({file}, done<BackupResult>(call));
}
void run_shutdown(Call& call) { call.control.shutdown(done<ShutdownResult>(call)); }
void run_roster(Call& call) { call.control.roster(done<RosterResult>(call)); }
void run_members(Call& call) { call.control.members(done<MembersResult>(call)); }
void run_services(Call& call) { call.control.services(done<ServicesResult>(call)); }
void run_mappings(Call& call) { call.control.mappings(done<MappingsResult>(call)); }

void run_wait(Call& call) {
  const auto condition = call.text("condition");
  const auto colon = condition.find(':');
  const auto kind = condition.substr(0, colon);
  WaitRequest request;
  if (colon != std::string::npos) request.subject = condition.substr(colon + 1);
  using What = WaitRequest::What;
  if (kind == "node")
    request.what = What::Node;
  else if (kind == "service")
    request.what = What::Service;
  else if (kind == "direct")
    request.what = What::Direct;
  else if (kind == "path")
    request.what = What::Path;
  else if (condition != "ready")
    return send_error(call.answer, Code::Usage, "no such condition",
                      "it is ready, node:N, service:S, direct:N or path:N",
                      "for example: weft wait node:oak");
  if (request.what == What::Service && !service_ref(call, request.subject)) return;
  if (request.what != What::Service && request.what != What::Ready &&
      bad_node(call, request.subject))
    return;
  request.timeout = call.timeout(30'000);
  request.wanted = call.wanted;
  call.control.wait(std::move(request), done<WaitResult>(call));
}

void run_invite(Call& call) {
  InviteRequest request{call.text("name"), call.list("allow")};
  if (bad_node(call, request.name) || any_bad(call, request.allow, bad_service)) return;
  request.ttl = std::chrono::seconds(call.body.value("ttl_s", std::int64_t{15 * 60}));
  if (request.ttl.count() < 1)
    return send_error(call.answer, Code::Usage, "a ticket lives for at least a second");
  if (call.body.contains("may")) request.may = call.list("may");
  for (const auto& right : request.may)
    if (right != "expose" && right != "relay" && right != "admin")
      return send_error(call.answer, Code::Usage, "no such right", "expose, relay or admin");
  call.control.invite(std::move(request), done<InviteResult>(call));
}

void run_join(Call& call) {
  JoinRequest request{call.text("ticket"), call.timeout(30'000)};
  call.control.join(std::move(request), done<JoinResult>(call));
}

void run_invites(Call& call) { call.control.invites(done<InvitesResult>(call)); }
void run_cancel_invite(Call& call) {
  if (bad_node(call, call.parts[0])) return;
  call.control.cancel_invite({call.parts[0]}, done<CancelResult>(call));
}

void run_leave(Call& call) { call.control.leave({call.timeout(10'000)}, done<LeaveResult>(call)); }

void run_rights(Call& call, MemberRequest::Action action) {
  MemberRequest request{action, call.parts[0], call.list("may"), {}};
  if (bad_node(call, request.node)) return;
  for (const auto& right : request.rights)
    if (right != "expose" && right != "relay" && right != "admin")
      return send_error(call.answer, Code::Usage, "\"" + right.substr(0, 80) + "\" is not a right",
                        "there are expose, relay and admin");
  call.control.member(std::move(request), done<MemberResult>(call));
}
void run_grant(Call& call) { run_rights(call, MemberRequest::Action::Grant); }
void run_revoke(Call& call) { run_rights(call, MemberRequest::Action::Revoke); }
void run_rename(Call& call) {
  MemberRequest request{MemberRequest::Action::Rename, call.parts[0], {}, call.text("name")};
  if (bad_node(call, request.node) || bad_node(call, request.name)) return;
  call.control.member(std::move(request), done<MemberResult>(call));
}

void run_remove(Call& call) {
  if (bad_node(call, call.parts[0])) return;
  call.control.remove({call.parts[0]}, done<RemoveResult>(call));
}

void run_group(Call& call, GroupRequest::Action action) {
  GroupRequest request{action, {}, {}};
  if (!call.parts.empty()) request.group = call.parts[0];
  if (call.parts.size() > 1) request.node = call.parts[1];
  if (!request.group.empty() &&
      refuse_unless(is_label(request.group), call, "a group's name", request.group))
    return;
  if (call.parts.size() > 1 && bad_node(call, request.node)) return;
  call.control.group(std::move(request), done<GroupResult>(call));
}
void run_group_list(Call& call) { run_group(call, GroupRequest::Action::List); }
void run_group_add(Call& call) { run_group(call, GroupRequest::Action::Add); }
void run_group_remove(Call& call) { run_group(call, GroupRequest::Action::Remove); }

void run_expose(Call& call) {
  const auto target = service::Target::from_text(call.text("target"));
  if (!target)
    return send_error(call.answer, Code::Usage, target.error().detail, "",
                      "for example: weft expose 3000 --name blog");
  ExposeRequest request;
  request.target = target->to_text();
  request.name = call.text("name");
  if (request.name.empty()) request.name = service::default_name(*target);
  request.protocol = call.body.value("protocol", std::string("tcp"));
  request.allow = call.list("allow");
  if (bad_service(call, request.name) || any_bad(call, request.allow, bad_who)) return;
  if (request.protocol != "tcp")
    return send_error(call.answer, Code::Usage, "this version exposes tcp services only");
  call.control.expose(std::move(request), done<ExposeResult>(call));
}

void run_unexpose(Call& call) {
  if (bad_service(call, call.parts[0])) return;
  call.control.unexpose({call.parts[0]}, done<AccessResult>(call));
}

// Nobody is named in a reset of all rules alone.
std::optional<AccessRequest> access_request(const Call& call, bool somebody = true) {
  AccessRequest request{call.parts[0], call.list("who")};
  if (bad_service(call, request.service) || any_bad(call, request.who, bad_who))
    return std::nullopt;
  if (!somebody || !request.who.empty()) return request;
  send_error(call.answer, Code::Usage, "nobody is named", "who: a node, group:NAME or *");
  return std::nullopt;
}
void run_allow(Call& call) {
  if (auto request = access_request(call))
    call.control.allow(std::move(*request), done<AccessResult>(call));
}
void run_deny(Call& call) {
  if (auto request = access_request(call))
    call.control.deny(std::move(*request), done<AccessResult>(call));
}
void run_reset(Call& call) {
  if (auto request = access_request(call, false))
    call.control.reset(std::move(*request), done<AccessResult>(call));
}

void run_open(Call& call) {
  const auto ref = service_ref(call, call.text("service"), true);
  if (!ref) return;
  OpenRequest request{ref->service,
                      ref->node,
                      std::nullopt,
                      call.body.value("once", false),
                      call.timeout(10'000),
                      call.body.value("any", false),
                      ref->also};
  if (const auto listen = call.text("listen"); !listen.empty()) {
    const auto address = node::door_address(listen);
    if (!address)
      return send_error(call.answer, Code::Usage, address.error().detail, "",
                        "for example: --listen 127.0.0.1:8080");
    request.listen = *address;
  }
  call.control.open(std::move(request), done<OpenResult>(call));
}

void run_close(Call& call) { call.control.close({call.parts[0]}, done<CloseResult>(call)); }

void run_ping(Call& call) {
  PingRequest request{call.text("node"),
                      static_cast<std::uint32_t>(call.body.value("seq", std::int64_t{1})),
                      call.timeout(5'000)};
  if (bad_node(call, request.node)) return;
  call.control.ping(std::move(request), done<PingResult>(call));
}

void run_dht_stats(Call& call) { call.control.dht_stats(done<DhtStats>(call)); }
void run_dht(Call& call, DhtRequest::Action action) {
  DhtRequest request{action, call.text("key"), call.text("value"), call.text("salt"),
                     call.body.value("ttl_s", std::int64_t{0})};
  const bool put = action == DhtRequest::Action::Put;
  if (!put && request.key.empty())
    return send_error(call.answer, Code::Usage, "a key is needed",
                      "a node's name or id, service:NAME or 64 hex digits");
  call.control.dht(std::move(request), done<DhtResult>(call));
}
void run_dht_lookup(Call& call) { run_dht(call, DhtRequest::Action::Lookup); }
void run_dht_get(Call& call) { run_dht(call, DhtRequest::Action::Get); }
void run_dht_put(Call& call) { run_dht(call, DhtRequest::Action::Put); }

void run_pipe(Call& call) {
  const auto ref = service_ref(call, call.parts[0]);
  if (!ref) return;
  if (!call.upgrade)
    return send_error(call.answer,
                      {Code::Usage, "a pipe needs an upgrade",
                       "send Connection: Upgrade and Upgrade: weft-pipe", ""},
                      426);
  PipeRequest request{ref->service, ref->node};
  call.budget = std::max(kQuick, request.timeout + milliseconds(5'000));
  call.control.pipe(std::move(request), [answer = call.answer](ApiResult<PipeResult> result) {
    if (result)
      answer({101, {}, {}, std::move(result->adopt)});
    else
      send_error(answer, result.error());
  });
}

}  // namespace

void send_error(const Answer& answer, const ApiError& error, int status) {
  answer({status != 0 ? status : http_status(error.code), error_envelope(error), {}, {}});
}

namespace {

Field timeout_field() {
  return {"timeout_ms", Type::Number, false, "give up after this long", kMaxWaitMs};
}

// Who and what there is: the node, the network, its members.
std::vector<Route> network_routes() {
  const Field timeout = timeout_field();
  return {
      {"GET", "/health", "Is the daemon alive?", "weft.health/1", {}, run_health},
      {"GET", "/healthz", "Is the daemon alive?", "weft.health/1", {}, run_health},
      {"GET", "/readyz", "Is the daemon ready?", "weft.health/1", {}, run_ready},
      {"GET", "/version", "Program and API version", "weft.version/1", {}, run_version},
      {"GET", "/api/v1/status", "Who am I, what is up", "weft.status/1", {}, run_status},
      {"POST",
       "/api/v1/wait",
       "Wait for a condition",
       "weft.wait/1",
       {{"condition", Type::Text, true, "ready, node:N, service:S, direct:N or path:N"}, timeout},
       run_wait},
      {"POST", "/api/v1/shutdown", "End the daemon", "weft.down/1", {}, run_shutdown},
      {"POST",
       "/api/v1/invites",
       "Make a ticket for one new node",
       "weft.invite/1",
       {{"name", Type::Text, true, "name of the new node"},
        {"allow", Type::List, false, "services it may use"},
        {"ttl_s", Type::Number, false, "how long the ticket lives", kMaxTtlS},
        {"may", Type::List, false, "expose, relay, admin"}},
       run_invite},
      {"GET", "/api/v1/invites", "Tickets that wait", "weft.invites/1", {}, run_invites},
      {"DELETE",
       "/api/v1/invites/{}",
       "Take a ticket back, by name or id",
       "weft.invite-cancel/1",
       {},
       run_cancel_invite},
      {"POST",
       "/api/v1/leave",
       "Leave the network and go on as a new node",
       "weft.leave/1",
       {timeout},
       run_leave},
      {"POST",
       "/api/v1/join",
       "Join the network of a ticket",
       "weft.join/1",
       {{"ticket", Type::Text, true, "as invite gave it, or a text with it inside", 8192}, timeout},
       run_join},
      {"GET", "/api/v1/members", "Who is in the network", "weft.members/1", {}, run_members},
      {"GET", "/api/v1/roster", "All entries, and what they say", "weft.roster/1", {}, run_roster},
      {"DELETE", "/api/v1/members/{}", "Take a node out", "weft.remove/1", {}, run_remove},
      {"POST",
       "/api/v1/members/{}/grant",
       "Give rights to a node",
       "weft.member/1",
       {{"may", Type::List, true, "expose, relay, admin"}},
       run_grant},
      {"POST",
       "/api/v1/members/{}/revoke",
       "Take rights from a node",
       "weft.member/1",
       {{"may", Type::List, true, "expose, relay, admin"}},
       run_revoke},
      {"POST",
       "/api/v1/members/{}/rename",
       "Give a node another name",
       "weft.member/1",
       {{"name", Type::Text, true, "the new name"}},
       run_rename},
      {"GET", "/api/v1/groups", "All groups", "weft.group/1", {}, run_group_list},
      {"GET", "/api/v1/groups/{}", "One group", "weft.group/1", {}, run_group_list},
      {"PUT", "/api/v1/groups/{}/{}", "Add a node", "weft.group/1", {}, run_group_add},
      {"DELETE", "/api/v1/groups/{}/{}", "Drop a node", "weft.group/1", {}, run_group_remove},
  };
}

std::vector<Route> dht_routes() {
  const Field key{"key", Type::Text, true, "a node, service:NAME or 64 hex digits"};
  return {
      {"GET", "/api/v1/dht", "The DHT in figures", "weft.dht/1", {}, run_dht_stats},
      {"POST", "/api/v1/dht/lookup", "Who is near a key", "weft.dht/1", {key}, run_dht_lookup},
      {"POST", "/api/v1/dht/get", "Read a record", "weft.dht/1", {key}, run_dht_get},
      {"POST",
       "/api/v1/dht/put",
       "Store a value, signed by this node",
       "weft.dht/1",
       {{"value", Type::Text, true, "the value", kMaxDhtValue},
        {"salt", Type::Text, false, "names one of several values", 64},
        {"ttl_s", Type::Number, false, "forgotten then; else kept and published again", kMaxTtlS}},
       run_dht_put},
  };
}

// What is offered, opened and used.
std::vector<Route> service_routes() {
  const Field timeout = timeout_field();
  return {
      {"POST",
       "/api/v1/exposed",
       "Expose a service",
       "weft.expose/1",
       {{"target", Type::Text, true, "PORT, HOST:PORT or unix:PATH"},
        {"name", Type::Text, false, "a DNS label"},
        {"protocol", Type::Text, false, "tcp"},
        {"allow", Type::List, false, "who may use it: node, group:NAME, *"}},
       run_expose},
      {"DELETE", "/api/v1/exposed/{}", "Stop exposing", "weft.access/1", {}, run_unexpose},
      {"POST",
       "/api/v1/exposed/{}/allow",
       "Let somebody use it",
       "weft.access/1",
       {{"who", Type::Texts, true, "node, group:NAME, *"}},
       run_allow},
      {"POST",
       "/api/v1/exposed/{}/deny",
       "Let somebody use it no more",
       "weft.access/1",
       {{"who", Type::Texts, true, "node, group:NAME, *"}},
       run_deny},
      {"POST",
       "/api/v1/exposed/{}/reset",
       "Forget its rules, or those for some",
       "weft.access/1",
       {{"who", Type::Texts, false, "node, group:NAME, *; none: all rules"}},
       run_reset},
      {"GET", "/api/v1/services", "What I may use", "weft.services/1", {}, run_services},
      {"GET", "/api/v1/mappings", "Local doors", "weft.mappings/1", {}, run_mappings},
      {"POST",
       "/api/v1/mappings",
       "Open a local door",
       "weft.open/1",
       {{"service", Type::Text, true, "SERVICE[@NODE[,NODE...]]", 640},
        {"any", Type::Flag, false, "nodes of the same owner may serve too"},
        {"listen", Type::Text, false, "[HOST:]PORT; else the service's port, else the next free"},
        {"once", Type::Flag, false, "not kept across restarts"},
        timeout},
       run_open},
      {"DELETE", "/api/v1/mappings/{}", "Close a local door", "weft.close/1", {}, run_close},
      {"POST",
       "/api/v1/ping",
       "One round trip",
       "weft.ping/1",
       {{"node", Type::Text, true, "name or id"},
        {"seq", Type::Number, false, "echoed", 1'000'000'000},
        timeout},
       run_ping},
      {"GET",
       "/api/v1/pipe/{}",
       "Bytes to SERVICE[@NODE], by Upgrade: weft-pipe",
       "",
       {},
       run_pipe},
  };
}

}  // namespace

// The node's own files.
std::vector<Route> home_routes() {
  return {{"POST",
           "/api/v1/backup",
           "Write keys and state to a new file",
           "weft.backup/1",
           {{"file", Type::Text, true, "absolute path of a file that is not there", 4096}},
           run_backup}};
}

std::vector<Route> make_routes() {
  std::vector<Route> routes = network_routes();
  std::ranges::copy(home_routes(), std::back_inserter(routes));
  const std::vector<Route> more = service_routes();
  routes.insert(routes.end(), more.begin(), more.end());
  const std::vector<Route> dht = dht_routes();
  routes.insert(routes.end(), dht.begin(), dht.end());
  return routes;
}

}  // namespace weft::api
