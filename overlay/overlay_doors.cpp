// Which node a name or a door leads to. A door is pinned (decision 16): whoever else offers a
// service of that name never gets its clients.
#include <algorithm>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

// ---- a name
// --------------------------------------------------------------------------------------

Result<NodeId> Overlay::Impl::provider_of(const std::string& service, const std::string& node,
                                          bool any) const {
  WEFT_CHECK(in_network());
  return network->doors.provider(service, node, any);
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
    const auto& doors = impl_->network->doors;
    return doors.providers(*doors.find(door));
  }();
  if (!nodes) {
    impl_->events.push_back(ConnectFailed{id, nodes.error()});
    return id;
  }
  const auto service = impl_->network->doors.find(door)->service;
  impl_->start_connect(now, id, *nodes, service, impl_->config.connect_timeout);
  impl_->settle(now);
  return id;
}

Result<void> Overlay::Impl::pin(std::uint64_t door) {
  WEFT_TRY(auto pinned, network->doors.pin(door));
  if (!pinned) return {};
  notice(Notice::Level::Warning,
         "door " + std::to_string(door) + " to " + network->doors.find(door)->service +
             " named no node: from now on it leads to " + label(pinned->node));
  if (pinned->row) persist_quietly({std::move(*pinned->row)});
  return {};
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
    const bool away = network->members.is_away(first);
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
