// Which node a name or a door leads to. A door is pinned (decision 16): whoever else offers a
// service of that name never gets its clients.
#include <algorithm>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

namespace {

constexpr std::size_t kNamed = 5;  // nodes that an error lists

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kNamed; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  if (names.size() > kNamed) out += " and others";
  return out;
}

}  // namespace

// ---- a name
// --------------------------------------------------------------------------------------

Duration Overlay::Impl::distance(const NodeId& node) const {
  const Peer* peer = network->peers.find(node);
  if (peer == nullptr || !peer->is_up()) return Duration::max();
  const auto info = sessions.info(*peer->preferred);
  return info ? info->smoothed_rtt : Duration::max();
}

Result<NodeId> Overlay::Impl::provider_of(const std::string& service, const std::string& node,
                                          bool any) const {
  if (!network) return fail(Errc::NotFound, "this node is in no network");
  if (!node.empty()) return find_node(node);
  // A door that is open already says which node was meant.
  std::set<NodeId> meant;
  for (const auto& door : network->mappings.list())
    if (door.service == service && door.node) meant.insert(*door.node);
  if (meant.size() == 1 && network->roster.member(*meant.begin()) != nullptr) return *meant.begin();
  // Who is away counts: else the next best takes its place as soon as it sleeps.
  std::vector<NodeId> found;
  for (const auto& [id, offered] : network->offered)
    if (line_of(id, service) != nullptr && may_expose(id)) found.push_back(id);
  if (found.empty())
    return fail(Errc::NotFound, "no node that can be reached now offers you \"" + service + "\"");
  const bool one_owner = std::ranges::all_of(found, [&](const NodeId& id) {
    return network->roster.member(id)->owner == network->roster.member(found.front())->owner;
  });
  if (found.size() == 1 || (any && one_owner))
    return *std::ranges::min_element(found, {}, [&](const NodeId& id) { return distance(id); });
  std::vector<std::string> names;
  for (const auto& id : found) names.push_back(label(id));
  std::ranges::sort(names);
  return fail(Errc::Conflict, "\"" + service + "\" is offered by " + joined(names));
}

Result<NodeId> Overlay::provider(const std::string& service, const std::string& node,
                                 bool any) const {
  return impl_->provider_of(service, node, any);
}

CommandId Overlay::connect(Instant now, const std::string& service, const std::string& node,
                           std::optional<Duration> within) {
  const CommandId id = impl_->next_command();
  const auto provider = impl_->provider_of(service, node);
  if (!provider) {
    impl_->events.push_back(ConnectFailed{id, provider.error()});
    return id;
  }
  impl_->start_connect(now, id, {*provider}, service,
                       within.value_or(impl_->config.connect_timeout));
  impl_->settle(now);
  return id;
}

// ---- a door
// --------------------------------------------------------------------------------------

CommandId Overlay::connect_door(Instant now, std::uint64_t door) {
  const CommandId id = impl_->next_command();
  const auto nodes = [&]() -> Result<std::vector<NodeId>> {
    WEFT_CHECK(impl_->in_network());
    WEFT_CHECK(impl_->pin(door));
    return impl_->providers_of(*impl_->network->mappings.find(door));
  }();
  if (!nodes) {
    impl_->events.push_back(ConnectFailed{id, nodes.error()});
    return id;
  }
  const auto service = impl_->network->mappings.find(door)->service;
  impl_->start_connect(now, id, *nodes, service, impl_->config.connect_timeout);
  impl_->settle(now);
  return id;
}

// Doors of homes from before doors were pinned name no node: they get the only one there is.
Result<void> Overlay::Impl::pin(std::uint64_t door) {
  const auto* known = network->mappings.find(door);
  if (known == nullptr) return fail(Errc::NotFound, "no such door");
  if (known->node) return {};
  const std::string service = known->service;
  const auto only = provider_of(service, {});
  if (!only) {
    if (only.error().code == Errc::Conflict) network->unpinned[door] = only.error().detail;
    return std::unexpected(only.error());
  }
  WEFT_TRY(auto change, network->mappings.pin(door, *only));
  network->unpinned.erase(door);
  network->pinned.insert(door);
  notice(Notice::Level::Warning, "door " + std::to_string(door) + " to " + service +
                                     " named no node: from now on it leads to " + label(*only));
  if (change.row) persist_quietly({std::move(*change.row)});
  return {};
}

// Who may serve this door's clients, the best first; never empty.
Result<std::vector<NodeId>> Overlay::Impl::providers_of(const service::Mapping& door) const {
  WEFT_ASSERT(door.node.has_value());
  std::vector<NodeId> named{*door.node};
  named.insert(named.end(), door.also.begin(), door.also.end());
  if (!door.any && door.also.empty()) return named;
  std::vector<NodeId> allowed = named;
  const auto* anchor = network->roster.member(*door.node);
  if (door.any && anchor != nullptr)
    for (const auto& [id, offered] : network->offered) {
      const auto* member = network->roster.member(id);
      if (member != nullptr && member->owner == anchor->owner) allowed.push_back(id);
    }
  std::ranges::sort(allowed);
  const auto twice = std::ranges::unique(allowed);
  allowed.erase(twice.begin(), twice.end());

  std::vector<std::tuple<bool, Duration, NodeId>> here;
  for (const auto& id : allowed) {
    const Peer* peer = network->peers.find(id);
    const auto* line = line_of(id, door.service);
    if (peer == nullptr || !peer->is_up() || line == nullptr || !may_expose(id)) continue;
    here.emplace_back(is_bad(line->health), distance(id), id);
  }
  if (here.empty()) return named;
  std::ranges::sort(here);
  std::vector<NodeId> out;
  for (const auto& [bad, rtt, id] : here)
    if (out.size() < kMaxTried) out.push_back(id);
  return out;
}

void Overlay::Impl::start_connect(Instant now, CommandId id, std::vector<NodeId> nodes,
                                  const std::string& service, Duration within) {
  WEFT_ASSERT(!nodes.empty());
  const NodeId first = nodes.front();
  nodes.erase(nodes.begin());
  std::optional<Error> error;
  if (first == config.identity.id) {
    error = {Errc::Usage, "\"" + service + "\" is a service of this very node"};
    if (network->registry.find(service) == nullptr)
      error = {Errc::NotFound, "this node exposes no service \"" + service + "\""};
  } else if (network->roster.member(first) != nullptr && !may_expose(first)) {
    error = {Errc::Denied, label(first) + " has no right to expose services in this network"};
  }
  if (!error) {
    const Peer* peer = network->peers.find(first);
    // A whole round of dialling has failed since it last spoke.
    const bool away = peer != nullptr && !peer->is_up() && peer->backoff > kFirstBackoff;
    if (away) within = std::min(within, kAwayTimeout);
    return wait_for(now,
                    {Waiting::Kind::Connect, id, first, service, now + within, std::move(nodes)});
  }
  if (!try_next(now, id, std::move(nodes), service))
    events.push_back(ConnectFailed{id, std::move(*error)});
}

bool Overlay::Impl::try_next(Instant now, CommandId id, std::vector<NodeId> others,
                             const std::string& service) {
  if (others.empty() || !network) return false;
  start_connect(now, id, std::move(others), service, config.connect_timeout);
  return true;
}

void Overlay::Impl::held_failed(Instant now, ServiceStream stream, Error error) {
  WEFT_ASSERT(stream.held.has_value());
  if (!try_next(now, *stream.held, std::move(stream.others), stream.service))
    events.push_back(ConnectFailed{*stream.held, std::move(error)});
}

void Overlay::cancel_connect(CommandId id) {
  std::erase_if(impl_->waiting, [&](const Waiting& w) { return w.id == id; });
  for (auto& [key, stream] : impl_->streams)
    if (stream.held == id) stream.others.clear();
}

}  // namespace weft::overlay
