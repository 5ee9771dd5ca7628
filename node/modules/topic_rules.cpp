// Rules about topics: who may publish, who may read. They are in the roster, so an admin changes
// them, and every member holds to them. weft.topics/1.
#include <string>
#include <vector>

#include "node/api/checks.hpp"
#include "node/broker_host.hpp"
#include "node/control_answers.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::node {
namespace {

using api::Call;
using api::Json;
using api::Type;
using roster::Ruling;

constexpr std::string_view kGroup = "group:";

Json ruling_json(Ruling ruling) {
  if (ruling == Ruling::None) return Json();
  return ruling == Ruling::Allow ? "allow" : "deny";
}

void send_rules(BrokerHost& host, const api::Answer& answer) {
  Json rules = Json::array();
  for (const auto& rule : host.rules()) {
    std::string who = rule.group.empty() ? "*" : std::string(kGroup) + rule.group;
    if (rule.node) who = host.name_of(*rule.node);
    rules.push_back({{"topic", rule.topic},
                     {"who", who},
                     {"publish", ruling_json(rule.publish)},
                     {"read", ruling_json(rule.read)}});
  }
  send_data(answer, {{"schema", "weft.topics/1"}, {"rules", std::move(rules)}});
}

void run_list(BrokerHost& host, Call& call) { send_rules(host, call.answer); }

std::optional<Ruling> ruling_of(const std::string& word) {
  if (word == "allow") return Ruling::Allow;
  if (word == "deny") return Ruling::Deny;
  return word == "none" ? std::optional(Ruling::None) : std::nullopt;
}

bool bad_rule_topic(const Call& call, const std::string& topic) {
  std::string why;
  if (!broker::is_pattern(topic)) why = "\"" + topic.substr(0, 80) + "\" is no topic";
  if (broker::is_system(topic)) why = topic + " is the nodes' own; every member may read it";
  if (topic.starts_with(broker::kReserved)) why = "topics that begin with weft. are the nodes' own";
  if (why.empty()) return false;
  send_error(call.answer, api::Code::Usage, why, "",
             "app.door, app.* for one more word, app.> for any more");
  return true;
}

void run_change(BrokerHost& host, Call& call) {
  BrokerHost::RuleChange change;
  change.topic = call.text("topic");
  if (bad_rule_topic(call, change.topic)) return;
  const auto who = call.text("who");
  if (api::bad_who(call, who)) return;
  for (const auto* right : {"publish", "read"}) {
    if (!call.body.contains(right)) continue;
    const auto ruling = ruling_of(call.text(right));
    if (!ruling)
      return send_error(call.answer, api::Code::Usage,
                        std::string(right) + " is allow, deny or none");
    (std::string_view(right) == "read" ? change.read : change.publish) = ruling;
  }
  if (!change.publish && !change.read)
    return send_error(call.answer, api::Code::Usage, "neither publish nor read is named");
  change.who = who;
  host.change_rule(change, [call, &host, change](const Result<void>& result) {
    if (result) return send_rules(host, call.answer);
    auto error = api::to_api_error(result.error(), "no rule about " + change.topic);
    if (result.error().code == Errc::Denied)
      error.fix =
          ask_admin(host.overlay(), "weft topic allow|deny " + change.topic + " " + change.who);
    else if (error.fix.empty())
      error.fix = "see weft members, weft group list and weft topic list";
    send_error(call.answer, error);
  });
}

}  // namespace

std::vector<api::Route> topic_rules_routes() {
  return {
      {"GET", "/api/v1/topics/rules", "Who may publish and read", "weft.topics/1", {}, run_list},
      {"PUT",
       "/api/v1/topics/rules",
       "Allows or denies somebody to publish or read",
       "weft.topics/1",
       {{"topic", Type::Text, true, "a topic; * is one word, a last > any more"},
        {"who", Type::Text, true, "node, group:NAME or *"},
        {"publish", Type::Text, false, "allow, deny or none"},
        {"read", Type::Text, false, "allow, deny or none"}},
       run_change,
       "topic_rule",
       api::Takes::Long}};
}

}  // namespace weft::node
