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

const ServiceLine* Overlay::Impl::line_of(const NodeId& node, const std::string& service) const {
  const auto offered = network->offered.find(node);
  if (offered == network->offered.end()) return nullptr;
  const auto line = std::ranges::find(offered->second.lines, service, &ServiceLine::name);
  return line == offered->second.lines.end() ? nullptr : &*line;
}

// Without the right the lines count for nothing; they are kept, because the right may come later
// than they do, and nobody says them twice.
void Overlay::Impl::said(Instant now, Link& link, const ServicesAre& m) {
  if (link.up.joining || !network) return;
  Offered& offered = network->offered[link.up.peer];
  offered.lines = m.services;
  offered.told = now;
  offered.away_since = 0;
  if (may_expose(link.up.peer)) {
    offered.unlicensed = 0;
  } else if (!m.services.empty() && ++offered.unlicensed == 1) {
    notice(Notice::Level::Warning,
           label(link.up.peer) + " offers services without the right to expose: ignored");
  }
  peer_ready(now, link.up.peer);
}

// What the longest away offered goes first.
void Overlay::Impl::peer_away(const NodeId& peer, UnixTime since) {
  auto& away = network->offered[peer].away_since;
  if (away == 0) away = since;
  for (;;) {
    std::size_t lines = 0;
    Offered* oldest = nullptr;
    for (auto& [id, offered] : network->offered) {
      if (offered.away_since == 0 || offered.lines.empty()) continue;
      lines += offered.lines.size();
      if (oldest == nullptr || offered.away_since < oldest->away_since) oldest = &offered;
    }
    if (lines <= kMaxAwayLines) return;
    oldest->lines.clear();
  }
}

void Overlay::Impl::saw_target(Instant now, const NodeId& node, const std::string& service,
                               OpenStatus status) {
  if (!network || line_of(node, service) == nullptr) return;
  Health health = Health::Ok;
  if (status == OpenStatus::TargetRefused) health = Health::Refused;
  if (status == OpenStatus::TargetUnreachable) health = Health::NoAnswer;
  if (health == Health::Ok && status != OpenStatus::Ok) return;
  auto& offered = network->offered.at(node);
  // Ages count from one moment for all lines: the others grow by what has passed since.
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - offered.told).count();
  for (auto& line : offered.lines) line.health_age_s += static_cast<std::uint64_t>(passed);
  offered.told += std::chrono::seconds(passed);
  const auto line = std::ranges::find(offered.lines, service, &ServiceLine::name);
  line->health = health;
  line->health_age_s = 0;
}

std::vector<ServiceView> Overlay::services() const {
  std::vector<ServiceView> out;
  if (!impl_->network) return out;
  for (const auto& [node, offered] : impl_->network->offered) {
    if (offered.lines.empty() || !impl_->may_expose(node)) continue;
    const Peer* peer = impl_->network->peers.find(node);
    const bool up = peer != nullptr && peer->is_up();
    std::optional<Duration> rtt;
    if (up)
      if (const auto info = impl_->sessions.info(*peer->preferred)) rtt = info->smoothed_rtt;
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
  if (!impl_->network) return 0;
  const auto offered = impl_->network->offered.find(node);
  return offered == impl_->network->offered.end() ? 0 : offered->second.away_since;
}

ServiceWarnings Overlay::warnings() const {
  ServiceWarnings out;
  const auto& network = impl_->network;
  if (!network) return out;
  out.may_not_expose = network->registry.size() > 0 && !impl_->may_expose(id()) &&
                       network->roster.member(id()) != nullptr;
  for (const auto& [node, offered] : network->offered)
    if (!offered.lines.empty() && offered.unlicensed > 0 && !impl_->may_expose(node))
      out.unlicensed.emplace_back(impl_->label(node), offered.unlicensed);
  out.pinned.assign(network->pinned.begin(), network->pinned.end());
  out.unpinned.assign(network->unpinned.begin(), network->unpinned.end());
  return out;
}

// ---- what this node offers
// -----------------------------------------------------------------------

bool Overlay::Impl::may_use(const NodeId& caller, const std::string& service) const {
  return network->access.decide(network->roster, caller, service, 0).allowed;
}

std::vector<ServiceLine> Overlay::Impl::services_for(Instant now, const NodeId& caller) const {
  std::vector<ServiceLine> out;
  if (!network || !may_expose(config.identity.id)) return out;
  for (const auto& exposure : network->registry.list()) {
    if (out.size() == kMaxServicesPerMessage) break;
    if (!may_use(caller, exposure.name)) continue;
    ServiceLine line{exposure.name, std::string(service::name_of(exposure.protocol)),
                     exposure.target.port};
    const auto known = network->health.find(exposure.name);
    if (known != network->health.end() && known->second.health != Health::Unknown) {
      line.health = known->second.health;
      line.health_age_s = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(now - known->second.at).count());
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
  TargetHealth& known = network->health[service];
  if (known.health != health) network->health_news = true;
  known.health = health;
  known.at = now;
  known.detail = detail;
  known.probe_at = is_bad(health) ? std::optional(now + kProbePause) : std::nullopt;
}

void Overlay::Impl::probe(const std::string& service) {
  const auto* exposure = network ? network->registry.find(service) : nullptr;
  if (exposure == nullptr) return;
  TargetHealth& known = network->health[service];
  known.probing = true;
  known.probe_at.reset();
  events.push_back(ProbeTarget{*exposure});
}

void Overlay::Impl::plan_probes(Instant now) {
  for (const auto& exposure : network->registry.list())
    network->health[exposure.name].probe_at = now;
}

// A target is tried when it is exposed, at a start, and again after it refused while somebody may
// use it. One that answered is left alone: programs log who connects and says nothing.
void Overlay::Impl::sweep_health(Instant now) {
  auto under_way = static_cast<std::size_t>(std::ranges::count_if(
      network->health, [](const auto& entry) { return entry.second.probing; }));
  for (const auto& [service, known] : network->health) {
    if (under_way >= kMaxProbes) break;
    if (known.probing || !known.probe_at || *known.probe_at > now) continue;
    const bool wanted = std::ranges::any_of(network->access.list(), [&](const auto& rule) {
      return rule.allow && (rule.service == service || rule.service == "*");
    });
    if (is_bad(known.health) && !wanted) continue;
    probe(service);
    ++under_way;
  }
  if (!std::exchange(network->health_news, false)) return;
  for (auto& [id, link] : links)
    if (!link.up.joining && link.control) say_services(now, link);
}

void Overlay::probed(Instant now, const std::string& service, Health health,
                     std::string_view detail) {
  if (!impl_->network) return;
  const auto known = impl_->network->health.find(service);
  if (known == impl_->network->health.end()) return;
  known->second.probing = false;
  impl_->target_did(now, service, health, detail);
  impl_->settle(now);
}

HealthView Overlay::health(const std::string& service) const {
  if (!impl_->network) return {};
  const auto known = impl_->network->health.find(service);
  if (known == impl_->network->health.end() || known->second.health == Health::Unknown) return {};
  return {known->second.health, known->second.at, known->second.detail};
}

}  // namespace weft::overlay
