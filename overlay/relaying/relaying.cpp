#include "overlay/relaying/relaying.hpp"

#include <algorithm>
#include <utility>

#include "overlay/links/links.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{48, 56}};

}  // namespace

Interests Relaying::interests() const { return {.controls = kControls, .joiners = true}; }

void Relaying::look_by(Instant at) {
  if (!look_at_ || at < *look_at_) look_at_ = at;
}

bool Relaying::is_circuit(PathId path) const {
  return beside_.sessions.paths().at(path).kind == path::PathKind::Circuit;
}

// ---- sessions -----------------------------------------------------------------------------------

void Relaying::handle_session(Instant now, const SessionNews& news) {
  std::visit([&](const auto& e) { on(now, e); }, news);
}

void Relaying::on(Instant now, const session::SessionUp& up) {
  if (is_circuit(up.path)) {
    if (!up.joining) on_circuit(now, up.session);
    return;
  }
  on_direct(up.session, up.peer, up.joining);
  if (up.joining) return;
  if (!up.initiator) home_.note_reached(now);
  seeks_.erase(up.peer);
}

void Relaying::on_direct(SessionId session, const NodeId& peer, bool joining) {
  const auto info = beside_.sessions.info(session);
  if (!info) return;
  const relay::Way way{info->path, info->remote, info->local};
  home_.server.enter(session, {beside_.network(), peer, joining}, way);
  if (joining) return;
  home_.circuits.set_way(session, way);
  relays_.try_emplace(session, Relay{peer});
}

void Relaying::on_circuit(Instant now, SessionId session) {
  off_direct(now, session);
  const auto info = beside_.sessions.info(session);
  if (!info) return;
  // Who dialled moves the session; the other end can only dial beside, and leaves that time.
  const Instant first = now + (info->initiator ? kDirectAgain / 2 : 2 * kDirectAgain);
  climbs_.try_emplace(session, Climb{first, kDirectAgain, 0, {}, {}});
  look_by(first);
  seeks_.erase(info->peer);
  if (info->initiator) seek(info->peer, now + kSpareAfter);
}

// It leads nowhere directly any more.
void Relaying::off_direct(Instant now, SessionId session) {
  const auto known = relays_.find(session);
  const bool was = known != relays_.end();
  if (was) {
    const NodeId node = known->second.node;
    relays_.erase(known);
    // The reservation may have gone with it: another session with that relay makes it anew.
    for (auto& [other, relay] : relays_)
      if (relay.node == node) relay.asked = false;
  }
  home_.server.leave(now, session);
  lost(now, home_.circuits.leave(session));
  if (!was) return;
  tell_soon(now);
  std::erase_if(asks_, [&](const auto& entry) {
    if (entry.second.relay != session) return false;
    if (const auto at = seeks_.find(entry.second.target); at != seeks_.end()) {
      at->second.next = now;
      look_by(now);
    }
    return true;
  });
  reserve();
}

void Relaying::on(Instant now, const LinkOpen& open) {
  if (relays_.contains(open.session)) say(open.session, offer(now));
}

void Relaying::on(Instant now, const session::SessionDown& down) {
  climbs_.erase(down.session);
  off_direct(now, down.session);
  if (!down.was_up) return;
  close_unused(now);
  const Peer* peer = table_.find(down.peer);
  if (peer != nullptr && peer->wanted && !peer->is_up()) seek(down.peer, now + kDirectFirst);
}

void Relaying::on(Instant now, const session::RemoteMoved& moved) {
  if (is_circuit(moved.path)) return on_circuit(now, moved.session);
  const bool climbed = climbs_.erase(moved.session) > 0;
  if (const auto info = beside_.sessions.info(moved.session))
    on_direct(moved.session, info->peer, false);
  if (!climbed) return;
  // What was a stranger's address before may be a relay's now.
  if (beside_.links.is_open(moved.session)) say(moved.session, offer(now));
  close_unused(now);
}

void Relaying::on(Instant now, const session::SilenceChanged& told) {
  const auto info = beside_.sessions.info(told.session);
  if (!told.silent || !info) return;
  if (is_circuit(info->path))
    take_over(now, info->peer);
  else
    seek(info->peer, now);
}

void Relaying::handle_roster(Instant now, const RosterNews&) {
  std::vector<PathId> gone;
  for (const auto& [path, own] : circuits_)
    if (!own.joining && beside_.roster.member(own.peer) == nullptr) gone.push_back(path);
  for (const auto path : gone) drop(path);
  if (!relays_.empty()) seek_all(now);
}

// ---- what is said -------------------------------------------------------------------------------

relay::Offer Relaying::offer(Instant now) const {
  return {home_.server.on(), home_.server.forwarder().rate().load_permille(now)};
}

void Relaying::settle(Instant now) {
  if (told_on_ != home_.server.on()) {
    told_on_ = home_.server.on();
    for (const auto& [session, relay] : relays_)
      if (beside_.links.is_open(session)) say(session, offer(now));
  }
  while (auto next = home_.server.poll_say()) say(next->to, next->message);
}

Result<void> Relaying::handle_control(Instant now, const ControlIn& in) {
  WEFT_TRY(const auto message, relay::decode(in.body));
  home_.server.handle(now, in.from.session, message);
  if (!in.from.joining) std::visit([&](const auto& m) { said(now, in.from, m); }, message);
  return {};
}

void Relaying::said(Instant now, const session::SessionUp& from, const relay::Offer& m) {
  const auto at = relays_.find(from.session);
  if (at == relays_.end()) return;
  at->second.on = m.on;
  at->second.load_permille = std::min<std::uint64_t>(m.load_permille, 1000);
  if (!m.on) at->second.asked = false;
  reserve();
  tell_soon(now);
  if (m.on) seek_all(now);
}

// At the best two that offer it.
void Relaying::reserve() {
  std::set<NodeId> held;
  for (const auto& [session, relay] : relays_)
    if (relay.asked) held.insert(relay.node);
  for (auto& [session, relay] : relays_) {
    if (!relay.on || relay.asked) continue;
    // A newer session with the same node: the reservation goes with it.
    if (!held.contains(relay.node) && held.size() >= kReserved) continue;
    relay.asked = true;
    held.insert(relay.node);
    say(session, relay::Reserve{});
    ++reservations_;
  }
}

std::vector<std::pair<SessionId, NodeId>> Relaying::reserved() const {
  std::vector<std::pair<SessionId, NodeId>> out;
  for (const auto& [session, relay] : relays_)
    if (relay.asked) out.emplace_back(session, relay.node);
  return out;
}

void Relaying::said(Instant now, const session::SessionUp& from, const relay::Reserved& m) {
  const auto at = relays_.find(from.session);
  if (at == relays_.end() || m.status == relay::Status::Ok) return;
  at->second.asked = false;
  at->second.on = false;  // until it offers again
  reserve();
  tell_soon(now);
}

std::optional<RelayAddress> Relaying::address_of(SessionId session, const NodeId& relay) const {
  const Peer* peer = table_.find(relay);
  if (peer == nullptr) return std::nullopt;
  std::vector<Endpoint> places = peer->endpoints;
  std::vector<Endpoint> near;  // private ones go last
  std::erase_if(places, [&](const Endpoint& e) {
    if (e.is_private()) near.push_back(e);
    return e.is_private();
  });
  places.insert(places.end(), near.begin(), near.end());
  const auto info = beside_.sessions.info(session);
  if (info && path::over_udp(beside_.sessions.paths().at(info->path).kind)) {
    std::erase(places, info->remote);
    places.insert(places.begin(), info->remote);
  }
  RelayAddress out{relay, {}, {}};
  for (const auto& place : places)
    if (out.places.size() < RelayAddress::kMaxPlaces) out.places.emplace_back(UdpAddress{place});
  return out.places.empty() ? std::nullopt : std::optional(out);
}

void Relaying::tell_soon(Instant now) {
  if (tell_at_) return;
  tell_at_ = std::max(now, told_ + kTellPause);
  look_by(*tell_at_);
}

void Relaying::tell(Instant now) {
  tell_at_.reset();
  told_ = now;
  Through through;
  for (const auto& [session, node] : reserved())
    if (auto address = address_of(session, node); address && through.relays.size() < kReserved)
      through.relays.emplace_back(std::move(*address));
  put(std::move(through));
}

void Relaying::said(Instant now, const session::SessionUp& from, const relay::Incoming& m) {
  const auto at = relays_.find(from.session);
  const bool member = m.from != beside_.self() && beside_.roster.member(m.from) != nullptr;
  const bool known = at != relays_.end() && at->second.asked && (m.joining ? open_ : member);
  if (!known || home_.circuits.with(m.from).size() >= kCircuitsFrom)
    return say(from.session, relay::Close{m.circuit, false});
  const auto path =
      home_.circuits.open({{}, from.session, m.circuit, m.label, from.peer, m.from, false});
  if (!path) return say(from.session, relay::Close{m.circuit, false});
  circuits_.emplace(*path, Own{m.from, false, m.joining, {}});
  say(from.session, relay::Accept{m.circuit});
  // Who asked for it dials over it; if not, we do.
  if (const auto wish = seeks_.find(m.from); wish != seeks_.end())
    wish->second.next = std::max(wish->second.next, now + kAskAnswer);
}

void Relaying::said(Instant now, const session::SessionUp& from, const relay::Connected& m) {
  const auto at = asks_.find(m.request);
  const bool ours = at != asks_.end() && at->second.relay == from.session;
  if (!ours) {
    if (m.status == relay::Status::Ok) say(from.session, relay::Close{m.circuit, false});
    return;
  }
  const NodeId target = at->second.target;
  asks_.erase(at);
  if (m.status != relay::Status::Ok) {
    put(Tried{target, RelayAddress{from.peer, {}}, path::TryResult::Refused,
              std::string(name_of(m.status))});
    if (seeks_.contains(target)) seek(target, now);
    return;
  }
  const auto path =
      home_.circuits.open({{}, from.session, m.circuit, m.label, from.peer, target, true});
  if (!path) return say(from.session, relay::Close{m.circuit, false});
  circuits_.emplace(*path, Own{target, true, false, {}});
  use(now, target, *path);
}

void Relaying::said(Instant now, const session::SessionUp& from, const relay::Close& m) {
  if (!m.by_relay) return;  // the server's
  const auto* circuit = home_.circuits.find(from.session, m.circuit);
  if (circuit == nullptr) return;
  const PathId path = circuit->path;
  home_.circuits.close(path);
  lost(now, {path});
}

// ---- time ---------------------------------------------------------------------------------------

void Relaying::handle_timeout(Instant now) {
  if (!look_at_ || now < *look_at_) return;
  look_at_.reset();
  if (tell_at_ && *tell_at_ <= now) tell(now);
  if (tell_at_) look_by(*tell_at_);
  std::erase_if(asks_, [&](const auto& entry) {
    const auto& [target, relay, until] = entry.second;
    if (until > now) return false;
    if (const auto at = relays_.find(relay); at != relays_.end())
      put(Tried{target, RelayAddress{at->second.node, {}}, path::TryResult::NoAnswer,
                "the relay did not answer"});
    return true;
  });
  for (const auto& [request, ask] : asks_) look_by(ask.until);
  std::vector<NodeId> due;
  for (const auto& [node, seek] : seeks_)
    if (seek.next <= now) due.push_back(node);
  for (const auto& node : due)
    if (const auto at = seeks_.find(node); at != seeks_.end()) look_for(now, node, at->second);
  for (const auto& [node, seek] : seeks_) look_by(seek.next);
  std::vector<SessionId> climbing;
  for (const auto& [session, climb] : climbs_)
    if (climb.next <= now) climbing.push_back(session);
  for (const auto session : climbing) climb(now, session, climbs_.at(session));
  for (const auto& [session, climb] : climbs_) look_by(climb.next);
  close_unused(now);
}

}  // namespace weft::overlay
