// The streams of a Connection: commands from above, callbacks from ngtcp2.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "overlay/session/connection.hpp"

namespace weft::session {

namespace {

constexpr std::size_t kSpaceWorthTelling = 64 * 1024;
constexpr std::size_t kStreamMemory = 2048;  // of ngtcp2's, for each stream accepted

}  // namespace

Stream* Connection::find(StreamId id) const {
  const auto at = streams_.find(id);
  return at == streams_.end() ? nullptr : at->second.get();
}

void Connection::schedule(Stream& stream) {
  if (stream.wants_to_send()) senders_.push(stream);
}

Result<StreamId> Connection::open_stream() {
  if (state_of_ != State::Up) return fail(Errc::Closed, "the session is not up");
  auto stream = std::make_unique<Stream>();
  std::int64_t id = -1;
  const int result = ngtcp2_conn_open_bidi_stream(quic_, &id, stream.get());
  if (result == NGTCP2_ERR_STREAM_ID_BLOCKED)
    return fail(Errc::Limit, "the peer allows no more streams now");
  if (result != 0) return fail(Errc::Closed, ngtcp2_strerror(result));
  stream->id = id;
  stream->local = true;
  streams_.emplace(id, std::move(stream));
  return id;
}

void Connection::accept(StreamId id) {
  Stream* stream = state_of_ == State::Up ? find(id) : nullptr;
  if (!stream || stream->local || std::exchange(stream->accepted, true)) return;
  memory_.widen(kStreamMemory);
  const auto& limits = state_.limits;
  const auto more = std::min<std::uint64_t>(2, limits.max_streams_bidi - allowed_streams_);
  if (more == 0) return;
  allowed_streams_ += more;
  ngtcp2_conn_extend_max_streams_bidi(quic_, more);
}

MutableByteView Connection::send_space(StreamId id) {
  Stream* stream = state_of_ == State::Up ? find(id) : nullptr;
  if (!stream || stream->send_closed || stream->fin_wanted || stream->quic_closed) return {};
  const std::size_t room = room_of(*stream);
  if (room == 0) {
    stream->want_space = true;
    return {};
  }
  const auto space = stream->send.tail_space();
  return space.first(std::min(space.size(), room));
}

std::size_t Connection::room_of(const Stream& stream) const {
  const auto below = [](std::size_t limit, std::size_t used) {
    return limit > used ? limit - used : 0;
  };
  return std::min(below(state_.limits.send_buffer, stream.send.size()),
                  below(state_.limits.send_ahead, stream.send.unsent()));
}

void Connection::tell_space(Stream& stream) {
  if (!stream.want_space || stream.send_closed) return;
  const auto& limits = state_.limits;
  const std::size_t worth =
      std::min({kSpaceWorthTelling, limits.send_buffer / 4, limits.send_ahead / 4});
  if (room_of(stream) < worth) return;
  stream.want_space = false;
  state_.events.push_back(StreamWritable{id_, stream.id});
}

void Connection::commit(StreamId id, std::size_t size) {
  Stream* stream = find(id);
  if (!stream || size == 0 || stream->send_closed) return;
  stream->send.commit(size);
  schedule(*stream);
}

std::size_t Connection::write(StreamId id, ByteView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const auto space = send_space(id);
    if (space.empty()) break;
    const auto step = std::min(space.size(), bytes.size() - taken);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), step, space.begin());
    commit(id, step);
    taken += step;
  }
  return taken;
}

void Connection::finish(StreamId id) {
  Stream* stream = find(id);
  if (!stream || stream->fin_wanted || stream->send_closed) return;
  stream->fin_wanted = true;
  schedule(*stream);
}

void Connection::reset(StreamId id, std::uint64_t code) {
  Stream* stream = find(id);
  if (!stream || state_of_ != State::Up) return;
  stream->send_closed = true;
  stream->read_closed = true;
  stream->send.abandon();
  senders_.remove(*stream);
  drop_received(*stream);
  ack_hold_.reset();
  if (!stream->quic_closed) ngtcp2_conn_shutdown_stream(quic_, 0, id, code);
  close_if_done(*stream);
}

ByteView Connection::readable(StreamId id) const {
  const Stream* stream = find(id);
  return stream ? stream->receive.front() : ByteView{};
}

bool Connection::read_finished(StreamId id) const {
  const Stream* stream = find(id);
  if (!stream || stream->read_closed) return true;
  return stream->fin_received && stream->receive.size() == 0;
}

void Connection::consume(StreamId id, std::size_t size) {
  Stream* stream = find(id);
  if (!stream || size == 0) return;
  WEFT_ASSERT(size <= stream->receive.size());
  stream->receive.drop_front(size);
  if (quic_ && state_of_ == State::Up) {
    if (!stream->quic_closed) ngtcp2_conn_extend_max_stream_offset(quic_, id, size);
    ngtcp2_conn_extend_max_offset(quic_, size);
  }
  close_if_done(*stream);
}

void Connection::drop_received(Stream& stream) {
  const std::size_t size = stream.receive.size();
  if (size > 0 && quic_) ngtcp2_conn_extend_max_offset(quic_, size);
  stream.receive.clear();
}

Result<void> Connection::send_message(ByteView payload) {
  if (state_of_ != State::Up) return fail(Errc::Closed, "the session is not up");
  const auto* remote = ngtcp2_conn_get_remote_transport_params(quic_);
  const std::size_t path = ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_);
  if (!remote || payload.size() + 64 > path || payload.size() > remote->max_datagram_frame_size)
    return fail(Errc::TooLarge, "a message must fit one packet");
  if (messages_.size() >= state_.limits.max_queued_messages)
    return fail(Errc::Limit, "too many messages wait");
  messages_.push_back(to_bytes(payload));
  return {};
}

void Connection::event_taken(const SessionEvent& event) {
  if (const auto* readable = std::get_if<StreamReadable>(&event)) {
    if (Stream* stream = find(readable->stream)) stream->readable_queued = false;
  } else if (const auto* closed = std::get_if<StreamClosed>(&event)) {
    streams_.erase(closed->stream);
  } else if (std::holds_alternative<MessageReceived>(event)) {
    --queued_messages_in_;
  }
}

void Connection::peer_opened(StreamId id) {
  auto stream = std::make_unique<Stream>();
  stream->id = id;
  ngtcp2_conn_set_stream_user_data(quic_, id, stream.get());
  streams_.emplace(id, std::move(stream));
  state_.events.push_back(StreamOpened{id_, id});
}

void Connection::announce_readable(Stream& stream) {
  if (stream.readable_queued) return;
  stream.readable_queued = true;
  state_.events.push_back(StreamReadable{id_, stream.id});
}

void Connection::stream_data(Stream& stream, ByteView bytes, bool fin) {
  if (stream.read_closed) {
    ngtcp2_conn_extend_max_offset(quic_, bytes.size());
    return;
  }
  while (!bytes.empty()) {
    const auto space = stream.receive.tail_space();
    const auto step = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), step, space.begin());
    stream.receive.fill(step);
    bytes = bytes.subspan(step);
  }
  if (fin) stream.fin_received = true;
  announce_readable(stream);
}

void Connection::stream_acked(Stream& stream, std::size_t size) {
  stream.send.acked(size);
  tell_space(stream);
}

void Connection::stream_reset_by_peer(Stream& stream, std::uint64_t code) {
  if (stream.read_closed) return;
  stream.read_closed = true;
  drop_received(stream);
  state_.events.push_back(StreamReset{id_, stream.id, code});
}

void Connection::stream_stopped_by_peer(Stream& stream, std::uint64_t code) {
  if (stream.send_closed) return;
  stream.send_closed = true;
  stream.send.abandon();
  senders_.remove(stream);
  state_.events.push_back(StreamStopped{id_, stream.id, code});
}

// ngtcp2 has forgotten the stream; ours lives on until its owner has read what came.
// A STOP_SENDING is answered inside ngtcp2, so this or a refused write is where we learn of it.
void Connection::stream_gone(Stream& stream, std::uint64_t code) {
  if (!stream.fin_sent) stream_stopped_by_peer(stream, code);
  senders_.remove(stream);
  stream.quic_closed = true;
  stream.send.clear();
  close_if_done(stream);
}

void Connection::close_if_done(Stream& stream) {
  if (!stream.quic_closed || stream.closed_queued || stream.receive.size() > 0) return;
  stream.closed_queued = true;
  if (!stream.local && state_of_ == State::Up) ngtcp2_conn_extend_max_streams_bidi(quic_, 1);
  state_.events.push_back(StreamClosed{id_, stream.id});
}

}  // namespace weft::session
