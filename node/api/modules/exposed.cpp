#include "node/api/modules/exposed.hpp"

#include <optional>
#include <utility>

#include "node/api/checks.hpp"
#include "node/api/json_parts.hpp"
#include "node/api/route.hpp"
#include "overlay/service/service.hpp"

namespace weft::api {

Json to_json(const ExposedInfo& e) {
  return {{"name", e.name},
          {"target", e.target},
          {"protocol", e.protocol},
          {"allow", e.allow},
          {"deny", e.deny},
          {"connections", e.connections},
          {"may_use", e.may_use},
          {"health", e.health},
          {"health_age_s", age_json(e.health_age_s)},
          {"relay", e.direct_only ? "never" : "allowed"}};
}

Json to_json(const ExposeResult& r) {
  return {{"schema", "weft.expose/1"},
          {"name", r.name},
          {"target", r.target},
          {"protocol", r.protocol},
          {"allow", r.allow},
          {"health", r.health},
          {"health_detail", r.health_detail},
          {"relay", r.direct_only ? "never" : "allowed"}};
}

Json to_json(const AccessResult& r) {
  return {{"schema", "weft.access/1"}, {"service", r.service},
          {"allow", r.allow},          {"deny", r.deny},
          {"closed", r.closed},        {"may_use", r.may_use},
          {"warnings", r.warnings}};
}

namespace {

// Nobody is named in a reset of all rules alone.
std::optional<AccessRequest> access_request(const Call& call, bool somebody = true) {
  AccessRequest request{call.parts[0], call.list("who")};
  if (bad_service(call, request.service) || any_bad(call, request.who, bad_who))
    return std::nullopt;
  if (!somebody || !request.who.empty()) return request;
  send_error(call.answer, Code::Usage, "nobody is named", "who: a node, group:NAME or *");
  return std::nullopt;
}

void run_expose(Exposed& part, Call& call) {
  const bool exit = call.body.value("protocol", std::string()) == "socks5";
  if (exit && !call.text("target").starts_with("exit:"))
    return send_error(call.answer, Code::Usage, "an exit is exposed with rules of where it leads",
                      "", "for example: weft expose --protocol socks5 --to any");
  if (call.text("target").empty())
    return send_error(call.answer, Code::Usage, "what is exposed? a target is missing", "",
                      "for example: weft expose 3000 --name blog");
  const auto target = service::Target::from_text(call.text("target"));
  if (!target)
    return send_error(call.answer, Code::Usage, target.error().detail, "",
                      "for example: weft expose 3000 --name blog");
  ExposeRequest request;
  request.target = target->to_text();
  request.protocol = call.body.value("protocol", std::string("tcp"));
  const auto protocol = service::protocol_from_text(request.protocol);
  if (!protocol)
    return send_error(call.answer, Code::Usage, "\"" + request.protocol + "\" is no protocol",
                      protocol.error().detail, "for example: weft expose 5353 --protocol udp");
  request.name = call.text("name");
  if (request.name.empty()) request.name = service::default_name(*target, *protocol);
  request.allow = call.list("allow");
  const auto relay = call.text("relay");
  if (!relay.empty() && relay != "never" && relay != "allowed")
    return send_error(call.answer, Code::Usage, "relay is \"never\" or \"allowed\"", "",
                      "for example: weft expose 5900 --name screen --relay never");
  request.direct_only = relay == "never";
  if (bad_service(call, request.name) || any_bad(call, request.allow, bad_who)) return;
  part.expose(std::move(request), done<ExposeResult>(call));
}
void run_unexpose(Exposed& part, Call& call) {
  if (bad_service(call, call.parts[0])) return;
  part.unexpose({call.parts[0]}, done<AccessResult>(call));
}
void run_allow(Exposed& part, Call& call) {
  if (auto request = access_request(call))
    part.allow(std::move(*request), done<AccessResult>(call));
}
void run_deny(Exposed& part, Call& call) {
  if (auto request = access_request(call)) part.deny(std::move(*request), done<AccessResult>(call));
}
void run_reset(Exposed& part, Call& call) {
  if (auto request = access_request(call, false))
    part.reset(std::move(*request), done<AccessResult>(call));
}

}  // namespace

std::vector<Route> exposed_routes() {
  return {{"POST",
           "/api/v1/exposed",
           "Expose a service",
           "weft.expose/1",
           {{"target", Type::Text, false, "PORT, HOST:PORT, unix:PATH or exit:RULES", 512},
            {"name", Type::Text, false, "a DNS label"},
            {"protocol", Type::Text, false, "tcp, udp, http, socks5 or file"},
            {"relay", Type::Text, false, "never: nothing of it goes through a relay; or allowed"},
            {"allow", Type::List, false, "who may use it: node, group:NAME, *"}},
           run_expose,
           "expose"},
          {"DELETE",
           "/api/v1/exposed/{}",
           "Stop exposing",
           "weft.access/1",
           {},
           run_unexpose,
           "unexpose"},
          {"POST",
           "/api/v1/exposed/{}/allow",
           "Let somebody use it",
           "weft.access/1",
           {{"who", Type::Texts, true, "node, group:NAME, *"}},
           run_allow,
           "allow"},
          {"POST",
           "/api/v1/exposed/{}/deny",
           "Let somebody use it no more",
           "weft.access/1",
           {{"who", Type::Texts, true, "node, group:NAME, *"}},
           run_deny,
           "deny"},
          {"POST",
           "/api/v1/exposed/{}/reset",
           "Forget its rules, or those for some",
           "weft.access/1",
           {{"who", Type::Texts, false, "node, group:NAME, *; none: all rules"}},
           run_reset,
           "reset"}};
}

}  // namespace weft::api
