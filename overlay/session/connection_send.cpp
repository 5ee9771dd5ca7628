// Writing packets: one GSO batch per call, streams served in turn.
#include <algorithm>
#include <cstring>

#include "overlay/session/connection.hpp"

namespace weft::session {

namespace {

constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxBatch = 65000;
constexpr std::size_t kMaxVectors = 4;
// Bytes of one stream before the next has its turn: enough that the program at the other end gets
// them in few writes, few enough that a short message beside them still leaves in this batch.
constexpr std::size_t kQuantum = 16 * 1024;

}  // namespace

std::optional<Transmit> Connection::transmit_close(MutableByteView out, Instant now) {
  if (!close_unsent_) return std::nullopt;
  close_unsent_ = false;
  if (close_packet_.empty()) {
    ngtcp2_ccerr error;
    ngtcp2_ccerr_default(&error);
    const auto* why = reinterpret_cast<const std::uint8_t*>(close_why_.data());
    if (close_type_ == NGTCP2_CCERR_TYPE_TRANSPORT) {
      ngtcp2_ccerr_set_transport_error(&error, close_code_, why, close_why_.size());
    } else {
      ngtcp2_ccerr_set_application_error(&error, close_code_, why, close_why_.size());
    }
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info{};
    const auto size = ngtcp2_conn_write_connection_close(quic_, &path.path, &info, out.data(),
                                                         out.size(), &error, stamp(now));
    if (size <= 0) return std::nullopt;
    close_packet_ = to_bytes(out.first(static_cast<std::size_t>(size)));
  }
  const auto* entry = path_at(current_path_);
  if (!entry) return std::nullopt;
  const std::size_t wanted = state_.paths.at(entry->path).headroom;
  std::ranges::copy(close_packet_, out.subspan(wanted).begin());
  tx_bytes_ += close_packet_.size();
  Transmit transmit{entry->path, entry->remote, wanted + close_packet_.size(), 0, Ecn::NotEct, {}};
  if (!initiator_) transmit.local = entry->local;
  transmit.headroom = wanted;
  return transmit;
}

bool Connection::holds_back(Instant now) const {
  return ack_hold_ && now < *ack_hold_ && unanswered_ < kAckThreshold && state_of_ == State::Up &&
         senders_.front() == nullptr && messages_.empty() && held_.empty();
}

Stream* Connection::next_sender() {
  // With the session's window used up only a bare end of stream can go out.
  const bool starved = ngtcp2_conn_get_max_data_left(quic_) == 0;
  for (int tried = 0; tried < 16; ++tried) {
    Stream* stream = senders_.front();
    if (!stream) return nullptr;
    if (!stream->wants_to_send()) {
      senders_.remove(*stream);
      continue;
    }
    if (!starved || stream->send.unsent() == 0) return stream;
    senders_.rotate();
  }
  return nullptr;
}

void Connection::wrote_stream(Stream& stream, std::size_t offered, ngtcp2_ssize taken, bool fin) {
  if (taken < 0) return;
  change_send(stream, [&] { stream.send.sent(static_cast<std::size_t>(taken)); });
  tell_space(stream);
  if (fin && static_cast<std::size_t>(taken) == offered) stream.fin_sent = true;
  stream.served += static_cast<std::size_t>(taken);
  if (!stream.wants_to_send()) {
    stream.served = 0;
    senders_.remove(stream);
  } else if (stream.served >= kQuantum) {
    stream.served = 0;
    senders_.rotate();
  }
}

ngtcp2_ssize Connection::write_messages(MutableByteView out, ngtcp2_tstamp now, ngtcp2_path* path,
                                        ngtcp2_pkt_info* info) {
  const std::size_t room = message_limit();
  while (!messages_.empty()) {
    Bytes& message = messages_.front();
    if (message.size() > room) {  // the path became narrower after it was queued
      messages_.pop_front();
      ++state_.counters.packets_dropped;
      continue;
    }
    ngtcp2_vec vector{message.data(), message.size()};
    int accepted = 0;
    const auto size =
        ngtcp2_conn_writev_datagram(quic_, path, info, out.data(), out.size(), &accepted,
                                    NGTCP2_WRITE_DATAGRAM_FLAG_MORE, 0, &vector, 1, now);
    if (accepted) messages_.pop_front();
    if (size == NGTCP2_ERR_INVALID_STATE || size == NGTCP2_ERR_INVALID_ARGUMENT) {
      messages_.pop_front();
      continue;
    }
    if (size != NGTCP2_ERR_WRITE_MORE) return size;
  }
  return NGTCP2_ERR_WRITE_MORE;
}

ngtcp2_ssize Connection::write_streams(MutableByteView out, ngtcp2_tstamp now, ngtcp2_path* path,
                                       ngtcp2_pkt_info* info) {
  for (;;) {
    Stream* stream = state_of_ == State::Up ? next_sender() : nullptr;
    if (!stream) {
      return ngtcp2_conn_writev_stream(quic_, path, info, out.data(), out.size(), nullptr,
                                       NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, now);
    }
    std::array<ngtcp2_vec, kMaxVectors> vectors;
    std::size_t count = 0;
    const auto offered = stream->send.gather(vectors.data(), vectors.size(), &count);
    const bool fin = stream->fin_wanted && offered == stream->send.unsent();
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
    if (fin) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    ngtcp2_ssize taken = -1;
    const auto size = ngtcp2_conn_writev_stream(quic_, path, info, out.data(), out.size(), &taken,
                                                flags, stream->id, vectors.data(), count, now);
    switch (size) {
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        if (ngtcp2_conn_get_max_data_left(quic_) > 0) stream->flow_blocked = true;
        senders_.remove(*stream);
        if (!stream->flow_blocked) senders_.push(*stream);
        continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        stream_stopped_by_peer(*stream, 0);
        continue;
      case NGTCP2_ERR_WRITE_MORE:
        wrote_stream(*stream, offered, taken, fin);
        continue;
      default:
        wrote_stream(*stream, offered, taken, fin);
        return size;
    }
  }
}

ngtcp2_ssize Connection::write_packet(MutableByteView out, ngtcp2_tstamp now, Packet& packet) {
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  // Messages go first, and every second packet is for streams that wait: a flood of datagrams must
  // not stop the control stream.
  const bool speak = !messages_.empty() && state_of_ == State::Up;
  ngtcp2_ssize size = 0;
  if (speak && streams_turn_ && next_sender() != nullptr)
    size = write_streams(out, now, &path.path, &info);
  streams_turn_ = speak && size == 0;
  if (size == 0) {
    size = NGTCP2_ERR_WRITE_MORE;
    if (speak) size = write_messages(out, now, &path.path, &info);
    if (size == NGTCP2_ERR_WRITE_MORE) size = write_streams(out, now, &path.path, &info);
  }
  if (size > 0) {
    packet.size = static_cast<std::size_t>(size);
    packet.path_index = path_index_of(path.path);
    packet.ecn = static_cast<Ecn>(info.ecn & 3u);
  }
  return size;
}

std::size_t Connection::headroom() const {
  std::size_t most = 0;
  for (const auto& entry : paths_) most = std::max(most, state_.paths.at(entry.path).headroom);
  return most;
}

// Several packets that leave together: each behind the headroom its path wants.
struct Connection::Batch {
  MutableByteView out;
  std::size_t headroom;  // left free before each packet while it is written
  std::size_t most;      // packets
  Packet first{};
  std::uint64_t last_number = 0;
  std::size_t used = 0;
  std::size_t segment = 0;  // bytes of the first, its headroom included
  std::size_t count = 0;

  [[nodiscard]] MutableByteView space(std::size_t packet) const {
    const std::size_t begin = used + headroom;
    return begin >= out.size() ? MutableByteView{}
                               : out.subspan(begin, std::min(packet, out.size() - begin));
  }
  [[nodiscard]] bool fits(const Packet& packet) const {
    return count == 0 || (packet.size <= first.size && packet.path_index == first.path_index &&
                          packet.ecn == first.ecn);
  }
  // The packet lies in space(). Most paths want less before it than the widest does.
  void add(const Packet& packet, std::size_t wanted) {
    if (wanted < headroom) std::memmove(&out[used + wanted], &out[used + headroom], packet.size);
    if (count++ == 0) {
      first = packet;
      segment = wanted + packet.size;
    }
    if (packet.number) last_number = *packet.number;
    used += wanted + packet.size;
  }
};

std::size_t Connection::headroom_of(const Batch& batch, const Packet& packet) const {
  if (batch.headroom == 0) return 0;
  const auto* entry = path_at(packet.path_index);
  return entry == nullptr ? 0 : state_.paths.at(entry->path).headroom;
}

std::optional<Transmit> Connection::finish_batch(Instant now, const Batch& batch) {
  const auto* entry = path_at(batch.first.path_index);
  if (!entry || batch.count == 0) return std::nullopt;
  const std::size_t wanted = state_.paths.at(entry->path).headroom;
  tx_bytes_ += batch.used - batch.count * wanted;
  Transmit out{entry->path, entry->remote, batch.used, 0, batch.first.ecn, {}};
  if (!initiator_) out.local = entry->local;  // who dials leaves the choice to the kernel
  if (batch.count > 1) out.segment_size = batch.segment;
  out.headroom = wanted;
  out.gso = state_.paths.gso().may_cut(now, entry->local);
  const bool probe = batch.first.size > ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_) ||
                     batch.first.probe > 0;  // it may be lost for its size
  if (batch.first.number && batch.first.path_index == current_path_ && !probe)
    trains_.sent(now, *batch.first.number, batch.last_number, out.gso);
  return out;
}

std::optional<Transmit> Connection::transmit(Instant now, MutableByteView out) {
  if (state_of_ == State::Dead) return std::nullopt;
  if (state_of_ == State::Closing) return transmit_close(out, now);
  if (holds_back(now)) return std::nullopt;
  // A packet written sooner than ngtcp2 thinks an acknowledgement due carries none: hold on.
  if (ack_hold_)
    ack_hold_ = unanswered_ < kAckThreshold ? std::optional(now + kAckHold) : std::nullopt;
  unanswered_ = 0;
  Batch batch{out.first(std::min(out.size(), kMaxBatch)), headroom(), most_segments(now)};
  if (!held_.empty()) {
    std::ranges::copy(held_, batch.space(held_.size()).begin());
    batch.add(held_packet_, headroom_of(batch, held_packet_));
    held_.clear();
    held_.shrink_to_fit();
  }
  const auto ts = stamp(now);
  write_batch(now, ts, batch);
  if (state_of_ == State::Closing && batch.count == 0) return transmit_close(out, now);
  if (state_of_ != State::Dead) {
    pace(ts, batch);
    if (batch.count > 0) note_flight(now, false);
  }
  return finish_batch(now, batch);
}

// Packets that leave alone are paced as the batch that they would have been.
void Connection::pace(ngtcp2_tstamp ts, const Batch& batch) {
  unpaced_ += batch.used;
  const bool more_may_follow = batch.count == 1 && batch.most == 1;
  if (unpaced_ == 0 || (more_may_follow && unpaced_ < ngtcp2_conn_get_send_quantum(quic_))) return;
  unpaced_ = 0;
  ngtcp2_conn_update_pkt_tx_time(quic_, ts);
}

// As long as nothing was heard since a probe timeout, and before the keys are settled, each packet
// leaves alone: where trains are mangled, singles must get through, or nothing would be learned.
std::size_t Connection::most_segments(Instant now) const {
  return state_of_ == State::Up && !silent(now) ? kMaxSegments : 1;
}

void Connection::write_batch(Instant now, ngtcp2_tstamp ts, Batch& batch) {
  const std::size_t quantum = std::max(ngtcp2_conn_get_send_quantum(quic_), std::size_t{1200});
  const std::size_t largest =
      std::min({ngtcp2_conn_get_max_tx_udp_payload_size(quic_), watch_.limit(), path_mtu()});
  if (batch.count == 0 && state_of_ == State::Up) {
    const auto probe = watch_.probe_size(
        std::min(ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_), path_mtu()));
    Packet packet;
    if (probe && *probe <= batch.space(*probe).size() &&
        write_probe(batch.space(*probe), ts, packet) > 0) {
      wrote_packet(now, packet);
      batch.add(packet, headroom_of(batch, packet));
    }
  }
  while (batch.count == 0 || (batch.count < batch.most && batch.used < quantum &&
                              batch.space(largest).size() == largest)) {
    Packet packet;
    const auto size = write_packet(batch.space(largest), ts, packet);
    if (size < 0) return fail_with(now, static_cast<int>(size));
    if (size == 0) return;
    wrote_packet(now, packet);
    if (!batch.fits(packet)) {
      held_ = to_bytes(batch.space(packet.size));
      held_packet_ = packet;
      return;
    }
    batch.add(packet, headroom_of(batch, packet));
    if (packet.size < batch.first.size) return;
  }
}

}  // namespace weft::session
