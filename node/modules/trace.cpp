// Which rule of this node lets somebody use a service of it, or keeps him out: weft.trace/1. The
// overlay decides; this only finds the rule that says so.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_answers.hpp"

namespace weft::node {
namespace {

// The first of `rules` that means `name`: by itself, by one of its groups, or as everybody.
std::string rule_for(const overlay::Overlay& overlay, const std::string& name,
                     const std::vector<std::string>& rules) {
  const auto groups = overlay.groups();
  for (const auto& rule : rules) {
    if (rule == name || rule == "*") return rule;
    const auto group =
        std::ranges::find_if(groups, [&](const auto& g) { return rule == "group:" + g.first; });
    if (group != groups.end() && std::ranges::find(group->second, name) != group->second.end())
      return rule;
  }
  return {};
}

std::string share_text(const overlay::Overlay& overlay, std::uint64_t id) {
  std::string out = "share " + std::to_string(id);
  for (const auto& share : overlay.shares(io::monotonic_time())) {
    if (share.id != id) continue;
    const auto& terms = share.terms;
    out += " for " + share.who;
    if (terms.until != 0)
      out += std::string(share.ended ? ", ended " : ", until ") + api::rfc3339(terms.until);
    if (terms.hours) out += ", at " + terms.hours->to_text();
    if (terms.from) out += ", from " + terms.from->to_text() + ", directly";
  }
  return out;
}

void run_trace(overlay::Overlay& overlay, api::Call& call) {
  const auto service = call.parts[0];
  const auto who = call.text("who");
  if (api::bad_service(call, service) || api::bad_node(call, who)) return;
  const auto exposures = overlay.exposures();
  if (std::ranges::find(exposures, service, &service::Exposure::name) == exposures.end())
    return send_error(call.answer, api::Code::NotFound,
                      "this node exposes no service \"" + service + "\"", "", "see weft status");
  const auto node = overlay.find_node(who);
  if (!node)
    return send_error(call.answer, api::Code::NotFound, "no node named " + who, node.error().detail,
                      "see weft members");
  const auto name = node_label(overlay, *node);
  const auto access = overlay.access(service);
  const auto deny = rule_for(overlay, name, access.deny);
  const auto allow = rule_for(overlay, name, access.allow);
  const auto decision = overlay.decide(io::monotonic_time(), *node, service);
  std::string rule = "default: who is not allowed is kept out",
              fix = "weft allow " + service + " " + name;
  bool allowed = false;
  if (overlay.warnings().may_not_expose) {
    rule = "this node has no right to expose, so nobody may use what it offers";
    fix = ask_admin(overlay, "weft grant " + overlay.name() + " expose");
  } else if (!deny.empty()) {
    rule = "deny " + deny;
    fix = "weft reset " + service + quoted({deny});
  } else if (!allow.empty()) {
    rule = "allow " + allow;
    fix = {};
    allowed = true;
  } else if (decision.rule) {
    rule = share_text(overlay, *decision.rule);
    allowed = decision.allowed;
    fix = allowed ? "" : "weft share " + service + " " + name + " --for 2h";
  }
  send_data(call.answer, {{"schema", "weft.trace/1"},
                          {"service", service},
                          {"who", name},
                          {"id", to_text(*node)},
                          {"verdict", allowed ? "allowed" : "denied"},
                          {"rule", rule},
                          {"fix", fix}});
}

}  // namespace

std::vector<api::Route> trace_routes() {
  return {{"GET",
           "/api/v1/exposed/{}/trace",
           "Which rule lets somebody use it, or keeps him out",
           "weft.trace/1",
           {{"who", api::Type::Text, true, "a node, by name or id"}},
           run_trace}};
}

}  // namespace weft::node
