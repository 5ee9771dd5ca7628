#include "overlay/session/session_layer.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.hpp"
#include "overlay/session/callbacks.hpp"
#include "overlay/session/connection.hpp"

namespace weft::session {

namespace {

constexpr std::size_t kMinInitial = 1200;
constexpr Duration kParkedLook = 250ms;
constexpr std::size_t kMaxStateless = 256;  // Retry packets waiting to go out
// Of one identity, up. The newer takes the older's place at once only beyond that: whoever is above
// knows whether they are one process that moved, one that was started anew, or two.
constexpr std::size_t kMaxInbound = 2;
constexpr std::uint8_t kLongHeader = 0x80;
constexpr std::uint8_t kLongTypeMask = 0x30;  // 0 is Initial in version 1

Cid cid_of(const ngtcp2_cid& cid) {
  Cid out{};
  std::copy_n(cid.data, std::min<std::size_t>(cid.datalen, out.size()), out.begin());
  return out;
}

// Known to nobody else.
ByteArray<16> seen_key(const Identity& identity) {
  const auto hash = crypto::sha256({bytes_of("weft seen v1"), identity.key.seed});
  ByteArray<16> key;
  std::copy_n(hash.begin(), key.size(), key.begin());
  return key;
}

}  // namespace

std::string_view name_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::Local:
      return "closed here";
    case CloseReason::Peer:
      return "closed by the peer";
    case CloseReason::Idle:
      return "idle";
    case CloseReason::HandshakeTimeout:
      return "handshake timed out";
    case CloseReason::HandshakeFailed:
      return "handshake failed";
    case CloseReason::Removed:
      return "peer was removed";
    case CloseReason::RemovedByPeer:
      return "the peer says this node was removed";
    case CloseReason::Superseded:
      return "superseded";
    case CloseReason::ProtocolError:
      return "protocol error";
    case CloseReason::Limit:
      return "limit reached";
  }
  return "unknown";
}

struct SessionLayer::Impl {
  using Network = std::shared_ptr<const NetworkContext>;
  struct Served {
    Network context;
    crypto::Key32 gate;  // what callers must present
  };
  struct Stateless {
    Transmit where;
    Bytes packet;
  };
  using PeerKey = std::pair<NetworkId, NodeId>;

  Impl(const Identity& identity, const TrustView& trust, Rng& rng, path::PathTable& paths,
       WallClock clock, const SessionLimits& limits)
      : state{identity, trust, rng, paths, clock, limits, {}, {}, CidMap(64, CidHash{rng.u64()}),
              0,        {},    0,   {}},
        retry(rng),
        seen(seen_key(identity)) {}

  Connection* find(SessionId id) const {
    const auto at = sessions.find(id);
    return at == sessions.end() ? nullptr : at->second.get();
  }
  Connection* live(SessionId id) const {
    Connection* connection = find(id);
    return connection && connection->up() ? connection : nullptr;
  }
  void touch(Connection& connection) {
    if (connection.dirty) return;
    connection.dirty = true;
    dirty.push_back(connection.id());
  }
  void arm(Connection& connection);
  void arm(Connection& connection, Instant at);
  void park(Instant now, Connection& connection);
  void handle_one(Instant now, const Datagram& datagram);
  void settle(Instant now, Connection& connection);
  void erase(Connection& connection);
  void supersede(Instant now, Connection& connection);
  void stranger(Instant now, const Datagram& datagram, const ngtcp2_version_cid& ids);
  void initial(Instant now, const Datagram& datagram, const ngtcp2_pkt_hd& header);
  bool has_room(const Endpoint& from) const;
  void send_retry(Instant now, const Datagram& datagram, const ngtcp2_pkt_hd& header,
                  const NetworkId& network);
  // True: a connection lives on for it.
  bool accept(Instant now, const Datagram& datagram, const ngtcp2_pkt_hd& header,
              const Network& network, std::optional<Cid> original);

  LayerState state;
  RetryKeys retry;
  SeenCache seen;  // Initials that were answered
  std::map<NetworkId, Served> networks;
  std::unordered_map<SessionId, std::unique_ptr<Connection>> sessions;
  std::map<PeerKey, std::vector<SessionId>> inbound_by_peer;  // those up, the newest last
  std::deque<SessionId> dirty;
  std::vector<SessionId> parked;  // have something to say, by a path that is blocked
  std::set<std::pair<Instant, SessionId>> timers;
  std::deque<Stateless> stateless;
  std::unique_ptr<PacketCipher> retry_cipher = retry_integrity_cipher();
  SessionId next_id = 1;
};

void SessionLayer::Impl::arm(Connection& connection) { arm(connection, connection.deadline()); }

// Stays dirty, so nothing else puts it in line. It is looked at now and then all the same: a
// session ends by its idle limit behind a path that stays blocked, too.
void SessionLayer::Impl::park(Instant now, Connection& connection) {
  connection.parked = now;
  parked.push_back(connection.id());
  arm(connection, std::max(connection.deadline(), now + kParkedLook));
}

void SessionLayer::Impl::arm(Connection& connection, Instant at) {
  if (connection.armed == at) return;
  if (connection.armed) {
    auto node = timers.extract({*connection.armed, connection.id()});
    node.value().first = at;
    timers.insert(std::move(node));
  } else {
    timers.insert({at, connection.id()});
  }
  connection.armed = at;
}

void SessionLayer::Impl::erase(Connection& connection) {
  if (connection.armed) timers.erase({*connection.armed, connection.id()});
  const auto at = inbound_by_peer.find({connection.network(), connection.peer()});
  if (at != inbound_by_peer.end() && std::erase(at->second, connection.id()) > 0 &&
      at->second.empty())
    inbound_by_peer.erase(at);
  sessions.erase(connection.id());
}

// After any call into a connection: note what changed in it, forget it if it is over.
void SessionLayer::Impl::settle(Instant now, Connection& connection) {
  if (connection.dead()) {
    erase(connection);
    return;
  }
  if (connection.up() && !connection.announced) {
    connection.announced = true;
    if (!connection.take_joiner_place())
      connection.close(now, CloseReason::Limit, kCodeJoinersFull,
                       "as many are joining as may at once; try again in 10 s");
    else if (!connection.initiator())
      supersede(now, connection);
  }
  touch(connection);
}

void SessionLayer::Impl::supersede(Instant now, Connection& connection) {
  auto& inbound = inbound_by_peer[{connection.network(), connection.peer()}];
  inbound.push_back(connection.id());
  if (inbound.size() <= kMaxInbound) return;
  Connection* older = find(inbound.front());
  inbound.erase(inbound.begin());
  if (!older) return;
  older->close(now, CloseReason::Superseded, kCodeSuperseded, "a newer session took over");
  touch(*older);
}

bool SessionLayer::Impl::has_room(const Endpoint& from) const {
  Endpoint address = from;
  address.port = 0;
  const auto here = state.half_open_by_ip.find(address);
  const std::size_t per_ip = here == state.half_open_by_ip.end() ? 0 : here->second;
  return state.half_open < state.limits.max_half_open &&
         per_ip < state.limits.max_half_open_per_ip && sessions.size() < state.limits.max_sessions;
}

void SessionLayer::Impl::stranger(Instant now, const Datagram& datagram,
                                  const ngtcp2_version_cid& ids) {
  auto& counters = state.counters;
  const std::uint8_t first = datagram.payload[0];
  if ((first & kLongHeader) == 0 || (first & kLongTypeMask) != 0) {
    ++counters.no_such_connection;
    return;
  }
  if (datagram.payload.size() < kMinInitial) {
    ++counters.initial_too_short;
    return;
  }
  ngtcp2_pkt_hd header;
  const bool ours = ids.version == NGTCP2_PROTO_VER_V1 && ids.dcidlen == kCidSize &&
                    ids.scidlen == kCidSize &&
                    ngtcp2_accept(&header, datagram.payload.data(), datagram.payload.size()) == 0;
  if (!ours) {
    ++counters.malformed;
    return;
  }
  initial(now, datagram, header);
}

void SessionLayer::Impl::initial(Instant now, const Datagram& datagram,
                                 const ngtcp2_pkt_hd& header) {
  const ByteView token(header.token, header.tokenlen);
  if (!token.empty() && token[0] == kRetryTag) {
    for (const auto& [id, served] : networks) {
      auto original = retry.redeem(now, id, datagram.from, token, cid_of(header.dcid));
      if (!original) continue;
      accept(now, datagram, header, served.context, original);
      return;
    }
    ++state.counters.retry_token_bad;
    return;
  }
  for (const auto& [id, served] : networks) {
    if (!gate_token_ok(served.gate, token, header.version, {header.dcid.data, header.dcid.datalen},
                       {header.scid.data, header.scid.datalen}))
      continue;
    // Whoever recorded one would learn for ever that we are here. A caller whose connection is gone
    // comes with other ids. A Retry is not remembered: it holds nothing, and may have to be
    // repeated.
    if (seen.contains(now, token)) {
      ++state.counters.initial_replayed;
    } else if (state.half_open >= state.limits.retry_above_half_open) {
      send_retry(now, datagram, header, id);
    } else if (accept(now, datagram, header, served.context, std::nullopt)) {
      // Of a hello in two packets the later one may come first, and is dropped: not remembered.
      seen.insert(now, token);
    }
    return;
  }
  ++state.counters.gate_wrong;
}

void SessionLayer::Impl::send_retry(Instant now, const Datagram& datagram,
                                    const ngtcp2_pkt_hd& header, const NetworkId& network) {
  if (stateless.size() >= kMaxStateless) {
    ++state.counters.packets_dropped;
    return;
  }
  const auto fresh = state.rng.bytes<kCidSize>();
  ngtcp2_cid scid;
  ngtcp2_cid_init(&scid, fresh.data(), fresh.size());
  const auto token = retry.issue(now, network, datagram.from, cid_of(header.dcid), fresh);
  ngtcp2_crypto_aead aead{nullptr, PacketCipher::kTagSize};
  ngtcp2_crypto_aead_ctx context{retry_cipher.get()};
  Bytes packet(256);
  const auto size = ngtcp2_pkt_write_retry(packet.data(), packet.size(), header.version,
                                           &header.scid, &scid, &header.dcid, token.data(),
                                           token.size(), seal_packet, &aead, &context);
  if (size <= 0) return;
  packet.resize(static_cast<std::size_t>(size));
  ++state.counters.retry_sent;
  Endpoint local = datagram.local;
  local.port = 0;
  stateless.push_back(
      {{datagram.path, datagram.from, packet.size(), 0, Ecn::NotEct, local}, packet});
}

bool SessionLayer::Impl::accept(Instant now, const Datagram& datagram, const ngtcp2_pkt_hd& header,
                                const Network& network, std::optional<Cid> original) {
  if (!has_room(datagram.from)) {
    ++state.counters.half_open_limit;
    return false;
  }
  const SessionId id = next_id++;
  auto made = std::make_unique<Connection>(state, id, network,
                                           Connection::Inbound{header, original}, datagram, now);
  Connection& connection = *made;
  sessions.emplace(id, std::move(made));
  connection.receive(now, datagram);
  settle(now, connection);
  return find(id) != nullptr;
}

SessionLayer::SessionLayer(const Identity& identity, const TrustView& trust, Rng& rng,
                           path::PathTable& paths, WallClock clock, SessionLimits limits)
    : impl_(std::make_unique<Impl>(identity, trust, rng, paths, clock, limits)) {}
SessionLayer::~SessionLayer() { impl_->sessions.clear(); }

void SessionLayer::set_network(const NetworkContext& network) {
  const auto gate = gate_key(network.secret, impl_->state.identity.public_key());
  impl_->networks.insert_or_assign(
      network.id, Impl::Served{std::make_shared<const NetworkContext>(network), gate});
}

void SessionLayer::remove_network(Instant now, const NetworkId& network) {
  impl_->networks.erase(network);
  for (auto& [id, connection] : impl_->sessions) {
    if (connection->network() != network) continue;
    connection->close(now, CloseReason::Local, kCodeNetworkLeft, "left the network");
    impl_->touch(*connection);
  }
}

void SessionLayer::set_wall_clock(WallClock clock) { impl_->state.clock = clock; }

void SessionLayer::trust_changed(Instant now) {
  const auto unix_now = impl_->state.clock.at(now);
  for (auto& [id, connection] : impl_->sessions) {
    if (!connection->up()) continue;
    const auto verdict =
        impl_->state.trust.verdict(connection->network(), connection->peer(), unix_now);
    if (verdict == Verdict::Member) continue;
    if (verdict == Verdict::Unknown && connection->joining()) continue;
    const bool removed = verdict == Verdict::Removed;
    connection->close(now, CloseReason::Removed, removed ? kCodeRemoved : kCodeUnknown,
                      removed ? "removed from the network" : "not a member of the network");
    impl_->touch(*connection);
  }
}

void SessionLayer::paths_changed() {
  for (const SessionId id : impl_->parked) {
    Connection* connection = impl_->find(id);
    if (!connection) continue;
    connection->parked.reset();
    impl_->dirty.push_back(id);
  }
  impl_->parked.clear();
}

void SessionLayer::handle_datagram(Instant now, const Datagram& datagram) {
  for_each_datagram(datagram, [&](const Datagram& one) { impl_->handle_one(now, one); });
}

void SessionLayer::Impl::handle_one(Instant now, const Datagram& datagram) {
  const ByteView packet = datagram.payload;
  ngtcp2_version_cid ids;
  if (packet.empty() ||
      ngtcp2_pkt_decode_version_cid(&ids, packet.data(), packet.size(), kCidSize) != 0) {
    ++state.counters.malformed;
    return;
  }
  if (ids.dcidlen == kCidSize) {
    const auto at = state.cids.find(read_be<std::uint64_t>({ids.dcid, ids.dcidlen}));
    if (at != state.cids.end()) {
      Connection& connection = *at->second;
      connection.receive(now, datagram);
      settle(now, connection);
      return;
    }
  }
  stranger(now, datagram, ids);
}

void SessionLayer::handle_timeout(Instant now) {
  auto& timers = impl_->timers;
  while (!timers.empty() && timers.begin()->first <= now) {
    const SessionId id = timers.begin()->second;
    timers.erase(timers.begin());
    Connection* connection = impl_->find(id);
    WEFT_ASSERT(connection != nullptr);
    connection->armed.reset();
    connection->expire(now);
    if (connection->parked && !connection->dead())
      impl_->arm(*connection, std::max(connection->deadline(), now + kParkedLook));
    impl_->settle(now, *connection);
  }
}

std::optional<Transmit> SessionLayer::poll_transmit(Instant now, MutableByteView out) {
  if (!impl_->stateless.empty()) {
    auto next = std::move(impl_->stateless.front());
    impl_->stateless.pop_front();
    std::ranges::copy(next.packet, out.begin());
    return next.where;
  }
  auto& dirty = impl_->dirty;
  while (!dirty.empty()) {
    const SessionId id = dirty.front();
    dirty.pop_front();
    Connection* connection = impl_->find(id);
    if (!connection) continue;
    if (connection->blocked()) {
      impl_->park(now, *connection);
      continue;
    }
    auto transmit = connection->transmit(now, out);
    if (transmit) {
      dirty.push_back(id);
      return transmit;
    }
    connection->dirty = false;
    if (connection->dead()) {
      impl_->erase(*connection);
    } else {
      impl_->arm(*connection);
    }
  }
  return std::nullopt;
}

std::optional<SessionEvent> SessionLayer::poll_event() {
  auto& events = impl_->state.events;
  if (events.empty()) return std::nullopt;
  SessionEvent event = std::move(events.front());
  events.pop_front();
  const SessionId id = std::visit([](const auto& e) { return e.session; }, event);
  if (Connection* connection = impl_->find(id)) connection->event_taken(event);
  return event;
}

std::optional<Instant> SessionLayer::poll_timeout() const {
  const auto& timers = impl_->timers;
  if (timers.empty() || timers.begin()->first == Instant::max()) return std::nullopt;
  return timers.begin()->first;
}

Result<SessionId> SessionLayer::dial(Instant now, const DialTarget& target) {
  const auto network = impl_->networks.find(target.network);
  if (network == impl_->networks.end()) return fail(Errc::NotFound, "not in this network");
  if (target.identity == impl_->state.identity.public_key())
    return fail(Errc::Usage, "a node does not dial itself");
  if (impl_->sessions.size() >= impl_->state.limits.max_sessions)
    return fail(Errc::Limit, "too many sessions");
  const SessionId id = impl_->next_id++;
  auto made = std::make_unique<Connection>(impl_->state, id, network->second.context, target, now);
  impl_->touch(*made);
  impl_->sessions.emplace(id, std::move(made));
  return id;
}

void SessionLayer::close(Instant now, SessionId session, std::uint64_t code, std::string_view why) {
  Connection* connection = impl_->find(session);
  if (!connection) return;
  connection->close(now, CloseReason::Local, code, why);
  impl_->touch(*connection);
}

Result<void> SessionLayer::migrate(Instant now, SessionId session, PathId path,
                                   const Endpoint& remote) {
  Connection* connection = impl_->find(session);
  if (!connection) return fail(Errc::Closed, "no such session");
  auto moved = connection->migrate(now, path, remote);
  impl_->touch(*connection);
  return moved;
}

void SessionLayer::datagram_refused(Instant now, PathId path, const Endpoint& remote,
                                    std::size_t size) {
  for (auto& [id, connection] : impl_->sessions) {
    connection->refused(now, path, remote, size);
    if (connection->up()) impl_->touch(*connection);
  }
}

Result<StreamId> SessionLayer::open_stream(Instant, SessionId session) {
  Connection* connection = impl_->find(session);
  if (!connection) return fail(Errc::Closed, "no such session");
  return connection->open_stream();
}

void SessionLayer::accept(SessionId session, StreamId stream) {
  Connection* connection = impl_->live(session);
  if (!connection) return;
  connection->accept(stream);
  impl_->touch(*connection);
}

void SessionLayer::stand(SessionId session, StreamId stream) {
  if (Connection* connection = impl_->live(session)) connection->stand(stream);
}

MutableByteView SessionLayer::send_space(SessionId session, StreamId stream) {
  Connection* connection = impl_->live(session);
  return connection ? connection->send_space(stream) : MutableByteView{};
}

void SessionLayer::commit(Instant, SessionId session, StreamId stream, std::size_t size) {
  Connection* connection = impl_->live(session);
  if (!connection) return;
  connection->commit(stream, size);
  impl_->touch(*connection);
}

std::size_t SessionLayer::write(Instant, SessionId session, StreamId stream, ByteView bytes) {
  Connection* connection = impl_->live(session);
  if (!connection) return 0;
  impl_->touch(*connection);
  return connection->write(stream, bytes);
}

void SessionLayer::finish(Instant, SessionId session, StreamId stream) {
  Connection* connection = impl_->live(session);
  if (!connection) return;
  connection->finish(stream);
  impl_->touch(*connection);
}

void SessionLayer::reset(Instant, SessionId session, StreamId stream, std::uint64_t code) {
  Connection* connection = impl_->live(session);
  if (!connection) return;
  connection->reset(stream, code);
  impl_->touch(*connection);
}

ByteView SessionLayer::readable(SessionId session, StreamId stream) const {
  const Connection* connection = impl_->find(session);
  return connection ? connection->readable(stream) : ByteView{};
}

bool SessionLayer::read_finished(SessionId session, StreamId stream) const {
  const Connection* connection = impl_->find(session);
  // A session that is gone finished nothing: what it cut short must not look complete.
  return connection != nullptr && connection->read_finished(stream);
}

void SessionLayer::consume(Instant now, SessionId session, StreamId stream, std::size_t size) {
  Connection* connection = impl_->find(session);
  if (!connection) return;
  connection->consume(now, stream, size);
  impl_->touch(*connection);
}

Result<void> SessionLayer::send_message(Instant, SessionId session, ByteView payload,
                                        std::int64_t sender) {
  Connection* connection = impl_->find(session);
  if (!connection) return fail(Errc::Closed, "no such session");
  impl_->touch(*connection);
  return connection->send_message(sender, payload);
}

void SessionLayer::handle_rekey(Instant now, SessionId session, ByteView message) {
  Connection* connection = impl_->live(session);
  if (!connection) return;
  connection->handle_rekey(now, message);
  impl_->touch(*connection);
}

std::optional<SessionInfo> SessionLayer::info(SessionId session) const {
  const Connection* connection = impl_->find(session);
  if (!connection) return std::nullopt;
  return connection->info();
}

const path::PathTable& SessionLayer::paths() const { return impl_->state.paths; }
std::size_t SessionLayer::session_count() const { return impl_->sessions.size(); }
const SessionCounters& SessionLayer::counters() const { return impl_->state.counters; }

}  // namespace weft::session
