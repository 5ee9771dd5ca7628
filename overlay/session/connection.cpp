#include "overlay/session/connection.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "overlay/session/callbacks.hpp"

namespace weft::session {

namespace {

constexpr std::size_t kMaxPaths = 8;
constexpr std::size_t kLastWordsMemory = 64 * 1024;  // to say why, at the quota
static_assert(kMtuProbes.back() == path::kUdpMtu);

std::uint64_t cid_key(const ngtcp2_cid& cid) {
  return read_be<std::uint64_t>({cid.data, cid.datalen});
}

ngtcp2_cid make_cid(const Cid& bytes) {
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, bytes.data(), bytes.size());
  return cid;
}

Endpoint address_of(Endpoint endpoint) {
  endpoint.port = 0;
  return endpoint;
}

// Who has one address of an IPv6 network has all of them.
Endpoint place_of(Endpoint endpoint) {
  endpoint.port = 0;
  if (!endpoint.is_v4()) std::fill(endpoint.address.begin() + 7, endpoint.address.end(), 0);
  return endpoint;
}

void fill_address(sockaddr_in6& address, std::uint8_t side, std::uint32_t index) {
  std::memset(&address, 0, sizeof address);
  address.sin6_family = AF_INET6;
  address.sin6_port = 1;
  address.sin6_addr.s6_addr[0] = 0xfd;
  address.sin6_addr.s6_addr[1] = side;
  for (unsigned i = 0; i < 4; ++i)
    address.sin6_addr.s6_addr[12 + i] = static_cast<std::uint8_t>(index >> (24 - 8 * i));
}

}  // namespace

Connection::Connection(LayerState& state, SessionId id,
                       std::shared_ptr<const NetworkContext> network, const DialTarget& target,
                       Instant now)
    : state_(state),
      id_(id),
      network_(std::move(network)),
      initiator_(true),
      memory_(state.limits.quic_memory) {
  expected_ = target.identity;
  peer_ = node_id_of(target.identity);
  join_ = target.join;
  handshake_until_ = now + state_.limits.handshake_timeout;
  path_for(target.path, target.endpoint, true);
  const bool ik = target.static_key.has_value() && !join_;
  if (ik) fallback_at_ = now + state_.limits.ik_fallback;
  start_client(now, ik ? target.static_key : std::nullopt);
}

Connection::Connection(LayerState& state, SessionId id,
                       std::shared_ptr<const NetworkContext> network, const Inbound& inbound,
                       const Datagram& datagram, Instant now)
    : state_(state),
      id_(id),
      network_(std::move(network)),
      initiator_(false),
      memory_(state.limits.quic_memory) {
  handshake_until_ = now + state_.limits.handshake_timeout;
  silent_ = true;  // until its hello was good
  path_for(datagram.path, datagram.from, true)->local = address_of(datagram.local);
  half_open_ = true;
  ++state_.half_open;
  ++state_.half_open_by_ip[address_of(datagram.from)];
  start_server(inbound, now);
}

Connection::~Connection() {
  release_half_open();
  release_joiner_place();
  drop_quic();
}

void Connection::release_half_open() {
  if (!half_open_) return;
  half_open_ = false;
  --state_.half_open;
  const auto at = state_.half_open_by_ip.find(address_of(paths_.front().remote));
  if (at != state_.half_open_by_ip.end() && --at->second == 0) state_.half_open_by_ip.erase(at);
}

bool Connection::take_joiner_place() {
  if (!stranger_ || initiator_) return true;
  const auto* path = path_at(current_path_);
  if (path == nullptr) return false;
  // Where who comes through a relay is, nobody sees; the relay lets few through.
  const bool direct = path::is_direct(state_.paths.at(path->path).kind);
  const Endpoint place = direct ? place_of(path->remote) : path->remote;
  auto& here = state_.joiners_by_place[place];
  if (state_.joiners >= state_.limits.max_joiners || here >= state_.limits.max_joiners_per_place) {
    if (here == 0) state_.joiners_by_place.erase(place);
    ++state_.counters.joiner_limit;
    return false;
  }
  ++here;
  ++state_.joiners;
  joiner_place_ = place;
  return true;
}

void Connection::release_joiner_place() {
  if (!joiner_place_) return;
  --state_.joiners;
  const auto at = state_.joiners_by_place.find(*joiner_place_);
  if (at != state_.joiners_by_place.end() && --at->second == 0) state_.joiners_by_place.erase(at);
  joiner_place_.reset();
}

void Connection::drop_quic() {
  rx_header_ = nullptr;
  if (quic_) ngtcp2_conn_del(quic_);
  quic_ = nullptr;
  for (const auto cid : cids_) {
    const auto at = state_.cids.find(cid);
    if (at != state_.cids.end() && at->second == this) state_.cids.erase(at);
  }
  cids_.clear();
}

void Connection::register_cid(const ngtcp2_cid& cid) {
  const auto key = cid_key(cid);
  if (state_.cids.try_emplace(key, this).second) cids_.push_back(key);
}

ngtcp2_tstamp Connection::stamp(Instant now) {
  const auto nanoseconds = static_cast<ngtcp2_tstamp>((now + skew_).time_since_epoch().count());
  last_stamp_ = std::max(last_stamp_, nanoseconds);  // ngtcp2 asserts that time does not run back
  return last_stamp_;
}

void Connection::fill_settings(ngtcp2_settings& settings, ngtcp2_transport_params& params,
                               Instant now) const {
  const auto& limits = state_.limits;
  ngtcp2_settings_default(&settings);
  settings.initial_ts =
      std::max(last_stamp_, static_cast<ngtcp2_tstamp>(now.time_since_epoch().count()));
  settings.cc_algo = NGTCP2_CC_ALGO_BBR;
  settings.initial_rtt = 100 * NGTCP2_MILLISECONDS;
  // A later path of the session may take more than its first one: what is written is bounded by
  // the path of that moment.
  settings.max_tx_udp_payload_size = path::kUdpMtu;
  settings.pmtud_probes = kMtuProbes.data();
  settings.pmtud_probeslen = kMtuProbes.size();
  settings.ack_thresh = kAckThreshold;
  settings.handshake_timeout =
      static_cast<ngtcp2_duration>(std::max<Duration>(handshake_until_ - now, 1ms).count());
  settings.rand_ctx.native_handle = &state_.rng;
  ngtcp2_transport_params_default(&params);
  params.initial_max_stream_data_bidi_local = limits.stream_window;
  params.initial_max_stream_data_bidi_remote = limits.stream_window;
  params.initial_max_data = limits.session_window;
  params.initial_max_streams_bidi = allowed_streams_;
  params.initial_max_streams_uni = 0;
  params.max_idle_timeout = 0;  // ours to judge, in our time: idle()
  params.active_connection_id_limit = 8;
  params.max_datagram_frame_size = 65535;
}

void Connection::start_client(Instant now, std::optional<crypto::Key32> static_key) {
  handshake_ = std::make_unique<Handshake>(
      HandshakeContext{state_.identity, state_.trust, state_.rng, network_}, expected_, static_key,
      join_);
  readers_ = {MessageReader(state_.limits.max_crypto_bytes),
              MessageReader(state_.limits.max_crypto_bytes)};
  first_dcid_ = make_cid(state_.rng.bytes<kCidSize>());
  own_scid_ = make_cid(state_.rng.bytes<kCidSize>());
  ngtcp2_settings settings;
  ngtcp2_transport_params params;
  fill_settings(settings, params, now);
  const auto token =
      make_gate_token(gate_key(network_->secret, expected_), NGTCP2_PROTO_VER_V1,
                      {first_dcid_.data, first_dcid_.datalen}, {own_scid_.data, own_scid_.datalen});
  settings.token = token.data();
  settings.tokenlen = token.size();
  ngtcp2_path_storage path;
  fill_path(path, paths_.back());
  const auto callbacks = session_callbacks();
  const int made =
      ngtcp2_conn_client_new(&quic_, &first_dcid_, &own_scid_, &path.path, NGTCP2_PROTO_VER_V1,
                             &callbacks, &settings, &params, memory_.allocator(), this);
  WEFT_ASSERT(made == 0);
  register_cid(own_scid_);
  ngtcp2_crypto_aead aead{nullptr, PacketCipher::kTagSize};
  ngtcp2_crypto_aead_ctx context{retry_integrity_cipher().release()};
  ngtcp2_conn_set_retry_aead(quic_, &aead, &context);
}

void Connection::start_server(const Inbound& inbound, Instant now) {
  const auto& header = inbound.header;
  handshake_ = std::make_unique<Handshake>(
      HandshakeContext{state_.identity, state_.trust, state_.rng, network_});
  readers_ = {MessageReader(state_.limits.max_crypto_bytes),
              MessageReader(state_.limits.max_crypto_bytes)};
  own_scid_ = make_cid(state_.rng.bytes<kCidSize>());
  first_dcid_ = header.dcid;
  ngtcp2_settings settings;
  ngtcp2_transport_params params;
  fill_settings(settings, params, now);
  params.original_dcid = header.dcid;
  params.original_dcid_present = 1;
  if (inbound.original_dcid) {
    params.original_dcid = make_cid(*inbound.original_dcid);
    params.retry_scid = header.dcid;
    params.retry_scid_present = 1;
    settings.token = header.token;
    settings.tokenlen = header.tokenlen;
    settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
  }
  ngtcp2_path_storage path;
  fill_path(path, paths_.back());
  const auto callbacks = session_callbacks();
  const int made =
      ngtcp2_conn_server_new(&quic_, &header.scid, &own_scid_, &path.path, header.version,
                             &callbacks, &settings, &params, memory_.allocator(), this);
  WEFT_ASSERT(made == 0);
  register_cid(own_scid_);
  register_cid(header.dcid);
}

const Connection::PathEntry* Connection::path_at(std::uint32_t index) const {
  const auto at = std::ranges::find(paths_, index, &PathEntry::index);
  return at == paths_.end() ? nullptr : &*at;
}

Connection::PathEntry* Connection::path_for(PathId path, const Endpoint& remote, bool may_add) {
  for (auto& entry : paths_)
    if (entry.path == path && entry.remote == remote) return &entry;
  if (!may_add) return nullptr;
  if (paths_.size() == kMaxPaths) {
    // The oldest that is not in use: a packet ngtcp2 still wants to send there is dropped.
    const auto oldest = std::ranges::find_if(
        paths_, [this](const PathEntry& entry) { return entry.index != current_path_; });
    paths_.erase(oldest);
  }
  paths_.push_back({path, remote, path_count_++, path::PathHold(state_.paths, path)});
  return &paths_.back();
}

// What ngtcp2 sees is a made-up IPv6 pair (decision 12). A client that migrates must change its
// local address; on a server the local side stands for the PathId, so that a NAT rebinding is one.
void Connection::fill_path(ngtcp2_path_storage& storage, const PathEntry& entry) const {
  sockaddr_in6 local;
  sockaddr_in6 remote;
  fill_address(local, 0, initiator_ ? entry.index : static_cast<std::uint32_t>(entry.path));
  fill_address(remote, 1, entry.index);
  ngtcp2_path_storage_init(&storage, reinterpret_cast<const ngtcp2_sockaddr*>(&local), sizeof local,
                           reinterpret_cast<const ngtcp2_sockaddr*>(&remote), sizeof remote,
                           nullptr);
}

std::uint32_t path_index_of(const ngtcp2_path& path) {
  sockaddr_in6 remote;
  std::memcpy(&remote, path.remote.addr, sizeof remote);
  return read_be<std::uint32_t>({&remote.sin6_addr.s6_addr[12], 4});
}

void Connection::follow_path() {
  const auto index = path_index_of(*ngtcp2_conn_get_path(quic_));
  if (index == current_path_) return;
  current_path_ = index;
  moving_.reset();
  watch_.reset();
  trains_.reset();
  const auto* entry = path_at(index);
  if (entry && state_of_ == State::Up)
    state_.events.push_back(RemoteMoved{id_, entry->path, entry->remote});
}

void Connection::receive(Instant now, const Datagram& datagram) {
  rx_bytes_ += datagram.payload.size();
  if (state_of_ == State::Closing) {
    // The peer has not heard it: say it again, ever more rarely.
    const auto count = ++close_replies_;
    if ((count & (count - 1)) == 0 && count < 64) close_unsent_ = true;
    return;
  }
  if (state_of_ == State::Dead) return;
  if (order_.waits() && state_of_ == State::Up) {
    const auto number = number_of(datagram.payload);
    if (number && order_.early(*number)) {
      order_.hold(now, *number, datagram);
      return read_held(now);
    }
  }
  read(now, datagram, now);
  if (order_.waits()) read_held(now);
}

void Connection::read(Instant now, const Datagram& datagram, Instant arrived) {
  auto* entry = path_for(datagram.path, datagram.from, !initiator_);
  if (!entry) {
    ++state_.counters.packets_dropped;
    return;
  }
  ngtcp2_path_storage path;
  fill_path(path, *entry);
  ngtcp2_pkt_info info{};
  info.ecn = static_cast<std::uint8_t>(datagram.ecn);
  news_.opened = false;
  if (entry->index != current_path_) make_answering(now);
  if (state_of_ == State::Dead) return;
  const int result = ngtcp2_conn_read_pkt(quic_, &path.path, &info, datagram.payload.data(),
                                          datagram.payload.size(), stamp(now));
  if (result != 0) {
    fail_with(now, result);
    return;
  }
  if (unanswered_++ == 0 && state_of_ == State::Up) ack_hold_ = now + kAckHold;
  if (news_.opened) heard(now, *entry, datagram.local, arrived);
  follow_path();
  if (state_of_ == State::Up && handshake_) {
    handshake_.reset();
    readers_ = {MessageReader(), MessageReader()};
    release_half_open();
  }
}

void Connection::fail_with(Instant now, int liberr) {
  if (liberr == NGTCP2_ERR_CLOSING || state_of_ == State::Dead) return;
  auto& counters = state_.counters;
  if (liberr == NGTCP2_ERR_DRAINING) {
    peer_closed();
    return;
  }
  if (liberr == NGTCP2_ERR_DROP_CONN || liberr == NGTCP2_ERR_RETRY) {
    ++counters.packets_dropped;
    end(CloseReason::HandshakeFailed, 0, "dropped");
    state_of_ = State::Dead;
    return;
  }
  if (liberr == NGTCP2_ERR_NOMEM) {
    ++counters.quic_memory;
    memory_.widen(kLastWordsMemory);
    close_type_ = NGTCP2_CCERR_TYPE_TRANSPORT;
    close(now, CloseReason::ProtocolError, NGTCP2_INTERNAL_ERROR, "more than a session may hold");
    return;
  }
  if (fault_) {
    ++counter_for(counters, *fault_);
    if (silent_) {
      end(CloseReason::HandshakeFailed, 0, std::string(name_of(*fault_)));
      state_of_ = State::Dead;
      return;
    }
    close_type_ = NGTCP2_CCERR_TYPE_TRANSPORT;
    close(now, CloseReason::HandshakeFailed, 0x100u + alert_of(*fault_), name_of(*fault_));
    return;
  }
  ++(liberr == NGTCP2_ERR_CRYPTO_BUFFER_EXCEEDED ? counters.crypto_buffer
                                                 : counters.protocol_violation);
  if (!initiator_ && !was_up_ && !reply_seen_) {  // a stranger's garbage: silence
    state_of_ = State::Dead;
    return;
  }
  close_type_ = NGTCP2_CCERR_TYPE_TRANSPORT;
  close(now, CloseReason::ProtocolError, ngtcp2_err_infer_quic_transport_error_code(liberr),
        ngtcp2_strerror(liberr));
}

void Connection::peer_closed() {
  const auto* error = ngtcp2_conn_get_ccerr(quic_);
  std::string why(reinterpret_cast<const char*>(error->reason),
                  error->reason ? error->reasonlen : 0);
  auto reason = CloseReason::Peer;
  if (error->type == NGTCP2_CCERR_TYPE_TRANSPORT && error->error_code >= 0x100 &&
      error->error_code < 0x200) {
    const auto fault = fault_of_alert(error->error_code - 0x100);
    reason = fault == HandshakeFault::CertRemoved ? CloseReason::RemovedByPeer
                                                  : CloseReason::HandshakeFailed;
    why = "the peer refused: " + std::string(fault ? name_of(*fault) : "crypto error");
  } else if (error->type == NGTCP2_CCERR_TYPE_APPLICATION) {
    if (error->error_code == kCodeSuperseded) reason = CloseReason::Superseded;
    if (error->error_code == kCodeRemoved) reason = CloseReason::RemovedByPeer;
  }
  end(reason, error->error_code, std::move(why));
  state_of_ = State::Dead;
}

void Connection::end(CloseReason reason, std::uint64_t code, std::string detail) {
  if (ended_) return;
  ended_ = true;
  if (!initiator_ && !was_up_) return;
  state_.events.push_back(
      SessionDown{id_, peer_, reason, code, std::move(detail), was_up_, clock_ahead_});
}

void Connection::close(Instant now, CloseReason reason, std::uint64_t code, std::string_view why) {
  if (state_of_ == State::Closing || state_of_ == State::Dead) return;
  end(reason, code, std::string(why));
  close_code_ = code;
  close_why_ = std::string(why.substr(0, 128));
  close_unsent_ = true;
  state_of_ = State::Closing;
  const auto pto = static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_));
  closing_until_ = now + std::clamp<Duration>(3 * Duration(pto), 50ms, 1s);
}

Result<void> Connection::migrate(Instant now, PathId path, const Endpoint& remote) {
  if (!initiator_) return fail(Errc::Unsupported, "only the side that dialled can move");
  if (state_of_ != State::Up) return fail(Errc::Closed, "the session is not up");
  const auto* entry = path_for(path, remote, true);
  // One that is being proven is not begun anew: each takes a connection id of the peer's.
  if (moving_ && moving_->index == entry->index && now - moving_->since < kMoving) return {};
  ngtcp2_path_storage storage;
  fill_path(storage, *entry);
  ack_hold_.reset();
  const int result = ngtcp2_conn_initiate_migration(quic_, &storage.path, stamp(now));
  if (result != 0) return fail(Errc::NoPath, ngtcp2_strerror(result));
  moving_ = {entry->index, now};
  return {};
}

void Connection::expire(Instant now) {
  if (state_of_ == State::Dead) return;
  if (state_of_ == State::Closing) {
    if (closing_until_ && now >= *closing_until_) state_of_ = State::Dead;
    return;
  }
  if (fallback_at_ && now >= *fallback_at_ && !reply_seen_) {
    fallback_at_.reset();
    drop_quic();
    start_client(now, std::nullopt);
    return;
  }
  if (idle(now)) {
    end(CloseReason::Idle, 0, "nothing heard from the peer");
    state_of_ = State::Dead;
    return;
  }
  if (rekey_at_ && now >= *rekey_at_) start_rekey(now);
  if (key_update_at_ && now >= *key_update_at_) drive_key_update(now);
  read_held(now);
  if (state_of_ != State::Up && state_of_ != State::Handshaking) return;
  ask_again(now);
  watch_.expire(now, pto());
  tell_silence();
  if (ngtcp2_conn_get_expiry(quic_) > stamp(now)) return;
  const int result = ngtcp2_conn_handle_expiry(quic_, stamp(now));
  if (result == 0) return note_flight(now, false);
  if (result == NGTCP2_ERR_HANDSHAKE_TIMEOUT) {
    ++state_.counters.handshake_timeout;
    end(CloseReason::HandshakeTimeout, 0, "no answer in time");
    state_of_ = State::Dead;
  } else {
    fail_with(now, result);
  }
}

Instant Connection::deadline() const {
  Instant soonest = Instant::max();
  const auto consider = [&soonest](const std::optional<Instant>& at) {
    if (at && *at < soonest) soonest = *at;
  };
  if (state_of_ == State::Closing) return closing_until_.value_or(soonest);
  if (state_of_ == State::Dead) return Instant::min();
  const auto expiry = ngtcp2_conn_get_expiry(quic_);
  if (expiry < static_cast<ngtcp2_tstamp>(Instant::max().time_since_epoch().count()))
    soonest = Instant(Duration(static_cast<std::int64_t>(expiry))) - skew_;
  if (holds_back(soonest)) soonest = *ack_hold_;
  if (!reply_seen_) consider(fallback_at_);
  consider(key_update_at_);
  consider(rekey_at_);
  if (state_of_ != State::Up) return soonest;
  if (asked_at_) consider(*asked_at_ + std::max(kProbeAtLeast, pto()));
  if (unheard_since_) consider(*unheard_since_ + state_.limits.idle_timeout);
  consider(watch_.deadline(pto()));
  consider(order_.deadline());
  return soonest;
}

SessionInfo Connection::info() const {
  SessionInfo info{};
  info.peer = peer_;
  info.network = network_->id;
  info.up = up();
  info.initiator = initiator_;
  if (const auto* entry = path_at(current_path_)) {
    info.path = entry->path;
    info.remote = entry->remote;
    if (!initiator_) info.local = entry->local;
  }
  info.cipher = cipher_;
  if (quic_) {
    ngtcp2_conn_info details;
    ngtcp2_conn_get_conn_info(quic_, &details);
    info.smoothed_rtt = Duration(static_cast<std::int64_t>(details.smoothed_rtt));
  }
  info.tx_bytes = tx_bytes_;
  info.rx_bytes = rx_bytes_;
  info.open_streams = streams_.size();
  info.used_streams = streams_.size() - standing_;
  info.key_updates = key_updates_;
  info.widened_windows = receiving_.used();
  info.unsent_bytes = sending_.unsent;
  info.heard = heard_at_;
  info.unanswered_since = watch_.unanswered_since();
  info.datagram_limit = watch_.limit();
  info.message_limit = message_limit();
  return info;
}

}  // namespace weft::session
