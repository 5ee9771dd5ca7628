// What the boxes around this node let through: the router's port, relays, an HTTP proxy, a network
// that wants somebody to sign in.
#include "nat/candidate.hpp"
#include "node/carriers/wss.hpp"
#include "node/checks.hpp"
#include "node/control_answers.hpp"
#include "node/doctor/ways.hpp"
#include "node/io/clock.hpp"
#include "node/mapped_port.hpp"
#include "overlay/network.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_port_mapping(const Subject& subject) {
  doctor::PortMapping facts;
  facts.port = subject.driver.udp().port();
  facts.reached = subject.overlay.relay(io::monotonic_time()).reached;
  const auto* port = subject.host.find<MappedPort>();
  if (port == nullptr) return doctor::port_mapping(facts);
  facts.wished = port->wished();
  facts.needed = port->needed();
  facts.trouble = facts.needed ? port->trouble() : std::string();
  if (const auto& mapping = port->current()) {
    facts.protocol = mapping->protocol;
    facts.address = to_text(mapping->outside);
    facts.left_s =
        std::chrono::duration_cast<std::chrono::seconds>(mapping->until - io::monotonic_time())
            .count();
    facts.inner = nat::is_nearby(mapping->outside);
  }
  return doctor::port_mapping(facts);
}

doctor::Finding look_at_relays(const Subject& subject) {
  doctor::RelayedBy facts;
  const auto& overlay = subject.overlay;
  facts.reached = overlay.relay(io::monotonic_time()).reached;
  overlay::Network* network = overlay.home();
  if (network == nullptr) return doctor::relayed_by(facts);
  facts.others = network->beside().peers.all().size();
  for (const auto& [session, node] : network->relaying().reserved())
    facts.reserved.push_back(node_label(overlay, node));
  for (const auto& choice : network->relaying().choices(io::monotonic_time(), overlay.id()))
    if (choice.state == overlay::Relaying::Choice::State::NoRelay)
      facts.refusing.push_back(node_label(overlay, choice.relay));
  return doctor::relayed_by(facts);
}

doctor::Finding look_at_proxy(const Subject& subject) {
  const auto& proxy = subject.driver.streams().proxy();
  doctor::HttpProxy facts;
  if (proxy.address)
    facts.address = proxy.address->host + ":" + std::to_string(proxy.address->port);
  facts.not_used = proxy.not_used;
  facts.worked = proxy.worked;
  facts.last_failure = proxy.last_failure;
  return doctor::http_proxy(facts);
}

doctor::Finding look_at_portal(const Subject& subject) {
  doctor::Portal facts;
  overlay::Network* network = subject.overlay.home();
  if (network == nullptr) return doctor::portal(facts);
  const auto& beside = network->beside();
  for (const auto& [node, peer] : beside.peers.all()) {
    const auto info = peer.is_up() ? beside.sessions.info(*peer.preferred) : std::nullopt;
    if (info && path::over_udp(beside.sessions.paths().at(info->path).kind)) ++facts.by_udp;
    for (const auto& one : network->attempts().of(node))
      if (one.result == path::TryResult::Failed && one.detail.starts_with(carriers::kPageInPlace))
        facts.in_place.push_back(to_text(one.where));
  }
  return doctor::portal(facts);
}

}  // namespace

std::vector<Check> outlets_checks() {
  return {
      {26, look_at_port_mapping}, {26, look_at_relays}, {27, look_at_proxy}, {28, look_at_portal}};
}

}  // namespace weft::node
