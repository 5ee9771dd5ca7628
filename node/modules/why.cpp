// Why a node is reached as it is, or is not: weft.why/1. The overlay has the facts, node/doctor/why
// says what they mean; this puts both into words.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "nat/candidate.hpp"
#include "node/api/checks.hpp"
#include "node/control_answers.hpp"
#include "node/control_doctor.hpp"
#include "node/doctor/why.hpp"
#include "node/io/clock.hpp"
#include "node/mapped_port.hpp"
#include "overlay/network.hpp"
#include "overlay/relaying/relay_home.hpp"
#include "overlay/why.hpp"

namespace weft::node {
namespace {

using doctor::WayFacts;
using overlay::Relaying;
using overlay::WhyView;

struct Asked {
  const Subject& subject;
  const NodeId& node;
  const WhyView& view;
  Instant now;

  [[nodiscard]] std::string name(const NodeId& id) const { return node_label(subject.overlay, id); }
};

WayFacts::Nat nat_facts(nat::Mapping mapping, nat::Filtering filtering) {
  using nat::Mapping;
  const bool hard = mapping == Mapping::ByAddress || mapping == Mapping::ByAddressAndPort ||
                    mapping == Mapping::Dependent;
  return {mapping != Mapping::Unknown, hard, filtering == nat::Filtering::ByAddressAndPort};
}

WayFacts::Path path_facts(const WhyView& view) {
  if (!view.session) return WayFacts::Path::None;
  switch (view.kind) {
    case path::PathKind::Circuit:
      return WayFacts::Path::Relay;
    case path::PathKind::Tcp:
      return WayFacts::Path::Tcp;
    case path::PathKind::Wss:
      return WayFacts::Path::Wss;
    case path::PathKind::Udp:
    case path::PathKind::Ice:
      break;
  }
  return WayFacts::Path::Direct;
}

WayFacts::Presence presence_facts(const WhyView& view) {
  switch (view.presence) {
    case membership::State::Alive:
    case membership::State::Suspect:
      return WayFacts::Presence::Alive;
    case membership::State::Dead:
      return WayFacts::Presence::Dead;
    case membership::State::Left:
      return WayFacts::Presence::Left;
    case membership::State::Unknown:
      break;
  }
  return WayFacts::Presence::Unknown;
}

void add_tried(const Asked& asked, WayFacts& out) {
  using path::TryResult;
  for (const auto& one : asked.view.tried) {
    const auto* relay = std::get_if<RelayAddress>(&one.where);
    if (relay != nullptr && one.result != TryResult::Worked)
      out.relays_no.push_back(asked.name(relay->relay) + ": " + one.detail);
    if (!std::holds_alternative<UdpAddress>(one.where)) continue;
    if (one.result == TryResult::NoAnswer) ++out.udp_silent;
    if (one.result == TryResult::Refused) out.refused.push_back(one.detail);
  }
}

WayFacts facts_of(const Asked& asked) {
  const auto& view = asked.view;
  WayFacts out;
  out.self = asked.subject.overlay.name();
  out.node = asked.name(asked.node);
  if (asked.node == asked.subject.overlay.id())
    out.who = WayFacts::Who::Self;
  else if (asked.subject.overlay.removed())
    out.who = WayFacts::Who::WeAreOut;
  else if (!view.member)
    out.who = WayFacts::Who::Removed;
  out.path = path_facts(view);
  if (out.path == WayFacts::Path::Relay) out.via = asked.name(view.via);
  if (const auto& session = view.session) {
    const auto& since = session->unanswered_since;
    if (since && asked.now - *since >= session::kSilentAfter)
      out.silent_s = seconds_since(since, asked.now);
    out.near = nat::is_nearby(session->remote) || session->remote.is_link_local() ||
               session->remote.is_loopback();
  }
  out.heard_s = seconds_since(view.heard, asked.now);
  out.presence = presence_facts(view);
  out.wanted = view.wanted;
  out.known = view.known;
  out.by_udp = !view.endpoints.empty();
  out.dialling = !view.trying.empty();
  out.says_we_are_out = view.says_we_are_out;
  add_tried(asked, out);
  for (const auto& relay : view.relays)
    out.relays += relay.state != Relaying::Choice::State::NoRelay;
  if (view.punch) {
    out.probes = view.punch->tries;
    out.probe_last = view.punch->last;
    out.probing = view.punch->under_way;
    out.punched = out.path == WayFacts::Path::Direct && view.punch->last == "found";
    if (view.punch->theirs)
      out.there = nat_facts(view.punch->theirs->mapping, view.punch->theirs->filtering);
  }
  out.here = nat_facts(view.nat4.mapping, view.nat4.filtering);
  if (const auto* port = asked.subject.host.find<MappedPort>(); port != nullptr && port->wished()) {
    out.mapped = port->current().has_value();
    if (!out.mapped) out.no_mapping = port->trouble();
  }
  out.port = asked.subject.driver.udp().port();
  out.others = view.others;
  out.others_by_udp = view.others_by_udp;
  out.others_by_stream = view.others_by_stream;
  out.others_by_relay = view.others_by_relay;
  return out;
}

// ---- as JSON ------------------------------------------------------------------------------------

api::Json tried_json(const char* kind, std::string where, std::string_view result,
                     std::string detail) {
  return {{"kind", kind},     {"where", std::move(where)},
          {"result", result}, {"detail", std::move(detail)},
          {"times", nullptr}, {"s_ago", nullptr}};
}

api::Json one_try(const Asked& asked, const path::Attempt& one) {
  const auto* relay = std::get_if<RelayAddress>(&one.where);
  const char* kind = relay != nullptr                                ? "relay"
                     : std::holds_alternative<UdpAddress>(one.where) ? "udp"
                     : std::holds_alternative<TcpAddress>(one.where) ? "tcp"
                                                                     : "wss";
  std::string where = relay != nullptr ? asked.name(relay->relay) : to_text(one.where);
  if (const auto space = where.find(' '); relay == nullptr && space != std::string::npos)
    where.erase(0, space + 1);  // the kind stands beside it
  auto out = tried_json(kind, std::move(where), path::name_of(one.result), one.detail);
  out["times"] = one.times;
  out["s_ago"] = *seconds_since(one.at, asked.now);
  return out;
}

void add_punch(const Asked& asked, api::Json& out) {
  if (!asked.view.punch) return;
  const auto& punch = *asked.view.punch;
  if (punch.tries == 0 && !punch.under_way && punch.last.empty()) return;
  const bool found = punch.last == "found";
  std::string detail = found ? "a way through was found" : punch.last;
  if (punch.next && *punch.next > asked.now)
    detail += (detail.empty() ? "" : "; ") + std::string("again in ") +
              std::to_string(-*seconds_since(punch.next, asked.now)) + " s";
  auto one = tried_json("punch", "both ends at once",
                        punch.under_way ? "under way"
                        : found         ? "worked"
                                        : "failed",
                        detail);
  one["times"] = punch.tries;
  out.push_back(std::move(one));
}

void add_port_mapping(const Asked& asked, api::Json& out) {
  const auto* port = asked.subject.host.find<MappedPort>();
  if (port == nullptr || !port->wished()) return;
  if (const auto& mapping = port->current()) {
    const auto left = -*seconds_since(mapping->until, asked.now);
    out.push_back(tried_json("port_mapping", to_text(mapping->outside), "worked",
                             mapping->protocol + ", for " + std::to_string(left / 60) + " min"));
  } else if (const auto trouble = port->trouble(); !trouble.empty()) {
    out.push_back(tried_json("port_mapping", "the router", "failed", trouble));
  }
}

api::Json tried_of(const Asked& asked) {
  auto out = api::Json::array();
  for (const auto& one : asked.view.tried) out.push_back(one_try(asked, one));
  for (const auto& endpoint : asked.view.trying) {
    const auto place = Address(UdpAddress{endpoint});
    if (std::ranges::find(asked.view.tried, place, &path::Attempt::where) == asked.view.tried.end())
      out.push_back(tried_json("udp", to_text(endpoint), "under way", "called just now"));
  }
  for (const auto& carrier : asked.view.carriers)
    if (std::ranges::find(asked.view.tried, carrier, &path::Attempt::where) ==
        asked.view.tried.end())
      out.push_back(tried_json(std::holds_alternative<TcpAddress>(carrier) ? "tcp" : "wss",
                               to_text(carrier), "not tried", "UDP answers"));
  add_punch(asked, out);
  add_port_mapping(asked, out);
  return out;
}

// Why this member does or does not carry the session.
std::pair<const char*, std::string> relay_words(const Asked& asked,
                                                const Relaying::Choice& choice) {
  using State = Relaying::Choice::State;
  switch (choice.state) {
    case State::Used:
      return {"used", "the session goes through it"};
    case State::Ready:
      return {"ready", "takes over when the one in use fails"};
    case State::NoRelay:
      return {"passed over", "it relays nothing: switched off, or nobody reached it directly yet"};
    case State::Silent:
      return {"passed over", "it answers nothing just now"};
    case State::Free:
      break;
  }
  for (const auto& one : asked.view.tried)
    if (const auto* relay = std::get_if<RelayAddress>(&one.where);
        relay != nullptr && relay->relay == choice.relay && one.result != path::TryResult::Worked)
      return {"passed over", one.detail};
  if (asked.view.session && path::is_direct(asked.view.kind))
    return {"not needed", "the way is direct"};
  return {"passed over", "slower or busier than those in use"};
}

api::Json relays_of(const Asked& asked) {
  auto out = api::Json::array();
  for (const auto& choice : asked.view.relays) {
    const auto [state, why] = relay_words(asked, choice);
    out.push_back({{"node", asked.name(choice.relay)},
                   {"state", state},
                   {"why", why},
                   {"rtt_ms", milliseconds(choice.rtt)},
                   {"load_permille", choice.load_permille}});
  }
  for (const auto& node : asked.view.behind_relays)
    out.push_back({{"node", asked.name(node)},
                   {"state", "passed over"},
                   {"why", "it is itself reached through a relay"},
                   {"rtt_ms", nullptr},
                   {"load_permille", nullptr}});
  return out;
}

api::Json nat_json(nat::Mapping mapping, nat::Filtering filtering) {
  return {{"mapping", nat::name_of(mapping)}, {"filtering", nat::name_of(filtering)}};
}

api::Json nat_of(const WhyView& view) {
  api::Json out{{"here", nat_json(view.nat4.mapping, view.nat4.filtering)}, {"there", nullptr}};
  if (view.punch && view.punch->theirs)
    out["there"] = nat_json(view.punch->theirs->mapping, view.punch->theirs->filtering);
  return out;
}

void add_session(const Asked& asked, const WayFacts& facts, api::Json& out) {
  const auto& overlay = asked.subject.overlay;
  const auto& session = asked.view.session;
  out["path"] = session ? path_of(overlay, session->path) : "none";
  if (asked.node == overlay.id()) out["path"] = "local";
  out["via"] = facts.via;
  out["endpoint"] = session ? place_text(overlay, session->path, session->remote) : "";
  out["rtt_ms"] = nullptr;
  out["mtu"] = nullptr;
  out["gso"] = path::name_of(overlay.paths().gso().setting());
  out["called"] = nullptr;
  if (!session) return;
  out["rtt_ms"] = milliseconds(session->smoothed_rtt);
  if (session->datagram_limit < path::kUdpMtu) out["mtu"] = session->datagram_limit;
  out["called"] = session->initiator ? "this node" : "the other";
}

void run_why(DoctorControl& doctor, api::Call& call) {
  if (api::bad_node(call, call.parts[0])) return;
  const auto subject = doctor.subject();
  overlay::Network* network = subject.overlay.home();
  if (network == nullptr)
    return send_error(call.answer, api::Code::NotFound, "this node is in no network", "",
                      "weft join TICKET");
  auto node = subject.overlay.find_node(call.parts[0]);
  if (const auto id = node_id_from_text(call.parts[0]); !node && id)
    if (network->roster().state().is_removed(*id)) node = *id;
  if (!node)
    return send_error(call.answer, api::Code::NotFound, "no node named " + call.parts[0],
                      node.error().detail + "; of who was removed the id is known, not the name",
                      "weft members lists who is in the network");
  const Instant now = io::monotonic_time();
  const auto view = overlay::why(now, *network, *node);
  const Asked asked{subject, *node, view, now};
  const auto facts = facts_of(asked);
  const auto reason = doctor::why(facts);
  api::Json out{{"schema", "weft.why/1"},   {"node", facts.node},
                {"id", to_text(*node)},     {"cause", reason.cause},
                {"text", reason.text},      {"presence", membership::name_of(view.presence)},
                {"heard_s_ago", nullptr},   {"silent_s", nullptr},
                {"tried", tried_of(asked)}, {"relays", relays_of(asked)},
                {"nat", nat_of(view)},      {"fix", reason.fixes}};
  if (facts.heard_s) out["heard_s_ago"] = *facts.heard_s;
  if (facts.silent_s) out["silent_s"] = *facts.silent_s;
  add_session(asked, facts, out);
  send_data(call.answer, std::move(out));
}

}  // namespace

std::vector<api::Route> why_routes() {
  return {{"GET",
           "/api/v1/members/{}/why",
           "By which path a node is reached, why, what was tried, and what helps",
           "weft.why/1",
           {},
           run_why}};
}

}  // namespace weft::node
