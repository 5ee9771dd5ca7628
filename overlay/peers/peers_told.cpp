// What peers tell of themselves and of each other, at the pace that others can bear: a member may
// say what it likes as often as it likes, yet what follows from it for others happens once a
// second.
#include <algorithm>
#include <utility>

#include "overlay/links/links.hpp"
#include "overlay/peers/peers.hpp"

namespace weft::overlay {

Endpoint observed_at(const session::SessionLayer& sessions, const session::SessionUp& up) {
  return path::over_udp(sessions.paths().at(up.path).kind) ? up.remote : Endpoint{};
}

Hello hello_to(const Endpoint& observed, const OverlayConfig& config, const ByteArray<8>& instance,
               std::vector<Endpoint> places, std::vector<Address> others) {
  Hello hello;
  hello.instance = instance;
  if (observed.port != 0) hello.observed = observed;  // through a relay nobody sees where it is
  hello.endpoints = std::move(places);
  hello.others = std::move(others);
  hello.software = config.software.substr(0, 64);
  return hello;
}

Result<void> Peers::handle_control(Instant now, const ControlIn& in) {
  WEFT_TRY(const auto message, decode_control(in.body));
  const auto at = links_.find(in.from.session);
  if (at != links_.end()) std::visit([&](const auto& m) { said(now, at->second, m); }, message);
  return {};
}

// ---- Hello --------------------------------------------------------------------------------------

void Peers::said(Instant now, Link& link, const Hello& m) {
  if (link.greeted && now - link.heeded < kHelloPause) {
    link.late_hello = m;
    late_.insert(link.up.session);
    if (!next_look_) next_look_ = now + kHelloPause;
    return;
  }
  heed(now, link, m);
}

void Peers::heed(Instant now, Link& link, const Hello& m) {
  link.greeted = true;
  link.heeded = now;
  if (!link.up.joining) heed_member(now, link, m);
  link.late_hello.reset();  // which may be m itself
  late_.erase(link.up.session);
}

void Peers::heed_member(Instant now, Link& link, const Hello& m) {
  const bool back = table_.on_hello(now, link.up.session, m.instance);
  Peer* peer = table_.find_by_session(link.up.session);
  if (peer == nullptr) return;
  peer->software = m.software;
  table_.learn(now, *peer, m.endpoints, discovery::Source::Hello);
  if (m.observed.port != 0) put(Observed{peer->id, m.observed});
  table_.learn_carriers(*peer, m.others, true);
  table_.learn_relays(*peer, m.others);
  keep(*peer);
  // Both dialled at once, by two ways of which it names both: that is no move.
  const bool two_ways = std::ranges::any_of(peer->sessions, [&](const PeerSession& session) {
    const auto info = beside_.sessions.info(session.id);
    return session.id != link.up.session && session.initiator &&
           now - session.since < kSimultaneous && info &&
           std::ranges::find(m.endpoints, info->remote) != m.endpoints.end();
  });
  if (!two_ways) follow(now, *peer, link.up.session, link.up.path, link.up.remote);
  tell_about(now, link.up.session, *peer);
  // A session that this peer has lost shows it by not answering (PeerTable::retire).
  for (const auto& session : peer->sessions)
    if (session.id != link.up.session) put(Say{session.id, encode(Ping{0})});
  if (peer->twice) tell_twice(now, *peer, back);
}

// A running peer that speaks from another address than the one we reach it at has moved: what we
// dialled follows it there, streams and all. So does what we dialled and get no answer from, when
// we reached it elsewhere.
void Peers::follow(Instant now, const Peer& peer, SessionId seen, PathId path,
                   const Endpoint& remote) {
  const auto fresh = std::ranges::find(peer.sessions, seen, &PeerSession::id);
  if (fresh == peer.sessions.end() || !fresh->instance) return;
  for (const auto& session : peer.sessions) {
    const auto info = beside_.sessions.info(session.id);
    if (!session.initiator || session.instance != fresh->instance || !info) continue;
    if (info->remote == remote && info->path == path) continue;
    // A relayed way is worse than a direct one that works.
    const auto& paths = beside_.sessions.paths();
    if (!path::is_direct(paths.at(path).kind) && path::is_direct(paths.at(info->path).kind) &&
        !table_.unanswered(now, session.id))
      continue;
    if (fresh->initiator && !table_.unanswered(now, session.id)) continue;
    if (const auto moved = beside_.sessions.migrate(now, session.id, path, remote); !moved)
      notice(Notice::Level::Info,
             "could not follow " + label(peer.id) + ": " + moved.error().detail);
  }
}

// Who just came up may be news to others: where it is reached, or that it can be at all.
void Peers::tell_about(Instant now, SessionId from, Peer& peer) {
  if (!peer.certificate || (peer.endpoints.empty() && peer.carriers.empty())) return;
  if (table_.all().size() >= kEagerPeers) return;
  if (peer.told && now - *peer.told < kHelloPause) {
    tell_again_.insert(peer.id);
    if (!next_look_) next_look_ = now + kHelloPause;
    return;
  }
  peer.told = now;
  auto known = peer.endpoints;
  known.resize(std::min(known.size(), kMaxEndpointsPerNode));
  PeerList one;
  one.peers.push_back({peer.certificate->encode(), std::move(known), peer.carriers});
  put(SayAll{encode(one), {3, peer.id}, from, false});
}

// ---- Ping and Pong ------------------------------------------------------------------------------

void Peers::said(Instant, Link& link, const Ping& m) {
  if (!beside_.links.busy(link.up.session, Room::Peers))
    put(Say{link.up.session, encode(Pong{m.sequence})});
}

void Peers::said(Instant now, Link& link, const Pong& m) {
  if (const auto answered = pings_.answer(now, link.up.session, m.sequence))
    done(answered->id, PingOutcome{answered->rtt, link.up.path, link.up.remote});
}

// ---- PeerList -----------------------------------------------------------------------------------

PeerList Peers::own_list(bool all) const {
  PeerList list;
  list.peers.push_back(
      {credential_.current().certificate.encode(), beside_.own_places(), beside_.own_others()});
  if (!all) return list;
  for (const auto& [id, peer] : table_.all()) {
    if (list.peers.size() == kMaxPeersPerMessage) break;
    if (!peer.certificate || (peer.endpoints.empty() && peer.carriers.empty())) continue;
    list.peers.push_back({peer.certificate->encode(), peer.endpoints, peer.carriers});
  }
  return list;
}

void Peers::said(Instant now, Link& link, const PeerList& m) {
  if (link.up.joining || !link.records.take(now, std::ssize(m.peers))) return;
  for (const auto& record : m.peers) {
    // Every new session tells of all members again: a signature is verified once, or sixty nodes
    // that start together verify sixty times sixty each. What parse() reads is not trusted before.
    const auto certificate = Certificate::parse(record.certificate);
    if (!certificate || certificate->network != beside_.network()) continue;
    Peer* peer = table_.find(certificate->node());
    if (peer == nullptr) continue;  // not a member, or ourselves
    const bool verified =
        peer->certificate && std::ranges::equal(peer->certificate->encode(), record.certificate);
    if (!verified && !Certificate::decode(record.certificate)) continue;
    const auto known = peer->endpoints.size();
    const bool fresh = table_.learn(*peer, *certificate);
    // One alone: it has just come up there (tell_about).
    if (m.peers.size() == 1 && !peer->is_up() && peer->wanted) put(Want{peer->id});
    table_.learn(now, *peer, record.endpoints, discovery::Source::Hearsay);
    const bool own = peer->id == link.up.peer;
    const bool carriers = table_.learn_carriers(*peer, record.others, own);
    if (own) table_.learn_relays(*peer, record.others);
    if (!fresh && !carriers && peer->endpoints.size() == known) continue;
    keep(*peer);
    // News about somebody we could not reach is a reason to try at once, and through relays too.
    if (!peer->is_up() && peer->wanted) put(Want{peer->id, true});
  }
}

// ---- one identity, two processes ----------------------------------------------------------------

// To both of them, over each session with either. Said once in the log.
void Peers::tell_twice(Instant now, const Peer& peer, bool back) {
  const auto& young = peer.lives.back().instance;
  for (const auto& session : peer.sessions) {
    if (!session.instance) continue;
    const bool is_young = *session.instance == young;
    put(Say{session.id, encode(RunsTwice{is_young ? peer.twice->older : peer.twice->younger})});
  }
  if (!back) return;
  const Instant last = std::exchange(twice_said_[peer.id], now);
  if (last != Instant{} && now - last < kTwiceKept) return;
  notice(Notice::Level::Warning, "the identity of " + label(peer.id) + " runs twice, at " +
                                     to_text(peer.twice->older) + " and at " +
                                     to_text(peer.twice->younger));
}

void Peers::said(Instant now, Link& link, const RunsTwice& m) {
  if (link.up.joining) return;
  if (!runs_twice_ || now - runs_twice_->at >= kTwiceKept)
    notice(Notice::Level::Warning, "this node's identity runs twice: here, and at " +
                                       to_text(m.other) + ", says " + label(link.up.peer));
  runs_twice_ = {m.other, link.up.peer, now};
}

}  // namespace weft::overlay
