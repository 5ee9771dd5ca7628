// What is offered, to us and by us, and whether the targets behind it answer.
#include <algorithm>

#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

using service::Health;
using service::OpenStatus;

// ---- what others offer
// ---------------------------------------------------------------------------

bool Overlay::Impl::may_expose(const NodeId& node) const {
  return network && network->roster.may(node, roster::kMayExpose);
}

void Overlay::Impl::said(Instant now, Link& link, const ServicesAre& m) {
  if (link.up.joining || !network) return;
  const NodeId& peer = link.up.peer;
  if (network->offers.take(now, peer, m.services, may_expose(peer)))
    notice(Notice::Level::Warning,
           label(peer) + " offers services without the right to expose: ignored");
  tell_offers();
  peer_ready(now, peer);
}

void Overlay::Impl::tell_offers() {
  while (const auto node = network->offers.poll_changed())
    events.push_back(ServicesChanged{*node, label(*node)});
}

std::vector<ServiceView> Overlay::services() const {
  std::vector<ServiceView> out;
  if (!impl_->network) return out;
  for (const auto& [node, offered] : impl_->network->offers.all()) {
    if (offered.lines.empty() || !impl_->may_expose(node)) continue;
    const auto rtt = impl_->network->members.distance(node);
    const bool up = rtt.has_value();
    for (const auto& line : offered.lines) {
      ServiceView view{line.name,
                       impl_->label(node),
                       node,
                       line.protocol,
                       static_cast<std::uint16_t>(line.port),
                       up && !is_bad(line.health),
                       rtt};
      view.up = up;
      view.away_since = up ? 0 : offered.away_since;
      view.health = line.health;
      if (line.health != Health::Unknown)
        view.health_at = offered.told - std::chrono::seconds(line.health_age_s);
      out.push_back(std::move(view));
    }
  }
  std::ranges::sort(out, {}, [](const ServiceView& s) { return std::tie(s.name, s.node); });
  return out;
}

UnixTime Overlay::away_since(const NodeId& node) const {
  return impl_->network ? impl_->network->offers.away_since(node) : 0;
}

ServiceWarnings Overlay::warnings() const {
  ServiceWarnings out;
  const auto& network = impl_->network;
  if (!network) return out;
  out.may_not_expose = network->registry.size() > 0 && !impl_->may_expose(id()) &&
                       network->roster.member(id()) != nullptr;
  for (const auto& [node, offered] : network->offers.all())
    if (!offered.lines.empty() && offered.unlicensed > 0 && !impl_->may_expose(node))
      out.unlicensed.emplace_back(impl_->label(node), offered.unlicensed);
  const auto& doors = network->doors;
  out.pinned.assign(doors.pinned().begin(), doors.pinned().end());
  out.unpinned.assign(doors.unpinned().begin(), doors.unpinned().end());
  return out;
}

// ---- what this node offers
// -----------------------------------------------------------------------

std::vector<ServiceLine> Overlay::Impl::services_for(Instant now, const NodeId& caller) const {
  std::vector<ServiceLine> out;
  if (!network || !may_expose(config.identity.id)) return out;
  for (const auto& exposure : network->registry.list()) {
    if (out.size() == kMaxServicesPerMessage) break;
    if (!network->access.decide(network->roster, caller, exposure.name, 0).allowed) continue;
    ServiceLine line{exposure.name, std::string(service::name_of(exposure.protocol)),
                     exposure.target.port};
    const auto* known = network->health.find(exposure.name);
    if (known != nullptr && known->health != Health::Unknown) {
      line.health = known->health;
      line.health_age_s = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(now - known->at).count());
    }
    out.push_back(std::move(line));
  }
  return out;
}

void Overlay::Impl::say_services(Instant now, Link& link) {
  send(now, link, ServicesAre{0, services_for(now, link.up.peer)});
}

std::string Overlay::Impl::who_text(const service::Subject& subject) const {
  switch (subject.kind) {
    case service::Subject::Kind::Node:
      return label(subject.node);
    case service::Subject::Kind::Group:
      return "group:" + subject.group;
    case service::Subject::Kind::Everyone:
      break;
  }
  return "*";
}

Overlay::Access Overlay::access(const std::string& service) const {
  Access out;
  if (!impl_->network) return out;
  const auto& network = *impl_->network;
  std::vector<service::Rule> rules;
  for (const auto& rule : network.access.list()) {
    if (rule.service != service && rule.service != "*") continue;
    // Kept should its node come back after all (forget_rules_of_removed), and of no effect.
    if (rule.subject.kind == service::Subject::Kind::Node &&
        network.roster.state().is_removed(rule.subject.node))
      continue;
    (rule.allow ? out.allow : out.deny).push_back(impl_->who_text(rule.subject));
    rules.push_back(rule);
  }
  std::size_t looked_at = 0;
  for (const auto& [member, about] : network.roster.state().members()) {
    if (rules.empty() || out.readers.size() == kMaxReaders || ++looked_at > kMaxLookedAt) break;
    if (member != id() &&
        service::decide(rules, network.roster, network.id, member, service, 0).allowed)
      out.readers.push_back(about.name);
  }
  std::ranges::sort(out.readers);
  return out;
}

// ---- whether targets answer
// ----------------------------------------------------------------------

void Overlay::Impl::target_did(Instant now, const std::string& service, Health health,
                               std::string_view detail) {
  if (!network || network->registry.find(service) == nullptr) return;
  network->health.saw(now, service, health, detail);
}

void Overlay::Impl::probe(Instant now, const std::string& service) {
  if (!network || network->registry.find(service) == nullptr) return;
  network->health.look(now, service);
  sweep_health(now);
}

void Overlay::Impl::sweep_health(Instant now) {
  for (const auto& service : network->health.due(now, network->access))
    if (const auto* exposure = network->registry.find(service))
      events.push_back(ProbeTarget{*exposure});
  if (!network->health.take_news(now)) return;
  for (auto& [id, link] : links)
    if (!link.up.joining && link.control) say_services(now, link);
}

void Overlay::probed(Instant now, const std::string& service, Health health,
                     std::string_view detail) {
  if (!impl_->network) return;
  if (!impl_->network->health.ended(service)) return;
  impl_->target_did(now, service, health, detail);
  impl_->settle(now);
}

HealthView Overlay::health(const std::string& service) const {
  if (!impl_->network) return {};
  const auto* known = impl_->network->health.find(service);
  if (known == nullptr || known->health == Health::Unknown) return {};
  return {known->health, known->at, known->detail};
}

}  // namespace weft::overlay
