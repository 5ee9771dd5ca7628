// What peers say of themselves, at the pace that others can bear: a member may say what it likes as
// often as it likes, yet what follows from it for others happens once a second.
#include <algorithm>
#include <utility>

#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

void Overlay::Impl::heed(Instant now, Link& link, const Hello& m) {
  link.greeted = true;
  link.heeded = now;
  link.late_hello.reset();
  if (link.up.joining || !network) return;
  const bool back = network->peers.on_hello(now, link.up.session, m.instance);
  if (Peer* peer = network->peers.find_by_session(link.up.session)) {
    network->peers.learn(*peer, m.endpoints, false);
    store_peer(*peer);
    // Both dialled at once, by two ways of which it names both: that is no move.
    const bool two_ways = std::ranges::any_of(peer->sessions, [&](const PeerSession& session) {
      const auto info = sessions.info(session.id);
      return session.id != link.up.session && session.initiator &&
             now - session.since < kSimultaneous && info &&
             std::ranges::find(m.endpoints, info->remote) != m.endpoints.end();
    });
    if (!two_ways) follow_peer(now, *peer, link.up.session, link.up.path, link.up.remote);
    tell_about(now, link.up.session, *peer);
    ask_others(now, *peer, link.up.session);
    if (peer->twice) tell_twice(now, *peer, back);
  }
}

// A session that this peer has lost shows it by not answering (PeerTable::retire).
void Overlay::Impl::ask_others(Instant now, const Peer& peer, SessionId seen) {
  for (const auto& session : peer.sessions) {
    const auto link = links.find(session.id);
    if (session.id != seen && link != links.end()) send(now, link->second, Ping{0});
  }
}

// A running peer that speaks from another address than the one we reach it at has moved: what we
// dialled follows it there, streams and all. So does what we dialled and get no answer from, when
// we reached it elsewhere.
void Overlay::Impl::follow_peer(Instant now, const Peer& peer, SessionId seen, PathId path,
                                const Endpoint& remote) {
  const auto fresh = std::ranges::find(peer.sessions, seen, &PeerSession::id);
  if (fresh == peer.sessions.end() || !fresh->instance) return;
  for (const auto& session : peer.sessions) {
    const auto info = sessions.info(session.id);
    if (!session.initiator || session.instance != fresh->instance || !info) continue;
    if (info->remote == remote && info->path == path) continue;
    if (fresh->initiator && !network->peers.unanswered(now, session.id)) continue;
    if (const auto moved = sessions.migrate(now, session.id, path, remote); !moved)
      notice(Notice::Level::Info,
             "could not follow " + label(peer.id) + ": " + moved.error().detail);
  }
}

// Who just came up may be news to others: where it is reached, or that it can be at all.
void Overlay::Impl::tell_about(Instant now, SessionId from, Peer& peer) {
  if (!peer.certificate || peer.endpoints.empty()) return;
  if (network->roster.members().size() > kEagerPeers) return;
  peer.tell_again = peer.told && now - *peer.told < kHelloPause;
  if (peer.tell_again) return;
  peer.told = now;
  auto known = peer.endpoints;
  known.resize(std::min(known.size(), kMaxEndpointsPerNode));
  PeerList one;
  one.peers.push_back({peer.certificate->encode(), std::move(known)});
  broadcast(now, one, from, peer.id);
}

void Overlay::Impl::catch_up(Instant now) {
  for (auto& [id, link] : links)
    if (const auto late = link.late_hello; late && now - link.heeded >= kHelloPause)
      heed(now, link, *late);
  if (!network) return;
  std::vector<NodeId> again;
  for (const auto& [id, peer] : network->peers.all())
    if (peer.tell_again) again.push_back(id);
  for (const auto& id : again)
    if (Peer* peer = network->peers.find(id)) tell_about(now, peer->preferred.value_or(0), *peer);
}

}  // namespace weft::overlay
