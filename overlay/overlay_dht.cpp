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
  for (const auto& endpoint : std::views::reverse(endpoints))
    impl_->network->peers.learn(*peer, {endpoint}, surely);
  if (peer->endpoints == before && !peer->endpoints.empty() && !surely) return;
  impl_->store_peer(*peer);
  if (!peer->is_up() && peer->wanted) {
    impl_->network->peers.want(now, *peer, true);
    if (!peer->dialing.empty()) {  // a round is under way, at addresses that may be dead
      if (surely) peer->next_endpoint = 0;
      peer->next_attempt = now;
    }
  }
  impl_->settle(now);
}

}  // namespace weft::overlay
