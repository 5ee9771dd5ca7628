// What the DHT asks of the overlay, and what it tells it.
#include <algorithm>
#include <ranges>

#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

std::optional<NetworkKeys> Overlay::network_keys() const {
  if (!impl_->network) return std::nullopt;
  const Network& network = *impl_->network;
  return NetworkKeys{network.id, network.roster.network_secret(), impl_->config.identity,
                     network.credential, &impl_->trust};
}

std::vector<KnownPeer> Overlay::known_peers() const {
  std::vector<KnownPeer> out;
  if (!impl_->network) return out;
  for (const auto& [id, peer] : impl_->network->peers.all())
    out.push_back({id, peer.identity, peer.certificate, peer.endpoints, peer.is_up(), peer.wanted});
  return out;
}

void Overlay::peer_found(Instant now, const NodeId& node,
                         const std::optional<Certificate>& certificate,
                         const std::vector<Endpoint>& endpoints, bool surely) {
  if (!impl_->network) return;
  Peer* peer = impl_->network->peers.find(node);
  if (peer == nullptr) return;  // no member, or ourselves
  if (certificate && certificate->identity == peer->identity &&
      certificate->network == impl_->network->id)
    impl_->network->peers.learn(*peer, *certificate);
  const auto before = peer->endpoints;
  const auto is_new = [&](const Endpoint& endpoint) {
    return std::ranges::find(before, endpoint) == before.end();
  };
  const bool news = std::ranges::any_of(endpoints, is_new);
  for (const auto& endpoint : std::views::reverse(endpoints))
    impl_->network->peers.learn(*peer, {endpoint}, surely);
  if (!news && !surely) return;
  impl_->store_peer(*peer);
  if (peer->is_up() || !peer->wanted) return impl_->settle(now);
  if (news) {
    // Dials under way go to where it was before; they would hold up those to where it is now.
    const auto dials = peer->dialing;
    for (const auto& [session, endpoint] : dials)
      impl_->sessions.close(now, session, kCodeSuperseded, "a newer address is known");
    impl_->settle(now);
    peer = impl_->network->peers.find(node);
    if (peer == nullptr || peer->is_up()) return;
  }
  impl_->network->peers.want(now, *peer, true);
  if (news) {
    const auto first = std::ranges::find(peer->endpoints, endpoints.front());
    if (first != peer->endpoints.end())
      peer->next_endpoint = static_cast<std::size_t>(first - peer->endpoints.begin());
  }
  impl_->settle(now);
}

void Overlay::peer_heard(Instant now, const NodeId& node, const Certificate& certificate,
                         const Endpoint& endpoint) {
  if (!impl_->network) return;
  Peer* peer = impl_->network->peers.find(node);
  if (peer == nullptr) return;  // no member, or ourselves
  if (certificate.identity == peer->identity && certificate.network == impl_->network->id &&
      impl_->network->peers.learn(*peer, certificate))
    impl_->store_peer(*peer);
  impl_->network->peers.hint(now, *peer, endpoint);
  impl_->settle(now);
}

}  // namespace weft::overlay
