#include "overlay/peers/peer_table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace weft::overlay {

void PeerTable::cancel_dials(Instant now, Peer& peer) {
  const auto dials = std::exchange(peer.dialing, {});
  for (const auto& dial : dials) {
    by_session_.erase(dial.session);
    sessions_.close(now, dial.session, kCodeSuperseded, "another dial came up first");
  }
  if (!peer.hint_dial) return;
  const SessionId hinted = peer.hint_dial->session;
  peer.hint_dial.reset();
  by_session_.erase(hinted);
  sessions_.close(now, hinted, kCodeSuperseded, "another dial came up first");
}

void PeerTable::attempt_at(Peer& peer, std::optional<Instant> at) {
  const bool below = peer.id < self_;
  if (peer.next_attempt) due_.erase({*peer.next_attempt, below, peer.id});
  peer.next_attempt = at;
  if (at) due_.insert({*at, below, peer.id});
}

Peer& PeerTable::add(const NetworkId& network, const IdentityKey& identity) {
  const NodeId id = node_id_of(identity);
  auto [at, fresh] = peers_.try_emplace(id);
  if (fresh) {
    at->second.id = id;
    at->second.identity = identity;
    at->second.network = network;
  }
  return at->second;
}

void PeerTable::remove(Instant now, const NodeId& id) {
  const auto at = peers_.find(id);
  if (at == peers_.end()) return;
  cancel_dials(now, at->second);
  attempt_at(at->second, std::nullopt);
  book_.forget(id);
  doubled_.erase(id);
  carried_.erase(id);
  for (const auto& session : at->second.sessions) by_session_.erase(session.id);
  peers_.erase(at);
}

Peer* PeerTable::find(const NodeId& id) {
  const auto at = peers_.find(id);
  return at == peers_.end() ? nullptr : &at->second;
}

const Peer* PeerTable::find(const NodeId& id) const {
  const auto at = peers_.find(id);
  return at == peers_.end() ? nullptr : &at->second;
}

Peer* PeerTable::find_by_session(SessionId session) {
  const auto at = by_session_.find(session);
  return at == by_session_.end() ? nullptr : find(at->second);
}

void PeerTable::learn(Instant now, Peer& peer, const std::vector<Endpoint>& endpoints,
                      discovery::Source source, bool surely) {
  for (const Address& address : udp_addresses(endpoints)) {
    if (source == discovery::Source::Session && surely)
      book_.worked(now, peer.id, std::get<UdpAddress>(address).endpoint);
    else
      book_.learn(now, peer.id, address, source, surely);
  }
  peer.endpoints = book_.endpoints(peer.id);
}

bool PeerTable::learn_carriers(Peer& peer, const std::vector<Address>& carriers, bool all) {
  const auto before = peer.carriers;
  if (all) peer.carriers.clear();
  for (const Address& address : carriers) {
    const bool stream =
        std::holds_alternative<TcpAddress>(address) || std::holds_alternative<WssAddress>(address);
    if (stream && peer.carriers.size() < kMaxKnownCarriers &&
        std::ranges::find(peer.carriers, address) == peer.carriers.end())
      peer.carriers.push_back(address);
  }
  if (peer.carriers == before) return false;
  ++changes_;
  if (peer.carriers.empty())
    carried_.erase(peer.id);
  else
    carried_.insert(peer.id);
  return true;
}

bool PeerTable::learn_relays(Peer& peer, const std::vector<Address>& told) const {
  auto relays = relay_addresses(told);
  std::erase_if(relays, [&](const auto& r) { return r.relay == self_ || r.relay == peer.id; });
  relays.resize(std::min(relays.size(), kMaxKnownRelays));
  if (relays == peer.relays) return false;
  peer.relays = std::move(relays);
  return true;
}

bool PeerTable::learn(Peer& peer, const Certificate& certificate) {
  WEFT_ASSERT(certificate.identity == peer.identity);
  if (peer.certificate && peer.certificate->epoch >= certificate.epoch) return false;
  peer.certificate = certificate;
  return true;
}

void PeerTable::hint(Instant now, Peer& peer, const Endpoint& endpoint) {
  if (endpoint.port == 0 || endpoint.is_unspecified()) return;
  if (peer.is_up()) {
    const auto info = sessions_.info(*peer.preferred);
    if (!unanswered(now, *peer.preferred) || (info && info->remote == endpoint)) return;
  }
  if (peer.hint_dial && peer.hint_dial->endpoint == endpoint) return;
  peer.hint = endpoint;
  if (peer.wanted) dial_hint(now, peer);
}

void PeerTable::dial_hint(Instant now, Peer& peer) {
  if (!peer.hint) return;
  if (peer.hint_dial) {
    if (now - peer.hint_dial->since < kHintPause) return;  // once it has failed
    const SessionId old = peer.hint_dial->session;
    peer.hint_dial.reset();
    by_session_.erase(old);
    sessions_.close(now, old, kCodeSuperseded, "a newer address is known");
  }
  const Endpoint endpoint = *std::exchange(peer.hint, std::nullopt);
  if (const auto id = dial(now, peer, endpoint, PathId::Udp)) peer.hint_dial = {*id, endpoint, now};
}

std::optional<SessionId> PeerTable::dial(Instant now, Peer& peer, const Endpoint& endpoint,
                                         PathId path) {
  session::DialTarget target;
  target.network = peer.network;
  target.identity = peer.identity;
  if (peer.certificate) target.static_key = peer.certificate->static_key;
  target.endpoint = endpoint;
  target.path = path;
  const auto id = sessions_.dial(now, target);
  if (!id) return std::nullopt;
  by_session_[*id] = peer.id;
  return *id;
}

void PeerTable::want(Instant now, Peer& peer, bool at_once) {
  peer.wanted = true;
  if (peer.is_up()) return;
  if (!peer.dialing.empty()) return;
  if (at_once || !peer.next_attempt) {
    peer.next_endpoint = 0;
    peer.waited_for = at_once;
    attempt_at(peer, now);
  }
}

void PeerTable::dial_over(Instant now, Peer& peer, PathId path, const Endpoint& remote) {
  if (const auto id = dial(now, peer, remote, path)) peer.dialing.push_back({*id, remote, path});
}

void PeerTable::dial_there(Instant now, Peer& peer, PathId path, const Endpoint& endpoint) {
  cancel_dials(now, peer);
  if (const auto id = dial(now, peer, endpoint, path))
    peer.dialing.push_back({*id, endpoint, path});
  if (!peer.next_attempt) attempt_at(peer, now + kDialStagger);
}

void PeerTable::unwant_all() {
  for (auto& [id, peer] : peers_) peer.wanted = false;
}

void PeerTable::follow_move(Instant now) {
  moved_at_ = now;
  for (auto& [id, peer] : peers_)
    if (std::ranges::find(peer.sessions, true, &PeerSession::initiator) == peer.sessions.end())
      dial_beside(now, peer);
}

void PeerTable::dial_beside(Instant now, Peer& peer) {
  const auto theirs = std::ranges::find(peer.sessions, false, &PeerSession::initiator);
  if (theirs == peer.sessions.end() || !peer.dialing.empty()) return;
  const auto info = sessions_.info(theirs->id);
  if (!info) return;
  if (const auto id = dial(now, peer, info->remote, info->path))
    peer.dialing.push_back({*id, info->remote, info->path});
}

void PeerTable::on_session_up(Instant now, const session::SessionUp& up) {
  WEFT_ASSERT(!up.joining);
  Peer& peer = add(up.network, up.certificate.identity);
  learn(peer, up.certificate);
  // What a dialled peer answered from is where it can be reached; where an inbound one comes from
  // may be a NAT's mapping, worth keeping behind what we know.
  if (path::over_udp(sessions_.paths().at(up.path).kind))
    learn(now, peer, {up.remote}, discovery::Source::Session, up.initiator);
  std::erase_if(peer.dialing, [&](const auto& dial) { return dial.session == up.session; });
  if (peer.hint_dial && peer.hint_dial->session == up.session) peer.hint_dial.reset();
  peer.hint.reset();
  cancel_dials(now, peer);
  by_session_[up.session] = peer.id;
  peer.sessions.push_back({up.session, up.initiator, now, std::nullopt});
  if (!up.initiator) peer.backoff = kFirstBackoff;
  attempt_at(peer, std::nullopt);
  peer.trying_since.reset();
  choose_preferred(now, peer);
}

bool PeerTable::unanswered(Instant now, SessionId session) const {
  const auto info = sessions_.info(session);
  if (!info) return true;
  return info->heard <= moved_at_ ||
         (info->unanswered_since && now - *info->unanswered_since >= kUnanswered);
}

void PeerTable::end_older_lives(Instant now, Peer& peer, const ByteArray<8>& instance) {
  for (const auto& session : peer.sessions)
    if (session.instance && *session.instance != instance)
      sessions_.close(now, session.id, kCodeSuperseded, "the node was started anew");
}

void PeerTable::retire(Instant now) {
  for (const auto& id : std::set(doubled_)) {
    Peer& peer = peers_.at(id);
    if (peer.twice && now - peer.twice->seen >= kTwiceKept) {
      peer.twice.reset();
      note_doubled(peer);
    }
    if (peer.sessions.size() < 2 || !peer.preferred || unanswered(now, *peer.preferred)) continue;
    for (const auto& session : peer.sessions) {
      if (session.id == *peer.preferred) continue;
      const auto info = sessions_.info(session.id);
      if (!info) continue;
      if (peer.twice && now - info->heard < kTwiceKept && !unanswered(now, session.id))
        peer.twice->seen = now;
      // Where another session with this peer is answered, this one is lost; elsewhere it may heal.
      const auto other = sessions_.info(*peer.preferred);
      const bool there = other && other->path == info->path && other->remote == info->remote;
      const Duration most = there || info->used_streams == 0 ? kRetireAfter : kHealing;
      if (info->unanswered_since && now - *info->unanswered_since >= most)
        sessions_.close(now, session.id, kCodeSuperseded, "the peer knows this session no more");
    }
  }
}

bool PeerTable::on_hello(Instant now, SessionId session, const ByteArray<8>& instance) {
  Peer* peer = find_by_session(session);
  if (peer == nullptr) return false;
  const auto live = std::ranges::find(peer->sessions, session, &PeerSession::id);
  if (live != peer->sessions.end() && live->instance && *live->instance != instance)
    return false;  // no process changes its instance: what it says of another is nothing to us
  const auto info = sessions_.info(session);
  const Endpoint remote = info ? info->remote : Endpoint{};
  const auto known = std::ranges::find(peer->lives, instance, &Peer::Life::instance);
  bool back = false;
  if (known == peer->lives.end()) {
    if (peer->lives.size() == kMaxLives) peer->lives.erase(peer->lives.begin());
    peer->lives.push_back({instance, remote});
    if (!peer->twice) end_older_lives(now, *peer, instance);
  } else {
    known->at = remote;
    back = known + 1 != peer->lives.end();
    if (back) peer->twice = {remote, peer->lives.back().at, now};
  }
  if (live != peer->sessions.end()) live->instance = instance;
  peer->backoff = kFirstBackoff;
  peer->says_we_are_out = false;
  choose_preferred(now, *peer);
  return back;
}

std::optional<Peer::Dial> PeerTable::dial_of(SessionId session) const {
  const auto at = by_session_.find(session);
  const Peer* peer = at == by_session_.end() ? nullptr : find(at->second);
  if (peer == nullptr) return std::nullopt;
  if (peer->hint_dial && peer->hint_dial->session == session)
    return Peer::Dial{session, peer->hint_dial->endpoint, PathId::Udp};
  const auto dial = std::ranges::find(peer->dialing, session, &Peer::Dial::session);
  return dial == peer->dialing.end() ? std::nullopt : std::optional(*dial);
}

Peer* PeerTable::on_session_down(Instant now, SessionId session) {
  Peer* peer = find_by_session(session);
  if (peer == nullptr) return nullptr;
  by_session_.erase(session);
  if (peer->hint_dial && peer->hint_dial->session == session) {
    peer->hint_dial.reset();
    if (peer->wanted) dial_hint(now, *peer);
    return peer;
  }
  const bool was_dial =
      std::erase_if(peer->dialing, [&](const auto& d) { return d.session == session; }) > 0;
  // The end that dialled is up one message before the other has judged it: without a Hello it was
  // refused, which is a failed dial like any other.
  const bool refused = std::erase_if(peer->sessions, [&](const PeerSession& s) {
                         return s.id == session && s.initiator && !s.instance;
                       }) > 0;
  std::erase_if(peer->sessions, [&](const PeerSession& s) { return s.id == session; });
  if (peer->preferred == session) peer->preferred.reset();
  choose_preferred(now, *peer);
  if (peer->is_up() || !peer->wanted) return peer;
  if (refused) {
    if (peer->dialing.empty()) end_round(now, *peer);
    return peer;
  }
  if (was_dial && peer->next_endpoint >= peer->endpoints.size() && peer->dialing.empty()) {
    end_round(now, *peer);
  } else if (!peer->next_attempt || *peer->next_attempt > now + kDialStagger) {
    if (was_dial || peer->dialing.empty()) attempt_at(*peer, now);
  }
  return peer;
}

void PeerTable::handle_timeout(Instant now) {
  while (!due_.empty() && std::get<Instant>(*due_.begin()) <= now) {
    Peer& peer = peers_.at(std::get<NodeId>(*due_.begin()));
    attempt_at(peer, std::nullopt);
    if (peer.is_up() || !peer.wanted) continue;
    if (!dials_.take(now) && !std::exchange(peer.waited_for, false)) {
      attempt_at(peer, now + Duration(1s) / kDialRate);
      continue;
    }
    if (!peer.trying_since) {
      peer.trying_since = now;
      note_change(peer);
    }
    dial_hint(now, peer);
    dial_next(now, peer);
  }
}

std::optional<Instant> PeerTable::poll_timeout() const {
  return due_.empty() ? std::nullopt : std::optional(std::get<Instant>(*due_.begin()));
}

void PeerTable::dial_next(Instant now, Peer& peer) {
  if (peer.next_endpoint >= peer.endpoints.size()) {
    if (peer.dialing.empty()) end_round(now, peer);
    return;  // the dials under way end the round when they fail
  }
  if (peer.dialing.size() >= kMaxConcurrentDials) return;
  const Endpoint endpoint = peer.endpoints[peer.next_endpoint++];
  if (const auto id = dial(now, peer, endpoint, PathId::Udp))
    peer.dialing.push_back({*id, endpoint, PathId::Udp});
  attempt_at(peer, now + kDialStagger);
}

void PeerTable::end_round(Instant now, Peer& peer) {
  peer.next_endpoint = 0;
  attempt_at(peer, now + peer.backoff);
  peer.backoff = std::min(peer.backoff * 2, kMaxBackoff);
}

void PeerTable::choose_preferred(Instant now, Peer& peer) {
  const PeerSession* best = nullptr;
  for (const auto& session : peer.sessions)
    if (best == nullptr || keep_over(peer, session, *best)) best = &session;
  peer.preferred = best == nullptr ? std::nullopt : std::optional(best->id);
  if (std::exchange(peer.was_up, peer.is_up()) != peer.is_up()) peer.changed = now;
  note_change(peer);
  note_doubled(peer);
}

void PeerTable::note_doubled(const Peer& peer) {
  if (peer.sessions.size() > 1 || peer.twice)
    doubled_.insert(peer.id);
  else
    doubled_.erase(peer.id);
}

bool PeerTable::relayed(const PeerSession& session) const {
  const auto info = sessions_.info(session.id);
  return info && !path::is_direct(sessions_.paths().at(info->path).kind);
}

bool PeerTable::keep_over(const Peer& peer, const PeerSession& a, const PeerSession& b) const {
  if (a.instance && b.instance && *a.instance != *b.instance) {
    const auto age = [&](const PeerSession& s) {
      return std::ranges::find(peer.lives, *s.instance, &Peer::Life::instance) - peer.lives.begin();
    };
    return age(a) > age(b);
  }
  if (relayed(a) != relayed(b)) return relayed(b);
  const Duration apart = a.since > b.since ? a.since - b.since : b.since - a.since;
  if (apart > kSimultaneous || a.initiator == b.initiator)
    return a.since != b.since ? a.since > b.since : a.id > b.id;
  const NodeId& dialler_of_a = a.initiator ? self_ : peer.id;
  const NodeId& dialler_of_b = b.initiator ? self_ : peer.id;
  return dialler_of_a < dialler_of_b;
}

}  // namespace weft::overlay
