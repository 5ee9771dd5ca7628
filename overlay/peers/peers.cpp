#include "overlay/peers/peers.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "overlay/links/links.hpp"
#include "overlay/streams/codes.hpp"

namespace weft::overlay {

namespace {

constexpr TypeRange kControls[] = {{1, 3}, {7, 7}, {13, 13}};
constexpr Table kTables[] = {Table::Peer};

}  // namespace

Interests Peers::interests() const {
  return {.controls = kControls, .tables = kTables, .joiners = true};
}

// ---- rows ---------------------------------------------------------------------------------------

Result<void> Peers::load(const Row& row) {
  auto message = decode_control(*row.value);
  if (!message) return {};  // it is learned again
  auto* list = std::get_if<PeerList>(&*message);
  if (list == nullptr) return {};
  std::ranges::move(list->peers, std::back_inserter(loaded_));
  return {};
}

void Peers::begin(Instant now) {
  adopt_members(now);
  for (const auto& record : std::exchange(loaded_, {})) {
    const auto certificate = Certificate::decode(record.certificate);
    if (!certificate || certificate->network != beside_.network()) continue;
    Peer* peer = table_.find(certificate->node());
    if (peer == nullptr) continue;
    table_.learn(*peer, *certificate);
    table_.learn(now, *peer, record.endpoints, discovery::Source::Stored);
    table_.learn_carriers(*peer, record.others, true);
  }
}

void Peers::keep(const Peer& peer) {
  if (!peer.certificate) return;
  PeerList one;
  one.peers.push_back({peer.certificate->encode(), peer.endpoints, peer.carriers});
  const Bytes frame = encode(one);
  store({{Table::Peer, beside_.network(), to_bytes(peer.id.view()),
          to_bytes(ByteView(frame).subspan(2))}});
}

// ---- sessions -----------------------------------------------------------------------------------

void Peers::handle_session(Instant now, const SessionNews& news) {
  std::visit([&](const auto& e) { on(now, e); }, news);
}

void Peers::note(const NodeId& node, PathId path, const Endpoint& remote, path::TryResult result,
                 std::string detail) {
  const auto& known = beside_.sessions.paths().at(path);
  Tried tried{node, UdpAddress{remote}, result, std::move(detail)};
  if (known.kind == path::PathKind::Circuit)
    tried.where = RelayAddress{known.via, {}};
  else if (path::over_stream(known.kind))
    tried.where = TcpAddress{remote};
  put(std::move(tried));
}

void Peers::note_end(const session::SessionDown& down) {
  using session::CloseReason, path::TryResult;
  const auto link = links_.find(down.session);
  const bool unheard = link != links_.end() && link->second.up.initiator && !link->second.greeted;
  const auto dial = table_.dial_of(down.session);
  if (!dial && !unheard) return;
  if (down.reason == CloseReason::Local || down.reason == CloseReason::Superseded) return;
  const bool mute =
      down.reason == CloseReason::HandshakeTimeout || down.reason == CloseReason::Idle;
  const bool said = down.reason == CloseReason::Peer || down.reason == CloseReason::RemovedByPeer;
  const auto result = mute ? TryResult::NoAnswer : said ? TryResult::Refused : TryResult::Failed;
  std::string detail = down.reason == CloseReason::RemovedByPeer
                           ? "it says that this node was removed from the network"
                           : down.detail;
  if (dial)
    note(down.peer, dial->path, dial->to, result, std::move(detail));
  else
    note(down.peer, link->second.up.path, link->second.up.remote, result, std::move(detail));
}

void Peers::on(Instant now, const session::SessionUp& up) {
  links_.insert_or_assign(up.session, Link{up, false, false, now, std::nullopt});
  if (up.joining) return;
  note(up.peer, up.path, up.remote, path::TryResult::Worked,
       up.initiator ? "called there" : "it called from there");
  table_.on_session_up(now, up);
  if (const Peer* peer = table_.find(up.peer)) keep(*peer);
  clocks_.session_up(up);
  if (!next_look_) next_look_ = now + kRetireLook;
  put(OverlayEvent(PeerUp{up.peer, label(up.peer), up.remote, up.path}));
}

void Peers::on(Instant now, const LinkOpen& open) {
  const auto at = links_.find(open.session);
  if (at == links_.end()) return;
  Link& link = at->second;
  link.open = true;
  put(Say{open.session,
          encode(hello_to(observed_at(beside_.sessions, link.up), beside_.config, beside_.instance,
                          beside_.own_places(), beside_.own_others())),
          {1, {}}});
  if (link.up.joining) return;
  put(Say{open.session, encode(own_list(true)), {2, {}}});
  start_pings(now, link.up.peer);
}

void Peers::on(Instant now, const session::SessionDown& down) {
  note_end(down);
  const auto at = links_.find(down.session);
  const bool joiner = at != links_.end() && at->second.up.joining;
  if (at != links_.end()) links_.erase(at);
  late_.erase(down.session);
  end_pings(pings_.session_down(down.session), "the session ended while waiting for the answer");
  if (joiner) return;
  Peer* peer = table_.on_session_down(now, down.session);
  if (peer == nullptr) return;
  if (down.was_up && !peer->is_up())
    put(OverlayEvent(PeerDown{peer->id, label(peer->id), down.reason, down.detail}));
  if (peer->is_up())
    if (const auto other = beside_.sessions.info(*peer->preferred))
      put(OverlayEvent(PeerMoved{peer->id, label(peer->id), other->path, other->remote}));
  if (down.reason == session::CloseReason::RemovedByPeer &&
      !std::exchange(peer->says_we_are_out, true))
    notice(Notice::Level::Warning, label(peer->id) + " says this node was removed");
}

void Peers::on(Instant now, const session::RemoteMoved& moved) {
  Peer* peer = table_.find_by_session(moved.session);
  if (peer == nullptr) return;
  if (path::over_udp(beside_.sessions.paths().at(moved.path).kind))
    table_.learn(now, *peer, {moved.remote}, discovery::Source::Session, true);
  note(peer->id, moved.path, moved.remote, path::TryResult::Worked, "moved there");
  keep(*peer);
  follow(now, *peer, moved.session, moved.path, moved.remote);
  if (peer->preferred == moved.session)
    put(OverlayEvent(PeerMoved{peer->id, label(peer->id), moved.path, moved.remote}));
}

void Peers::on(Instant, const session::SilenceChanged& told) {
  const Peer* peer = table_.find_by_session(told.session);
  if (peer != nullptr && peer->preferred == told.session)
    put(OverlayEvent(PeerSilent{peer->id, label(peer->id), told.silent}));
}

void Peers::on(Instant, const session::ClockDiffers& told) {
  if (beside_.roster.member(told.peer) == nullptr || !clocks_.differs(told)) return;
  notice(Notice::Level::Warning, label(told.peer) + "'s clock is " + off_by(told.ahead) +
                                     " of this machine's, and one of the two is wrong");
}

// ---- the roster ---------------------------------------------------------------------------------

void Peers::handle_roster(Instant now, const RosterNews&) {
  adopt_members(now);
  if (beside_.roster.verdict(beside_.network(), beside_.self(), wall(now)) == Verdict::Removed)
    table_.unwant_all();
}

void Peers::adopt_members(Instant now) {
  const auto& roster = beside_.roster;
  const auto members = roster.members();
  for (const auto& member : members)
    if (member.id != beside_.self()) table_.add(beside_.network(), member.identity);
  std::vector<NodeId> gone;
  for (const auto& [id, peer] : table_.all())
    if (roster.member(id) == nullptr) gone.push_back(id);
  for (const auto& id : gone) {
    for (const auto& ended : pings_.drop(id))
      done(ended.id, fail(Errc::NotFound, label(id) + " is no longer in the network"));
    clocks_.forget(id);
    table_.remove(now, id);
    store({{Table::Peer, beside_.network(), to_bytes(id.view()), std::nullopt}});
  }
  if (members.size() > kEagerPeers) return;
  for (const auto& member : members)
    if (Peer* peer = table_.find(member.id); peer != nullptr && !peer->wanted)
      table_.want(now, *peer, false);
}

// ---- where they are -----------------------------------------------------------------------------

void Peers::want(Instant now, const Want& want) {
  if (Peer* peer = table_.find(want.node)) table_.want(now, *peer, want.at_once);
}

void Peers::dial_over(Instant now, const DialOver& dial) {
  if (Peer* peer = table_.find(dial.node)) table_.dial_over(now, *peer, dial.path, dial.remote);
}

void Peers::found(Instant now, const Learned& learned) {
  Peer* peer = table_.find(learned.node);
  if (peer == nullptr) return;  // no member, or ourselves
  const auto& certificate = learned.certificate;
  bool met = false;
  if (certificate && certificate->identity == peer->identity &&
      certificate->network == beside_.network())
    met = table_.learn(*peer, *certificate);
  const bool carriers = table_.learn_carriers(*peer, learned.others, false);
  if (learned.source == discovery::Source::Record)
    met = table_.learn_relays(*peer, learned.others) || met;
  // Who was not known well enough to be sought through relays is now.
  if (met && !peer->is_up() && peer->wanted) put(Want{peer->id});
  const auto before = peer->endpoints;
  const bool news = std::ranges::any_of(learned.endpoints, [&](const Endpoint& endpoint) {
    return std::ranges::find(before, endpoint) == before.end();
  });
  for (const auto& endpoint : std::views::reverse(learned.endpoints))
    table_.learn(now, *peer, {endpoint}, learned.source, learned.surely);
  if (!news && !carriers && !learned.surely) return;
  keep(*peer);
  if (peer->is_up() || !peer->wanted) return;
  if (news) table_.cancel_dials(now, *peer);  // they go to where it was before, and hold up others
  table_.want(now, *peer, true);
  if (!news) return;
  const auto first = std::ranges::find(peer->endpoints, learned.endpoints.front());
  if (first != peer->endpoints.end())
    peer->next_endpoint = static_cast<std::size_t>(first - peer->endpoints.begin());
}

void Peers::heard(Instant now, const NodeId& node, const Certificate& certificate,
                  const Endpoint& endpoint) {
  Peer* peer = table_.find(node);
  if (peer == nullptr) return;  // no member, or ourselves
  if (certificate.identity == peer->identity && certificate.network == beside_.network() &&
      table_.learn(*peer, certificate))
    keep(*peer);
  table_.hint(now, *peer, endpoint);
}

void Peers::punched(Instant now, const Punched& way) {
  Peer* peer = table_.find(way.node);
  if (peer == nullptr) return;
  table_.learn(now, *peer, {way.endpoint}, discovery::Source::Session, true);
  keep(*peer);
  if (!peer->is_up()) return table_.dial_there(now, *peer, way.path, way.endpoint);
  // Only who dialled can move a session; the other end has proven the same way and moves its own.
  for (const auto& session : peer->sessions)
    if (session.initiator && session.id == peer->preferred)
      if (const auto moved = beside_.sessions.migrate(now, session.id, way.path, way.endpoint);
          !moved)
        table_.dial_over(now, *peer, way.path, way.endpoint);  // it is moving elsewhere just now
}

void Peers::tell_relays() {
  put(SayAll{encode(own_list(false)), {3, beside_.self()}, std::nullopt, false});
}

void Peers::tell_own_place(bool moved, Instant now) {
  put(SayAll{encode(own_list(true)), {2, {}}, std::nullopt, false});
  if (moved) table_.follow_move(now);
}

// ---- pings --------------------------------------------------------------------------------------

void Peers::ping(Instant now, CommandId id, const NodeId& node, Duration within) {
  if (node == beside_.self()) return done(id, PingOutcome{});
  Peer* peer = table_.find(node);
  if (peer == nullptr)
    return done(id, fail(Errc::NotFound, label(node) + " is no longer in the network"));
  if (!pings_.add(id, node, now + within))  // a caller may let its ping take an hour
    return done(id, fail(Errc::Limit, "too many requests are waiting"));
  if (peer->is_up())
    start_pings(now, node);
  else
    put(Want{node, true});
}

void Peers::start_pings(Instant now, const NodeId& node) {
  const Peer* peer = table_.find(node);
  if (peer == nullptr || !peer->is_up()) return;
  const auto link = links_.find(*peer->preferred);
  if (link == links_.end() || !link->second.open) return;
  for (const auto& due : pings_.start(now, node, *peer->preferred))
    put(Say{due.session, encode(Ping{due.sequence})});
}

void Peers::end_pings(const std::vector<Pings::Ended>& ended, const char* why) {
  for (const auto& ping : ended) done(ping.id, fail(Errc::NoPath, why));
}

// ---- time ---------------------------------------------------------------------------------------

void Peers::handle_timeout(Instant now) {
  table_.handle_timeout(now);
  for (const auto& ping : pings_.expire(now)) {
    if (ping.sent)
      done(ping.id, fail(Errc::Timeout, "no answer to the ping"));
    else
      done(ping.id, fail(Errc::NoPath, label(ping.peer) + " does not answer"));
  }
  if (!next_look_ || now < *next_look_) return;
  for (const auto session : std::set(late_))
    if (const auto at = links_.find(session); at != links_.end())
      if (const auto late = at->second.late_hello; late && now - at->second.heeded >= kHelloPause)
        heed(now, at->second, *late);
  for (const auto& node : std::exchange(tell_again_, {}))
    if (Peer* peer = table_.find(node)) tell_about(now, peer->preferred.value_or(0), *peer);
  close_doubles(now);
  table_.retire(now);
  const bool more = !late_.empty() || !tell_again_.empty() || !table_.doubled().empty();
  next_look_ = more ? std::optional(now + kRetireLook) : std::nullopt;
}

std::optional<Instant> Peers::poll_timeout() const {
  std::optional<Instant> earliest = table_.poll_timeout();
  for (const auto at : {pings_.poll_timeout(), next_look_})
    if (at && (!earliest || *at < *earliest)) earliest = at;
  return earliest;
}

// Of two sessions with one peer the one that is not used ends once nothing runs on it. One end
// decides, so that the two never close each other's favourite.
void Peers::close_doubles(Instant now) {
  for (const auto& id : table_.doubled()) {
    const Peer* peer = table_.find(id);
    if (peer == nullptr || peer->sessions.size() < 2 || peer->id < beside_.self()) continue;
    for (const auto& session : peer->sessions) {
      if (session.id == peer->preferred || now - session.since < kSimultaneous) continue;
      const auto info = beside_.sessions.info(session.id);
      if (info && info->used_streams == 0)
        beside_.sessions.close(now, session.id, kCodeSuperseded,
                               "another session serves this peer");
    }
  }
}

// ---- views --------------------------------------------------------------------------------------

std::vector<PeerView> Peers::view() const {
  std::vector<PeerView> out;
  for (const auto& [node, peer] : table_.all()) {
    PeerView view{node, label(node), "down", std::nullopt, peer.software};
    if (peer.is_up()) {
      view.state = "up";
      view.session = beside_.sessions.info(*peer.preferred);
    } else if (peer.backoff == kFirstBackoff && (!peer.dialing.empty() || peer.next_attempt)) {
      view.state = "dialing";
    }
    out.push_back(std::move(view));
  }
  std::ranges::sort(out, {}, &PeerView::name);
  return out;
}

std::vector<std::string> Peers::attention(Instant now) const {
  constexpr const char* kWhy =
      " Was a home or a machine copied? Stop one, and let it join with a home of its own";
  std::vector<std::string> out;
  for (const auto& node : table_.doubled()) {
    const Peer* peer = table_.find(node);
    if (peer == nullptr || !peer->twice || now - peer->twice->seen >= kTwiceKept) continue;
    out.push_back("the identity of " + label(node) + " runs twice, at " +
                  to_text(peer->twice->older) + " and at " + to_text(peer->twice->younger) +
                  "; the younger is used." + kWhy);
  }
  if (runs_twice_ && now - runs_twice_->at < kTwiceKept)
    out.push_back("this node's identity runs twice: here, and at " + to_text(runs_twice_->other) +
                  ", says " + label(runs_twice_->by) + "." + kWhy);
  return out;
}

std::vector<std::pair<std::string, std::string>> Peers::clocks_off() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [node, off] : clocks_.all())
    if (beside_.roster.member(node) != nullptr) out.emplace_back(label(node), off_by(off.ahead));
  std::ranges::sort(out);
  return out;
}

std::vector<KnownPeer> Peers::known() const {
  std::vector<KnownPeer> out;
  for (const auto& [id, peer] : table_.all())
    out.push_back({id, peer.identity, peer.certificate, peer.endpoints, peer.is_up(), peer.wanted});
  return out;
}

}  // namespace weft::overlay
