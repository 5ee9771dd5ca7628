// What the path of a Connection does: silence, sizes, the address it is called at.
#include <algorithm>
#include <utility>

#include "overlay/session/connection.hpp"

namespace weft::session {

Duration Connection::pto() const {
  return Duration(static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_)));
}

void Connection::note_flight(Instant now, bool heard) {
  if (state_of_ != State::Up) return;
  ngtcp2_conn_info details;
  ngtcp2_conn_get_conn_info(quic_, &details);
  const auto flight = static_cast<std::size_t>(details.bytes_in_flight);
  if (flight == 0) {
    asked_at_.reset();
    unheard_since_.reset();
  } else {
    if (heard || !unheard_since_) unheard_since_ = now;
    if (!asked_at_ || (!heard && flight > flight_)) asked_at_ = now;
  }
  flight_ = flight;
  watch_.in_flight(now, flight > 0);
  tell_silence();
}

void Connection::tell_silence() {
  if (state_of_ != State::Up || watch_.silent() == told_silent_) return;
  told_silent_ = watch_.silent();
  state_.events.push_back(SilenceChanged{id_, told_silent_});
}

bool Connection::blocked() const {
  const auto* entry = path_at(current_path_);
  return entry != nullptr && state_.paths.blocked(entry->path, entry->remote);
}

// A packet that verified came over `entry`.
void Connection::heard(Instant now, PathEntry& entry, const Endpoint& local, Instant arrived) {
  heard_at_ = now;
  order_.opened(now, news_.number, arrived);
  if (!local.is_unspecified()) {
    entry.local = local;
    entry.local.port = 0;
  }
  if (!keeps_alive_) {
    keeps_alive_ = true;
    ngtcp2_conn_set_keep_alive_timeout(
        quic_, static_cast<ngtcp2_duration>(state_.limits.keepalive.count()));
  }
  watch_.acked(now, news_.acks, pto());
  judge_trains(now, entry);
  note_flight(now, true);
}

void Connection::judge_trains(Instant now, const PathEntry& entry) {
  if (entry.index != current_path_ || news_.acks.count == 0) return;
  trains_.judge(now, watch_, pto(), [&](const TrainWatch::Fate& fate) {
    if (!path::over_stream(state_.paths.at(entry.path).kind))
      state_.paths.gso().note(now, entry.local, fate.by_kernel, fate.sent, fate.lost);
    ngtcp2_conn_info details;
    ngtcp2_conn_get_conn_info(quic_, &details);
    const auto rtt = Duration(static_cast<std::int64_t>(details.smoothed_rtt));
    state_.paths.note(entry.path, entry.remote, rtt, fate.sent, fate.lost);
  });
}

std::size_t Connection::path_mtu() const {
  const auto* entry = path_at(current_path_);
  return entry == nullptr ? path::kLeastMtu : state_.paths.leaving(entry->path, entry->remote).mtu;
}

// The probe timeout of RFC 9002 doubles without end, so that after 16 s of silence the next try may
// come too late for the idle limit. Time is advanced for ngtcp2 to its next deadline instead.
void Connection::ask_again(Instant now) {
  if (state_of_ != State::Up || !asked_at_ || now < *asked_at_ + std::max(kProbeAtLeast, pto()))
    return;
  asked_at_ = now;
  hasten(now);
}

void Connection::hasten(Instant now) {
  if (keeps_alive_) {  // its deadline would be taken for the probe's
    keeps_alive_ = false;
    ngtcp2_conn_set_keep_alive_timeout(quic_, 0);
  }
  const auto expiry = ngtcp2_conn_get_expiry(quic_);
  const auto here = stamp(now);
  if (expiry <= here || expiry == UINT64_MAX) return;
  skew_ += Duration(static_cast<std::int64_t>(expiry - here));
}

// While the congestion window is full ngtcp2 writes no PATH_RESPONSE but after a probe timeout. What
// a dead path swallowed would so keep the peer from another one. So the timeout is now, before the
// challenge is read: an id that is bound to its path would be given up when time goes on.
void Connection::make_answering(Instant now) {
  if (initiator_ || state_of_ != State::Up || now < answering_next_) return;
  const auto since = watch_.unanswered_since();
  if (!since || now - *since < pto() || ngtcp2_conn_get_cwnd_left(quic_) > 0) return;
  answering_next_ = now + kAnswering;
  hasten(now);
  if (ngtcp2_conn_get_expiry(quic_) > stamp(now)) return;
  if (const int result = ngtcp2_conn_handle_expiry(quic_, stamp(now)); result != 0)
    fail_with(now, result);
}

bool Connection::silent(Instant now) const {
  return unheard_since_ && now - *unheard_since_ >= pto();
}

void Connection::read_held(Instant now) {
  while (state_of_ == State::Up) {
    const auto held = order_.take(now);
    if (!held) return;
    read(now, {held->path, held->local, held->from, held->ecn, held->bytes}, held->arrived);
  }
  order_.clear();
}

// RFC 9001 5.4 and RFC 9000 A.3, without opening the packet; nullopt for what has a long header.
std::optional<std::uint64_t> Connection::number_of(ByteView packet) const {
  constexpr std::size_t kAt = 1 + kCidSize;
  constexpr std::size_t kSampleAt = kAt + 4;
  if (!rx_header_ || packet.size() < kSampleAt + NGTCP2_HP_SAMPLELEN || (packet[0] & 0x80u) != 0)
    return std::nullopt;
  ByteArray<5> mask;
  if (!rx_header_->mask(mask, packet.subspan(kSampleAt, NGTCP2_HP_SAMPLELEN))) return std::nullopt;
  const std::size_t size = ((packet[0] ^ mask[0]) & 0x03u) + 1u;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < size; ++i) low = low << 8 | (packet[kAt + i] ^ mask[1 + i]);
  const std::uint64_t window = 1ull << (8 * size);
  const std::uint64_t expected = order_.next();
  const std::uint64_t near = (expected & ~(window - 1)) | low;
  if (near + window / 2 <= expected) return near + window;
  if (near > expected + window / 2 && near >= window) return near - window;
  return near;
}

bool Connection::idle(Instant now) const {
  const auto over = [&](const std::optional<Instant>& since) {
    return since && now >= *since + state_.limits.idle_timeout;
  };
  return state_of_ == State::Up && (over(unheard_since_) || over(parked));
}

void Connection::refused(Instant now, PathId path, const Endpoint& remote, std::size_t size) {
  const auto* entry = path_at(current_path_);
  if (state_of_ != State::Up || !entry || entry->path != path || entry->remote != remote) return;
  // Larger ones are ngtcp2's own search, which takes the silence for its answer.
  if (size <= ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_)) watch_.refused(now, size);
}

// An empty message of the path's next size: a DATAGRAM frame, so that its loss costs no data.
ngtcp2_ssize Connection::write_probe(MutableByteView out, ngtcp2_tstamp now, Packet& packet) {
  constexpr std::size_t kAround = 1 + kCidSize + 4 + 3 + PacketCipher::kTagSize;
  Bytes zeros(out.size() - kAround);
  ngtcp2_vec vector{zeros.data(), zeros.size()};
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  int accepted = 0;
  const auto size =
      ngtcp2_conn_writev_datagram(quic_, &path.path, &info, out.data(), out.size(), &accepted,
                                  NGTCP2_WRITE_DATAGRAM_FLAG_NONE, 0, &vector, 1, now);
  if (size <= 0) return size;
  packet.size = static_cast<std::size_t>(size);
  packet.path_index = path_index_of(path.path);
  packet.ecn = static_cast<Ecn>(info.ecn & 3u);
  packet.probe = accepted != 0 ? out.size() : 0;
  return size;
}

void Connection::wrote_packet(Instant now, Packet& packet) {
  if (!watch_.marks()) packet.ecn = Ecn::NotEct;
  const auto number = std::exchange(news_.sealed, std::nullopt);
  packet.number = number;
  if (!number || packet.path_index != current_path_) return;
  const bool large = packet.size > PathWatch::kBase && packet.probe == 0 &&
                     packet.size <= ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_);
  watch_.sent(now, *number, large, packet.ecn != Ecn::NotEct);
  if (packet.probe > 0) watch_.probe_sent(now, *number, packet.probe);
}

}  // namespace weft::session
