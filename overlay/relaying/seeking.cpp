// Circuits for who needs one: which relay is asked, what a circuit is used for, and the way back to
// a direct path.
#include <algorithm>
#include <utility>

#include "overlay/relaying/relaying.hpp"

namespace weft::overlay {

namespace {

// RFC 9000 8.2.4 gives up a path after three probe timeouts, of a second at first.
constexpr Duration kProving = 3s;
constexpr Duration kRelaySilent = 1s;

}  // namespace

void Relaying::wanted(Instant now, const NodeId& node) {
  const Peer* peer = table_.find(node);
  // Whom nobody here has met is not behind a relay of ours.
  if (peer == nullptr || peer->is_up() || !peer->certificate) return;
  if (relays_.empty() && peer->relays.empty()) return;
  const Duration second = beside_.self() < node ? Duration{} : kSecondAsks;
  seek(node, now + second + (peer->endpoints.empty() ? Duration{} : kDirectFirst));
}

void Relaying::seek(const NodeId& node, Instant at) {
  auto found = seeks_.find(node);
  if (found == seeks_.end()) {
    if (seeks_.size() >= kSeekers) return;
    found = seeks_.emplace(node, Seek{at, kSeekFirst, {}}).first;
  }
  found->second.next = std::min(found->second.next, at);
  look_by(at);
}

// There is a relay that was none before.
void Relaying::seek_all(Instant now) {
  for (const auto& [node, peer] : table_.all())
    if (peer.wanted && !peer.is_up()) wanted(now, node);
}

std::optional<SessionId> Relaying::next_relay(Instant now, const NodeId& target,
                                              const Seek& seek) const {
  std::optional<SessionId> best;
  Duration least = Duration::max();
  for (const auto& [session, relay] : relays_) {
    if (!relay.on || relay.node == target || seek.tried.contains(relay.node)) continue;
    const Peer* peer = table_.find(relay.node);
    if (peer == nullptr || peer->preferred != session) continue;  // one that may soon be closed
    const bool used = std::ranges::any_of(circuits_, [&](const auto& entry) {
      const auto* circuit = home_.circuits.find(entry.first);
      return entry.second.peer == target && circuit != nullptr && circuit->relay == relay.node;
    });
    const auto info = beside_.sessions.info(session);
    if (used || !info) continue;
    if (info->unanswered_since && now - *info->unanswered_since >= kRelaySilent) continue;
    const Duration cost =
        info->smoothed_rtt * (1000 + static_cast<std::int64_t>(relay.load_permille)) / 1000;
    if (best && cost >= least) continue;
    best = session;
    least = cost;
  }
  return best;
}

std::vector<Relaying::Choice> Relaying::choices(Instant now, const NodeId& target) const {
  std::map<NodeId, Choice> out;
  const auto used = [&](const NodeId& node) {
    std::optional<Choice::State> state;
    for (const auto& [path, own] : circuits_) {
      const auto* circuit = home_.circuits.find(path);
      if (own.peer != target || circuit == nullptr || circuit->relay != node) continue;
      if (state != Choice::State::Used)
        state = in_use(path, target) ? Choice::State::Used : Choice::State::Ready;
    }
    return state;
  };
  for (const auto& [session, relay] : relays_) {
    const auto info = beside_.sessions.info(session);
    if (relay.node == target || !info) continue;
    Choice choice{relay.node, Choice::State::Free, info->smoothed_rtt, relay.load_permille};
    if (const auto state = used(relay.node))
      choice.state = *state;
    else if (!relay.on)
      choice.state = Choice::State::NoRelay;
    else if (info->unanswered_since && now - *info->unanswered_since >= kRelaySilent)
      choice.state = Choice::State::Silent;
    const Peer* peer = table_.find(relay.node);
    if (peer == nullptr || peer->preferred != session)
      out.try_emplace(relay.node, choice);
    else
      out.insert_or_assign(relay.node, choice);
  }
  std::vector<Choice> list;
  for (const auto& [node, choice] : out) list.push_back(choice);
  return list;
}

// Nothing comes back on this session.
bool Relaying::fails(Instant now, SessionId session) const {
  const auto info = beside_.sessions.info(session);
  if (!info) return true;
  if (!is_circuit(info->path))
    return info->unanswered_since && now - *info->unanswered_since >= session::kSilentAfter;
  return beside_.sessions.paths().at(info->path).closed || table_.unanswered(now, session);
}

bool Relaying::needs(Instant now, const NodeId& node) const {
  const Peer* peer = table_.find(node);
  if (peer == nullptr) return false;
  if (!peer->is_up()) return peer->wanted && peer->certificate;
  const auto info = beside_.sessions.info(*peer->preferred);
  if (!info || fails(now, *peer->preferred) || !left_behind(now, *peer).empty()) return true;
  return wants_spare(*peer);
}

bool Relaying::wants_spare(const Peer& peer) const {
  const auto info = beside_.sessions.info(*peer.preferred);
  return info && is_circuit(info->path) && info->initiator && spares_of(peer.id).empty();
}

// Sessions that we dialled and that fail while another one with this peer serves: their streams
// live on, if they are moved to where that one goes.
std::vector<SessionId> Relaying::left_behind(Instant now, const Peer& peer) const {
  std::vector<SessionId> out;
  if (!peer.preferred || fails(now, *peer.preferred)) return out;
  for (const auto& session : peer.sessions)
    if (session.initiator && session.id != *peer.preferred && fails(now, session.id))
      out.push_back(session.id);
  return out;
}

void Relaying::bring_after(Instant now, const Peer& peer) {
  const auto way = peer.preferred ? beside_.sessions.info(*peer.preferred) : std::nullopt;
  if (!way) return;
  for (const auto session : left_behind(now, peer))
    std::ignore = beside_.sessions.migrate(now, session, way->path, way->remote);
}

bool Relaying::in_use(PathId path, const NodeId& node) const {
  const Peer* peer = table_.find(node);
  if (peer == nullptr) return false;
  const auto over = [&](const PeerSession& session) {
    const auto info = beside_.sessions.info(session.id);
    return info && info->path == path;
  };
  const auto dialled = [&](const auto& dial) { return dial.path == path; };
  return std::ranges::any_of(peer->sessions, over) || std::ranges::any_of(peer->dialing, dialled);
}

// Circuits that nothing uses yet, through other relays than those in use: both ends may have asked
// the same one.
std::vector<PathId> Relaying::spares_of(const NodeId& node) const {
  std::set<NodeId> busy;
  std::vector<std::pair<PathId, NodeId>> idle;
  for (const auto& [path, own] : circuits_) {
    const auto* circuit = own.peer == node ? home_.circuits.find(path) : nullptr;
    if (circuit == nullptr) continue;
    if (in_use(path, node))
      busy.insert(circuit->relay);
    else
      idle.emplace_back(path, circuit->relay);
  }
  std::vector<PathId> out;
  for (const auto& [path, relay] : idle)
    if (!busy.contains(relay)) out.push_back(path);
  return out;
}

void Relaying::look_for(Instant now, const NodeId& node, Seek& seek) {
  if (!needs(now, node)) {
    seeks_.erase(node);
    return;
  }
  const Peer& peer = *table_.find(node);
  bring_after(now, peer);
  const bool fallen = !peer.is_up() || fails(now, *peer.preferred);
  if (const auto spares = spares_of(node); fallen && !spares.empty()) {
    seek.next = now + kSeekFirst;
    return use(now, node, spares.front());
  }
  const auto relay =
      fallen || wants_spare(peer) ? next_relay(now, node, seek) : std::optional<SessionId>{};
  if (!relay) {
    meet_named(peer);
    seek.tried.clear();
    seek.next = now + seek.pause;
    seek.pause = std::min(seek.pause * 2, kSeekMost);
    return;
  }
  seek.tried.insert(relays_.at(*relay).node);
  seek.next = now + kAskAnswer;
  asks_[++last_request_] = {node, *relay, now + relay::kAnswerTime + kAskAnswer};
  look_by(asks_[last_request_].until);
  say(*relay, relay::Connect{last_request_, node, {}});
}

// Relays that it names and this node has no session with: once one is up, it is asked (seek_all).
void Relaying::meet_named(const Peer& peer) {
  for (const auto& named : peer.relays) {
    const Peer* relay = table_.find(named.relay);
    if (relay == nullptr || relay->is_up()) continue;
    Learned where{named.relay, std::nullopt, {}, false, discovery::Source::Hearsay};
    for (const auto& place : named.places)
      if (const auto* udp = std::get_if<UdpAddress>(&place))
        where.endpoints.push_back(udp->endpoint);
    if (!where.endpoints.empty()) put(std::move(where));
    if (!relay->wanted) put(Want{named.relay});
  }
}

// A circuit to this member is there: dialled over, moved to, kept, or not needed any more.
void Relaying::use(Instant now, const NodeId& node, PathId path) {
  const Peer* peer = table_.find(node);
  if (peer == nullptr) return drop(path);
  const Endpoint remote = relay::stand_in(path);
  if (!peer->is_up()) {
    put(DialOver{node, path, remote});
    seek(node, now + kSeekFirst);
    return;
  }
  bool moved = false;
  for (const auto& session : peer->sessions)
    if (session.initiator && fails(now, session.id))
      moved = beside_.sessions.migrate(now, session.id, path, remote).has_value() || moved;
  const auto info = beside_.sessions.info(*peer->preferred);
  const bool served = info && !fails(now, *peer->preferred);
  if (served && !moved && !is_circuit(info->path)) return drop(path);
  if (served && !moved) {
    seeks_.erase(node);
    return;
  }
  // Only who dialled can move a session: the other end dials anew, and it is followed.
  if (!moved) put(DialOver{node, path, remote});
  seek(node, now + kSeekFirst);
}

void Relaying::take_over(Instant now, const NodeId& node) {
  seeks_.erase(node);
  seek(node, now);
  const auto at = seeks_.find(node);
  if (at != seeks_.end()) look_for(now, node, at->second);
}

void Relaying::suspect(Instant now, PathId path) {
  const auto at = circuits_.find(path);
  if (at == circuits_.end()) return;
  const Peer* peer = table_.find(at->second.peer);
  if (peer == nullptr || !in_use(path, peer->id)) return;
  const bool failing = std::ranges::any_of(peer->sessions, [&](const PeerSession& session) {
    const auto info = beside_.sessions.info(session.id);
    return info && info->path == path && fails(now, session.id);
  });
  if (failing) take_over(now, NodeId(peer->id));
}

// ---- the end of circuits ------------------------------------------------------------------------

void Relaying::drop(PathId path) {
  if (const auto* circuit = home_.circuits.find(path)) {
    say(circuit->session, relay::Close{circuit->id, false});
    home_.circuits.close(path);
  }
  circuits_.erase(path);
}

// They are closed already; sessions may have gone over them.
void Relaying::lost(Instant now, const std::vector<PathId>& paths) {
  for (const auto path : paths) {
    const auto at = circuits_.find(path);
    if (at == circuits_.end()) continue;
    const NodeId node = at->second.peer;
    circuits_.erase(at);
    if (needs(now, node) && seeks_.size() < kSeekers) take_over(now, node);
  }
}

void Relaying::close_unused(Instant now) {
  std::vector<PathId> over;
  for (auto& [path, own] : circuits_) {
    const Peer* peer = table_.find(own.peer);
    const auto info =
        peer != nullptr && peer->is_up() ? beside_.sessions.info(*peer->preferred) : std::nullopt;
    const bool spare = info && is_circuit(info->path);  // kept ready
    if (!own.asked || spare || in_use(path, own.peer)) {
      own.unused.reset();
      continue;
    }
    if (!own.unused) own.unused = now;
    if (now - *own.unused >= kUnusedFor)
      over.push_back(path);
    else
      look_by(*own.unused + kUnusedFor);
  }
  for (const auto path : over) drop(path);
}

// ---- the way to a direct path -------------------------------------------------------------------

void Relaying::climb(Instant now, SessionId session, Climb& climb) {
  const auto info = beside_.sessions.info(session);
  const Peer* peer = info ? table_.find(info->peer) : nullptr;
  if (peer == nullptr || !is_circuit(info->path)) {
    climbs_.erase(session);
    return;
  }
  if (fails(now, session)) {  // another circuit first
    climb.next = now + kProving;
    return;
  }
  if (const auto last = std::exchange(climb.trying, std::nullopt))
    put(Tried{peer->id, UdpAddress{*last}, path::TryResult::NoAnswer,
              "tried while a relay carries the session"});
  if (climb.known != peer->endpoints) {
    climb.known = peer->endpoints;
    climb.endpoint = 0;
    climb.pause = kDirectAgain;
  }
  climb.next = now + std::max(climb.pause, kProving);
  if (climb.endpoint >= climb.known.size()) {
    climb.endpoint = 0;
    climb.pause = std::min(climb.pause * 2, kDirectMost);
    climb.next = now + climb.pause;
    if (climb.known.empty()) return;
  }
  const Endpoint to = climb.known[climb.endpoint++];
  if (info->initiator) {
    climb.trying = to;
    std::ignore = beside_.sessions.migrate(now, session, PathId::Udp, to);
  } else if (peer->dialing.empty()) {
    put(DialOver{peer->id, PathId::Udp, to});
  }
}

}  // namespace weft::overlay
