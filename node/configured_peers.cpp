#include "node/configured_peers.hpp"

#include <algorithm>

namespace weft::node {

namespace {

void tell_here(overlay::Overlay& overlay, const std::vector<PeerConfig>& peers, Instant now) {
  for (const auto& member : overlay.members()) {
    if (member.state != "away") continue;
    const auto told = std::ranges::find_if(peers, [&](const PeerConfig& peer) {
      return peer.node == member.name || peer.node == to_text(member.id);
    });
    if (told == peers.end()) continue;
    std::vector<Endpoint> endpoints;
    for (const auto& address : told->addresses)
      if (const auto endpoint = endpoint_from_text(address)) endpoints.push_back(*endpoint);
    overlay.peer_found(now, member.id, std::nullopt, endpoints, false);
  }
}

}  // namespace

void tell_configured_peers(overlay::Overlay& overlay, const std::vector<PeerConfig>& peers,
                           Instant now) {
  if (peers.empty()) return;
  overlay.in_each(now, [&] { tell_here(overlay, peers, now); });
}

}  // namespace weft::node
