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
}

// A packet that verified came over `entry`.
void Connection::heard(Instant now, PathEntry& entry, const Endpoint& local) {
  heard_at_ = now;
  if (!initiator_ && !local.is_unspecified()) {
    entry.local = local;
    entry.local.port = 0;
  }
  if (!keeps_alive_) {
    keeps_alive_ = true;
    ngtcp2_conn_set_keep_alive_timeout(
        quic_, static_cast<ngtcp2_duration>(state_.limits.keepalive.count()));
  }
  watch_.acked(now, news_.acks, pto());
  note_flight(now, true);
}

// The probe timeout of RFC 9002 doubles without end, so that after 16 s of silence the next try may
// come too late for the idle limit. Time is advanced for ngtcp2 to its next deadline instead.
void Connection::ask_again(Instant now) {
  if (state_of_ != State::Up || !asked_at_ || now < *asked_at_ + std::max(kProbeAtLeast, pto()))
    return;
  asked_at_ = now;
  if (keeps_alive_) {  // its deadline would be taken for the probe's
    keeps_alive_ = false;
    ngtcp2_conn_set_keep_alive_timeout(quic_, 0);
  }
  const auto expiry = ngtcp2_conn_get_expiry(quic_);
  const auto here = stamp(now);
  if (expiry <= here || expiry == UINT64_MAX) return;
  skew_ += Duration(static_cast<std::int64_t>(expiry - here));
}

bool Connection::idle(Instant now) const {
  return state_of_ == State::Up && unheard_since_ &&
         now >= *unheard_since_ + state_.limits.idle_timeout;
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
  if (!number || packet.path_index != current_path_) return;
  const bool large = packet.size > PathWatch::kBase && packet.probe == 0 &&
                     packet.size <= ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_);
  watch_.sent(now, *number, large, packet.ecn != Ecn::NotEct);
  if (packet.probe > 0) watch_.probe_sent(now, *number, packet.probe);
}

}  // namespace weft::session
