// Keys and CRYPTO messages of a Connection.
#include <algorithm>
#include <cstdlib>

#include "overlay/session/connection.hpp"
#include "overlay/session/packet_opener.hpp"

namespace weft::session {

namespace {

constexpr std::uint64_t kAesUpdateAfter = 1ull << 22;  // half of RFC 9001's 2^23
constexpr std::uint64_t kChaChaUpdateAfter = 1ull << 32;
constexpr std::uint64_t kAesMaxFailures = 1ull << 52;
constexpr std::uint64_t kChaChaMaxFailures = 1ull << 36;

// Owned by ngtcp2 once installed; ours again if the installation fails.
struct NativeKeys {
  ngtcp2_crypto_aead_ctx aead;
  ngtcp2_crypto_cipher_ctx header;
  ByteArray<12> iv;

  explicit NativeKeys(PacketKeys keys)
      : aead{keys.cipher.release()}, header{keys.header.release()}, iv(keys.iv) {}
  void destroy() {
    delete static_cast<PacketCipher*>(aead.native_handle);
    delete static_cast<HeaderProtection*>(header.native_handle);
  }
};

constexpr auto kSeal = PacketCipher::Direction::Seal;
constexpr auto kOpen = PacketCipher::Direction::Open;

}  // namespace

PacketKeys Connection::opening(PacketKeys keys, bool traffic) {
  keys.cipher = std::make_unique<PacketOpener>(std::move(keys.cipher), keys.iv,
                                               state_.counters.opening, traffic ? &news_ : nullptr);
  return keys;
}

PacketKeys Connection::sealing(PacketKeys keys) {
  keys.cipher = std::make_unique<PacketSealer>(std::move(keys.cipher), keys.iv, news_);
  return keys;
}

int Connection::install_initial(const ngtcp2_cid& dcid) {
  const auto secrets = initial_secrets({dcid.data, dcid.datalen});
  const auto& ours = initiator_ ? secrets.client : secrets.server;
  const auto& theirs = initiator_ ? secrets.server : secrets.client;
  NativeKeys rx(opening(derive_packet_keys(PacketCipherSuite::Aes128Gcm, theirs, kOpen, true)));
  NativeKeys tx(derive_packet_keys(PacketCipherSuite::Aes128Gcm, ours, kSeal, true));
  ngtcp2_crypto_ctx context{};
  context.aead.max_overhead = PacketCipher::kTagSize;
  context.max_encryption = 2 * kAesUpdateAfter;
  context.max_decryption_failure = kAesMaxFailures;
  ngtcp2_conn_set_initial_crypto_ctx(quic_, &context);
  const int result = ngtcp2_conn_install_initial_key(
      quic_, &rx.aead, rx.iv.data(), &rx.header, &tx.aead, tx.iv.data(), &tx.header, rx.iv.size());
  if (result != 0) {
    rx.destroy();
    tx.destroy();
  }
  return result;
}

void Connection::set_crypto_context() {
  const bool chacha = cipher_ == PacketCipherSuite::ChaCha20Poly1305;
  ngtcp2_crypto_ctx context{};
  context.aead.max_overhead = PacketCipher::kTagSize;
  context.max_encryption = chacha ? kChaChaUpdateAfter : kAesUpdateAfter;
  context.max_decryption_failure = chacha ? kChaChaMaxFailures : kAesMaxFailures;
  ngtcp2_conn_set_crypto_ctx(quic_, &context);
}

int Connection::install_handshake_keys() {
  cipher_ = handshake_->cipher();
  auto secrets = handshake_->handshake_secrets();
  set_crypto_context();
  NativeKeys rx(opening(derive_packet_keys(cipher_, secrets[initiator_ ? 1 : 0], kOpen, true)));
  NativeKeys tx(derive_packet_keys(cipher_, secrets[initiator_ ? 0 : 1], kSeal, true));
  for (auto& secret : secrets) crypto::wipe(secret);
  int result =
      ngtcp2_conn_install_rx_handshake_key(quic_, &rx.aead, rx.iv.data(), rx.iv.size(), &rx.header);
  if (result != 0) rx.destroy();
  if (result == 0) {
    result = ngtcp2_conn_install_tx_handshake_key(quic_, &tx.aead, tx.iv.data(), tx.iv.size(),
                                                  &tx.header);
  }
  if (result != 0) tx.destroy();
  return result;
}

int Connection::install_traffic_keys() {
  auto secrets = handshake_->traffic_secrets();
  auto& theirs = secrets[initiator_ ? 1 : 0];
  auto& ours = secrets[initiator_ ? 0 : 1];
  NativeKeys rx(opening(derive_packet_keys(cipher_, theirs, kOpen, true), true));
  NativeKeys tx(sealing(derive_packet_keys(cipher_, ours, kSeal, true)));
  int result = ngtcp2_conn_install_rx_key(quic_, theirs.data(), theirs.size(), &rx.aead,
                                          rx.iv.data(), rx.iv.size(), &rx.header);
  if (result != 0) rx.destroy();
  if (result == 0) rx_header_ = static_cast<HeaderProtection*>(rx.header.native_handle);
  if (result == 0) {
    result = ngtcp2_conn_install_tx_key(quic_, ours.data(), ours.size(), &tx.aead, tx.iv.data(),
                                        tx.iv.size(), &tx.header);
  }
  if (result != 0) tx.destroy();
  for (auto& secret : secrets) crypto::wipe(secret);
  return result;
}

// ngtcp2 fills a server's initial_scid only with the Handshake keys; message 2 needs it before.
Bytes Connection::local_transport_params() const {
  ngtcp2_transport_params params = *ngtcp2_conn_get_local_transport_params(quic_);
  if (!initiator_) {
    params.initial_scid = own_scid_;
    params.initial_scid_present = 1;
  }
  ByteArray<512> buffer;
  const auto size = ngtcp2_transport_params_encode(buffer.data(), buffer.size(), &params);
  if (size < 0) return {};
  return to_bytes(ByteView(buffer).first(static_cast<std::size_t>(size)));
}

Step<void> Connection::quic(int result) {
  if (result == 0) return {};
  return std::unexpected(HandshakeFault::Malformed);
}

Step<void> Connection::submit(ngtcp2_encryption_level level, ByteView framed) {
  return quic(ngtcp2_conn_submit_crypto_data(quic_, level, framed.data(), framed.size()));
}

UnixTime Connection::wall() const {
  return state_.clock.at(Instant(Duration(static_cast<std::int64_t>(last_stamp_))) - skew_);
}

int Connection::send_hello() {
  auto message = handshake_->hello(local_transport_params(), wall());
  if (!message || !submit(NGTCP2_ENCRYPTION_LEVEL_INITIAL, *message))
    return NGTCP2_ERR_CALLBACK_FAILURE;
  return 0;
}

Step<void> Connection::on_crypto(ngtcp2_encryption_level level, ByteView bytes) {
  if (state_of_ != State::Handshaking) {
    // Only the responder's ready and repeats may still come; more is a flood.
    late_crypto_ += bytes.size();
    if (late_crypto_ > state_.limits.max_crypto_bytes)
      return std::unexpected(HandshakeFault::CryptoBuffer);
    return {};
  }
  if (!handshake_ ||
      (level != NGTCP2_ENCRYPTION_LEVEL_INITIAL && level != NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE))
    return std::unexpected(HandshakeFault::Malformed);
  auto& reader = readers_[level == NGTCP2_ENCRYPTION_LEVEL_INITIAL ? 0 : 1];
  if (auto fed = reader.feed(bytes); !fed) return fed;
  for (;;) {
    auto message = reader.next();
    if (!message) return std::unexpected(message.error());
    if (!message->has_value()) return {};
    if (auto done = on_message(level, **message); !done) return done;
  }
}

Step<void> Connection::on_message(ngtcp2_encryption_level level,
                                  const MessageReader::Message& message) {
  const bool initial = level == NGTCP2_ENCRYPTION_LEVEL_INITIAL;
  const auto type = static_cast<MessageType>(message.type);
  if (!initiator_ && initial && type == MessageType::Hello && !reply_seen_)
    return serve_hello(message.body);
  if (initiator_ && initial && type == MessageType::Reply && !reply_seen_)
    return take_reply(message.body);
  if (!initiator_ && !initial && type == MessageType::Finish && reply_seen_)
    return take_finish(message.body);
  if (initiator_ && !initial && type == MessageType::Ready) return {};
  return std::unexpected(HandshakeFault::Malformed);
}

Step<void> Connection::serve_hello(ByteView body) {
  // silent_ still: nothing of the sender is proven, a failure is answered with silence.
  auto remote = handshake_->on_hello(body, wall());
  if (!remote) return std::unexpected(remote.error());
  auto done = quic(
      ngtcp2_conn_decode_and_set_remote_transport_params(quic_, remote->data(), remote->size()));
  if (!done) return done;
  auto reply = handshake_->reply(local_transport_params(), wall());
  if (!reply) return std::unexpected(reply.error());
  reply_seen_ = true;
  if (done = submit(NGTCP2_ENCRYPTION_LEVEL_INITIAL, *reply); !done) return done;
  if (done = quic(install_handshake_keys()); !done) return done;
  silent_ = false;
  // Without a Handshake packet from the server the client never calls its path validated.
  return submit(NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE, frame_message(MessageType::Ready, {}));
}

Step<void> Connection::take_reply(ByteView body) {
  auto remote = handshake_->on_reply(body, wall());
  note_clock();
  if (!remote) return std::unexpected(remote.error());
  reply_seen_ = true;
  auto done = quic(
      ngtcp2_conn_decode_and_set_remote_transport_params(quic_, remote->data(), remote->size()));
  if (!done) return done;
  if (done = quic(install_handshake_keys()); !done) return done;
  auto finish = handshake_->finish(wall());
  if (!finish) return std::unexpected(finish.error());
  if (done = submit(NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE, *finish); !done) return done;
  if (done = quic(install_traffic_keys()); !done) return done;
  ngtcp2_conn_tls_handshake_completed(quic_);
  return {};
}

Step<void> Connection::take_finish(ByteView body) {
  auto verified = handshake_->on_finish(body, wall());
  note_clock();
  if (!verified) {
    if (handshake_->unknown() && !handshake_->joining()) report_unknown();
    return verified;
  }
  if (auto done = quic(install_traffic_keys()); !done) return done;
  ngtcp2_conn_tls_handshake_completed(quic_);
  return {};
}

// What the handshake told of the peer's clock, and whether somebody should hear of it.
void Connection::note_clock() {
  const auto ahead = handshake_->clock_ahead();
  if (!ahead || clock_ahead_ == ahead) return;
  clock_ahead_ = ahead;
  const auto& refused = handshake_->untimely();
  if (!refused && std::abs(*ahead) <= kClockSkew) return;
  const auto& whose = refused ? refused : handshake_->peer();
  if (whose) state_.events.push_back(ClockDiffers{id_, network_->id, whose->node(), *ahead});
}

void Connection::report_unknown() {
  const auto* path = path_at(current_path_);
  state_.events.push_back(MemberUnknown{id_, network_->id, *handshake_->unknown(), path->path,
                                        path->remote, handshake_->peer_roster_seq(),
                                        handshake_->peer_roster_head()});
}

void Connection::came_up() {
  const auto& certificate = *handshake_->peer();
  state_of_ = State::Up;
  was_up_ = true;
  heard_at_ = Instant(Duration(static_cast<std::int64_t>(last_stamp_)));
  peer_ = certificate.node();
  join_ = handshake_->joining();
  stranger_ = handshake_->stranger();
  ++state_.counters.handshakes_ok;
  const auto now = Instant(Duration(static_cast<std::int64_t>(last_stamp_)));
  const auto* path = path_at(current_path_);
  state_.events.push_back(SessionUp{id_, network_->id, peer_, certificate, initiator_, join_,
                                    path->path, path->remote, cipher_,
                                    handshake_->channel_binding(), handshake_->peer_roster_seq(),
                                    handshake_->peer_roster_head()});
  ngtcp2_conn_set_keep_alive_timeout(quic_,
                                     static_cast<ngtcp2_duration>(state_.limits.keepalive.count()));
  fallback_at_.reset();
  rekey_ = std::make_unique<Rekey>(handshake_->own_static(), certificate.static_key,
                                   handshake_->channel_binding());
  if (!initiator_) return;
  key_update_at_ = now + state_.limits.key_update_interval;
  rekey_at_ = now + state_.limits.rekey_interval;
}

void Connection::update_keys(const std::uint8_t* rx, const std::uint8_t* tx, std::uint8_t* next_rx,
                             std::uint8_t* next_tx, ngtcp2_crypto_aead_ctx* rx_context,
                             std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx_context,
                             std::uint8_t* tx_iv) {
  ++generations_;
  const bool mix = rekey_ && rekey_->pending() == generations_;
  const auto advance = [this, mix](const std::uint8_t* from, std::uint8_t* to, bool client,
                                   ngtcp2_crypto_aead_ctx* context, std::uint8_t* iv,
                                   PacketCipher::Direction direction) {
    Secret current;
    std::copy_n(from, current.size(), current.begin());
    auto next = next_generation(current);
    if (mix) {
      const auto& fresh = rekey_->fresh();
      next = next_generation_mixed(current, client ? fresh.client : fresh.server);
    }
    auto keys = derive_packet_keys(cipher_, next, direction, false);
    keys = direction == kOpen ? opening(std::move(keys), true) : sealing(std::move(keys));
    std::ranges::copy(next, to);
    std::ranges::copy(keys.iv, iv);
    context->native_handle = keys.cipher.release();
    crypto::wipe(current);
    crypto::wipe(next);
  };
  advance(rx, next_rx, !initiator_, rx_context, rx_iv, kOpen);
  advance(tx, next_tx, initiator_, tx_context, tx_iv, kSeal);
  if (!mix) return;
  rekey_->applied();
  state_.events.push_back(Rekeyed{id_, generations_});
}

}  // namespace weft::session
