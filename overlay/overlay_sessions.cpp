#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"
#include "overlay/session/handshake.hpp"

namespace weft::overlay {

void Overlay::Impl::settle(Instant now) {
  unsettled.reset();
  while (auto event = sessions.poll_event()) std::visit([&](const auto& e) { on(now, e); }, *event);
}

// ---- session events
// ------------------------------------------------------------------------------

void Overlay::Impl::on(Instant now, const session::SessionUp& e) {
  Link& link = links.try_emplace(e.session, e, now).first->second;
  if (e.initiator) {
    auto stream = sessions.open_stream(now, e.session);
    if (!stream) return sessions.close(now, e.session, kCodeProtocol, "no control stream");
    link.control = *stream;
    link.outbox.push({}, service::StreamRequest{service::StreamKind::Control, {}}.encode());
  }
  if (e.joining) return join_session_up(now, e);
  if (!network || network->id != e.network) return;
  network->peers.on_session_up(now, e);
  if (auto row = network->roster.note_epoch(e.peer, e.certificate.epoch))
    persist_quietly({std::move(*row)});
  if (const Peer* peer = network->peers.find(e.peer)) store_peer(*peer);
  network->offers.came(e.peer);
  clock_seems_right(e);
  events.push_back(PeerUp{e.peer, label(e.peer), e.remote, e.path});
  if (link.control) greet(now, link);
  peer_ready(now, e.peer);
}

void Overlay::Impl::on(Instant now, const session::SessionDown& e) {
  drop_streams(now, e.session);
  const auto at = links.find(e.session);
  const bool joiner = at != links.end() && at->second.up.joining;
  if (at != links.end()) links.erase(at);
  std::erase_if(pings, [&](const PingUnderWay& ping) {
    if (ping.session != e.session) return false;
    done(ping.id, fail(Errc::NoPath, "the session ended while waiting for the answer"));
    return true;
  });
  if (pulls.erase(e.session) > 0) return;
  if (joining && joining->dials.erase(e.session) > 0) {
    if (joining->storing) return;  // it has told us all
    if (e.reason == session::CloseReason::RemovedByPeer)
      return abort_join(now, {Errc::Denied, kRemovedStaysOut}, Refusal::Removed);
    if (join_failed_by_clock(now, e)) return;
    // RFC 9001 section 4.8: an alert is 0x100 and its number.
    if (e.reason == session::CloseReason::HandshakeFailed &&
        e.code == 0x100u + session::alert_of(session::HandshakeFault::CertUnknown))
      return abort_join(now, {Errc::Denied,
                              "the inviting node lets nobody in now: this ticket was used, was "
                              "taken back, or has expired"});
    if (joining->session == e.session)
      abort_join(now, {Errc::NoPath, "the inviting node ended the session: " + e.detail});
    else if (joining->dials.empty())
      abort_join(now, {Errc::NoPath, "the inviting node was not reached: " + e.detail});
    return;
  }
  if (joiner || !network) return;
  Peer* peer = network->peers.on_session_down(now, e.session);
  if (peer == nullptr) return;
  if (e.was_up && !peer->is_up())
    events.push_back(PeerDown{peer->id, label(peer->id), e.reason, e.detail});
  if (e.was_up && !peer->is_up()) network->offers.went(peer->id, unix_now(now));
  if (peer->is_up())
    if (const auto other = sessions.info(*peer->preferred))
      events.push_back(PeerMoved{peer->id, label(peer->id), other->path, other->remote});
  if (leaving && leaving->signed_here && e.reason == session::CloseReason::RemovedByPeer)
    left(true);
  if (e.reason == session::CloseReason::RemovedByPeer &&
      !std::exchange(peer->says_we_are_out, true))
    notice(Notice::Level::Warning, label(peer->id) + " says this node was removed");
}

void Overlay::Impl::on(Instant now, const session::StreamOpened& e) {
  const auto link = links.find(e.session);
  if (link == links.end()) return sessions.reset(now, e.session, e.stream, kCodeProtocol);
  // A joiner needs one stream; nobody needs many that ask for nothing.
  const std::size_t limit = link->second.up.joining ? 1 : kMaxUnasked;
  if (link->second.unasked >= limit || (link->second.up.joining && link->second.control))
    return sessions.close(now, e.session, kCodeProtocol, "streams that ask for nothing");
  ++link->second.unasked;
  ServiceStream stream;
  stream.inbound = true;
  stream.peer = link->second.up.peer;
  streams.emplace(StreamKey{e.session, e.stream}, std::move(stream));
}

void Overlay::Impl::on(Instant now, const session::StreamReadable& e) {
  const auto link = links.find(e.session);
  if (link != links.end() && link->second.control == e.stream)
    return read_control(now, link->second);
  const StreamKey key{e.session, e.stream};
  if (const auto at = streams.find(key); at != streams.end()) stream_readable(now, key, at->second);
}

void Overlay::Impl::on(Instant now, const session::StreamWritable& e) {
  const auto link = links.find(e.session);
  if (link != links.end() && link->second.control == e.stream) return flush(now, link->second);
  if (streams.contains({e.session, e.stream}))
    events.push_back(DataWritable{{e.session, e.stream}});
}

void Overlay::Impl::on(Instant now, const session::StreamReset& e) {
  const auto link = links.find(e.session);
  if (link != links.end() && link->second.control == e.stream)
    return sessions.close(now, e.session, kCodeProtocol, "the control stream was reset");
  const StreamKey key{e.session, e.stream};
  const auto at = streams.find(key);
  if (at == streams.end()) return;
  if (at->second.phase == ServiceStream::Phase::AwaitRequest)
    return sessions.reset(now, e.session, e.stream, e.code);
  ended_by_peer(now, key, at->second, e.code);
}

void Overlay::Impl::on(Instant now, const session::StreamStopped& e) {
  const StreamKey key{e.session, e.stream};
  if (const auto at = streams.find(key); at != streams.end())
    ended_by_peer(now, key, at->second, e.code);
}

void Overlay::Impl::on(Instant now, const session::StreamClosed& e) {
  const StreamKey key{e.session, e.stream};
  const auto at = streams.find(key);
  if (at == streams.end()) return;
  if (at->second.inbound && at->second.phase == ServiceStream::Phase::AwaitRequest) asked(key);
  ServiceStream stream = std::move(at->second);
  streams.erase(at);
  if (stream.held)
    held_failed(now, std::move(stream), {Errc::NoPath, "the other node closed the stream"});
  else
    events.push_back(DataClosed{key});
}

void Overlay::Impl::on(Instant, const session::MessageReceived&) {}  // nothing uses them yet

void Overlay::Impl::on(Instant now, const session::RemoteMoved& e) {
  if (!network) return;
  if (Peer* peer = network->peers.find_by_session(e.session)) {
    network->peers.learn(*peer, {e.remote}, true);
    store_peer(*peer);
    follow_peer(now, *peer, e.session, e.path, e.remote);
    if (peer->preferred == e.session)
      events.push_back(PeerMoved{peer->id, label(peer->id), e.path, e.remote});
  }
}

void Overlay::Impl::on(Instant, const session::SilenceChanged& e) {
  const Peer* peer = network ? network->peers.find_by_session(e.session) : nullptr;
  if (peer != nullptr && peer->preferred == e.session)
    events.push_back(PeerSilent{peer->id, label(peer->id), e.silent});
}

void Overlay::Impl::on(Instant now, const session::RekeySend& e) {
  if (const auto link = links.find(e.session); link != links.end())
    send(now, link->second, Rekey{e.message});
}

void Overlay::Impl::on(Instant, const session::Rekeyed&) {}

// Its certificate is of our network and the handshake proved its address, yet our roster does not
// name it. If it has heard of entries that we have not, we fetch them: by a session that we dial,
// few at a time, so that who merely knows the network's secret makes us hold nothing else.
void Overlay::Impl::on(Instant now, const session::MemberUnknown& e) {
  if (!network || network->id != e.network || network->roster.contains(e.roster_head)) return;
  if (now < next_pull || pulls.size() >= kMaxPulls) return;
  for (const auto& [id, pull] : pulls)
    if (pull.certificate.identity == e.certificate.identity) return;
  session::DialTarget target;
  target.network = e.network;
  target.identity = e.certificate.identity;
  target.endpoint = e.remote;
  target.path = e.path;
  target.join = true;  // it knows us as a member; we take its word for nothing but signed entries
  const auto dialled = sessions.dial(now, target);
  if (!dialled) return;
  next_pull = now + kPullPause;
  pulls.emplace(*dialled, Pull{e.certificate, e.remote, now + kPullTimeout});
}

void Overlay::Impl::finish_pull(Instant now, SessionId session) {
  const auto at = pulls.find(session);
  if (at == pulls.end()) return;
  const Pull pull = at->second;
  sessions.close(now, session, kCodeDone, "roster fetched");
  if (!network) return;
  Peer* peer = network->peers.find(pull.certificate.node());
  if (peer == nullptr) return;
  network->peers.learn(*peer, pull.certificate);
  network->peers.learn(*peer, {pull.remote}, true);
  store_peer(*peer);
  network->peers.want(now, *peer, true);
}

// ---- the control stream
// --------------------------------------------------------------------------

namespace {

// Subjects of what the core says.
enum Kind : std::uint8_t { kNone, kHello, kRoster, kAsk, kPeers, kPeer, kServices };

Subject subject_of(const ControlMessage& message, const NodeId& about) {
  if (std::holds_alternative<Hello>(message)) return {kHello, {}};
  if (std::holds_alternative<RosterHave>(message)) return {kRoster, {}};
  if (std::holds_alternative<RosterGet>(message)) return {kAsk, {}};
  if (std::holds_alternative<ServicesAre>(message)) return {kServices, {}};
  if (std::holds_alternative<PeerList>(message)) return {about.is_zero() ? kPeers : kPeer, about};
  return {};
}

}  // namespace

void Overlay::Impl::send(Instant now, Link& link, const ControlMessage& message,
                         const NodeId& about) {
  link.outbox.push(subject_of(message, about), encode(message));
  if (link.outbox.size() > kMaxOutbox)
    return sessions.close(now, link.up.session, kCodeProtocol, "its answers pile up unread");
  flush(now, link);
}

void Overlay::Impl::flush(Instant now, Link& link) {
  if (!link.control) return;
  while (!link.outbox.empty()) {
    const auto taken = sessions.write(now, link.up.session, *link.control, link.outbox.front());
    if (taken == 0) break;
    link.outbox.sent(taken);
  }
  if (!link.asked || roster_unstored() || link.outbox.size() > kPlentyWaits) return;
  const RosterGet question = *std::exchange(link.asked, std::nullopt);
  said(now, link, question);
}

void Overlay::Impl::greet(Instant now, Link& link) {
  Hello hello;
  hello.instance = instance;
  hello.observed = link.up.remote;
  hello.endpoints = config.listen_endpoints;
  hello.software = config.software.substr(0, 64);
  send(now, link, hello);
  if (link.up.joining || !network) return;
  send(now, link, RosterHave{network->announced.seq, network->announced.hash});
  // Two may have one head and not the same removals beside it.
  if (const auto beside = network->roster.beside(); !beside.empty() && !roster_unstored())
    send_entries(now, link, std::span(beside).first(std::min(beside.size(), kEntriesPerAnswer)),
                 false);
  say_peers(now, link);
  say_services(now, link);
}

void Overlay::Impl::read_control(Instant now, Link& link) {
  const SessionId session = link.up.session;
  const StreamId stream = *link.control;
  for (;;) {
    const ByteView view = sessions.readable(session, stream);
    if (view.empty()) break;
    const auto size = view.size();
    append(link.inbox, view);
    sessions.consume(now, session, stream, size);
    std::size_t at = 0;
    while (link.inbox.size() - at >= 2) {
      const ByteView rest = ByteView(link.inbox).subspan(at);
      const std::size_t length = read_be<std::uint16_t>(rest);
      if (rest.size() < 2 + length) break;
      at += 2 + length;
      const Bytes body = to_bytes(rest.subspan(2, length));
      if (!handle_control(now, session, body)) return;
    }
    link.inbox.erase(link.inbox.begin(), link.inbox.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (sessions.read_finished(session, stream))
    sessions.close(now, session, kCodeProtocol, "the control stream ended");
}

bool Overlay::Impl::handle_control(Instant now, SessionId session, ByteView body) {
  if (Link& sender = links.at(session); !sender.messages.take(now)) {
    notice(Notice::Level::Warning,
           label(sender.up.peer) + " sends more control messages than anybody needs");
    sessions.close(now, session, kCodeProtocol, "a flood of control messages");
    return false;
  }
  auto message = decode_control(body);
  if (!message) {
    sessions.close(now, session, kCodeProtocol, "malformed control message");
    return false;
  }
  Link& link = links.at(session);
  // Its session lasts for kJudgeDelay so that it can read why it was removed, and for nothing else.
  const bool removed =
      network && !link.up.joining &&
      network->roster.verdict(network->id, link.up.peer, unix_now(now)) == Verdict::Removed;
  if (removed && !std::holds_alternative<RosterGet>(*message)) return true;
  std::visit([&](const auto& m) { said(now, link, m); }, *message);
  return links.contains(session);
}

void Overlay::Impl::said(Instant now, Link& link, const Hello& m) {
  if (link.greeted && now - link.heeded < kHelloPause) {
    link.late_hello = m;
    return;
  }
  heed(now, link, m);
}

void Overlay::Impl::said(Instant now, Link& link, const Ping& m) {
  if (link.outbox.size() <= kPlentyWaits) send(now, link, Pong{m.sequence});
}

void Overlay::Impl::said(Instant now, Link& link, const Pong& m) {
  std::erase_if(pings, [&](const PingUnderWay& ping) {
    if (ping.session != link.up.session || ping.sequence != m.sequence) return false;
    done(ping.id, PingOutcome{now - ping.sent, link.up.path, link.up.remote});
    return true;
  });
}

void Overlay::Impl::said(Instant now, Link& link, const RosterHave& m) {
  if (link.up.joining || !network) return;
  if (leaving && leaving->signed_here && m.head == network->roster.head().hash) left(true);
  const auto& roster = network->roster;
  if (roster.contains(m.head)) return;
  // It has not heard why its head lost: what a removal voids, only who holds the removal knows.
  if (roster.holds(m.head) && !roster_unstored())
    return send_entries(now, link, roster.news_for(m.head, kEntriesPerAnswer), false);
  send(now, link, RosterGet{roster.locator()});
}

void Overlay::Impl::said(Instant now, Link& link, const RosterGet& m) {
  // A joiner may read the roster once it is in it.
  if (!network || network->id != link.up.network ||
      (link.up.joining && network->roster.member(link.up.peer) == nullptr))
    return;
  // Nobody hears of an entry that a crash could still undo, nor more than they read.
  if (roster_unstored() || link.outbox.size() > kPlentyWaits) {
    link.asked = m;
    return;
  }
  auto chain = network->roster.entries_for(m.locator, kEntriesPerAnswer + 1);
  const bool more = chain.size() > kEntriesPerAnswer;
  if (more) chain.resize(kEntriesPerAnswer);
  if (!more)
    for (auto& bytes : network->roster.beside())
      if (chain.size() < 2 * kEntriesPerAnswer) chain.push_back(std::move(bytes));
  send_entries(now, link, chain, more);
}

void Overlay::Impl::said(Instant now, Link& link, const RosterEntries& m) {
  const bool joins = link.up.joining && !pulls.contains(link.up.session);
  joins ? join_entries(now, link, m) : take_entries(now, link, m);
}

void Overlay::Impl::said(Instant now, Link& link, const PeerList& m) {
  if (link.up.joining || !network) return;
  if (link.records.take(now, std::ssize(m.peers))) learn_peers(now, m);
}

void Overlay::Impl::said(Instant now, Link& link, const ServicesGet&) {
  if (!link.up.joining) say_services(now, link);
}

void Overlay::Impl::said(Instant now, Link& link, const JoinRequest& m) {
  if (!link.up.joining || link.up.initiator) return;
  if (++link.join_requests > kMaxJoinRequests)
    return sessions.close(now, link.up.session, kCodeProtocol, "one ticket after the other");
  answer_join(now, link, m);
}

void Overlay::Impl::said(Instant now, Link& link, const JoinAnswer& m) {
  if (link.up.joining && link.up.initiator) join_answer(now, link, m);
}

void Overlay::Impl::said(Instant now, Link& link, const Rekey& m) {
  sessions.handle_rekey(now, link.up.session, m.message);
}

void Overlay::Impl::broadcast(Instant now, const ControlMessage& message,
                              std::optional<SessionId> except, const NodeId& about) {
  const bool entries = std::holds_alternative<RosterEntries>(message);
  for (auto& [id, link] : links) {
    if (link.up.joining || !link.control || except == id) continue;
    // Who is behind will hear of the newest head, and ask for all at once.
    if (entries && link.outbox.size() > kPlentyWaits) continue;
    send(now, link, message, about);
  }
}

void Overlay::Impl::take_entries(Instant now, Link& link, const RosterEntries& entries) {
  const SessionId session = link.up.session;
  if (!network || network->id != link.up.network || entries.entries.empty() ||
      (link.up.joining && !link.up.initiator))
    return finish_pull(now, session);
  // A node that we do not know (yet) brings nothing back: only what admins of ours signed counts.
  const auto from = link.up.joining ? roster::From::Stranger : roster::From::Member;
  auto appended = network->roster.append_all(entries.entries, from);
  if (!appended) {
    notice(Notice::Level::Warning,
           "refused roster entries of " + label(link.up.peer) + ": " + appended.error().detail);
    return finish_pull(now, session);
  }
  if (appended->waiting && !link.up.joining) send(now, link, RosterGet{network->roster.locator()});
  if (appended->rows.empty()) return finish_pull(now, session);
  auto rows = appended->rows;
  persist(std::move(rows),
          [this, appended = *appended, session, more = entries.more && entries.last,
           last = entries.last](Instant later, const Result<void>& stored) {
            if (network) roster_changed(later, appended);
            const auto at = links.find(session);
            if (more && stored && network && at != links.end())
              send(later, at->second, RosterGet{network->roster.locator()});
            else if (last)
              finish_pull(later, session);
          });
}

// ---- what peers tell each other about peers and services
// -----------------------------------------

PeerList Overlay::Impl::peer_list() const {
  PeerList list;
  list.peers.push_back({network->credential.certificate.encode(), config.listen_endpoints});
  for (const auto& [id, peer] : network->peers.all()) {
    if (list.peers.size() == kMaxPeersPerMessage) break;
    if (!peer.certificate || peer.endpoints.empty()) continue;
    list.peers.push_back({peer.certificate->encode(), peer.endpoints});
  }
  return list;
}

void Overlay::Impl::say_peers(Instant now, Link& link) { send(now, link, peer_list()); }

void Overlay::Impl::learn_peers(Instant now, const PeerList& list) {
  for (const auto& record : list.peers) {
    const auto certificate = Certificate::decode(record.certificate);
    if (!certificate || certificate->network != network->id) continue;
    Peer* peer = network->peers.find(certificate->node());
    if (peer == nullptr) continue;  // not a member, or ourselves
    const auto known = peer->endpoints.size();
    const bool fresh = network->peers.learn(*peer, *certificate);
    network->peers.learn(*peer, record.endpoints, false);
    if (!fresh && peer->endpoints.size() == known) continue;
    store_peer(*peer);
    // News about somebody we could not reach is a reason to try at once.
    if (!peer->is_up() && peer->wanted) network->peers.want(now, *peer, true);
  }
}

void Overlay::Impl::store_peer(const Peer& peer) {
  if (!peer.certificate) return;
  PeerList one;
  one.peers.push_back({peer.certificate->encode(), peer.endpoints});
  const Bytes frame = encode(one);
  persist_quietly(
      {{Table::Peer, network->id, to_bytes(peer.id.view()), to_bytes(ByteView(frame).subspan(2))}});
}

}  // namespace weft::overlay
