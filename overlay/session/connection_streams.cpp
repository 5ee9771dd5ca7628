// The streams of a Connection: commands from above, callbacks from ngtcp2.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "overlay/session/connection.hpp"

namespace weft::session {

namespace {

constexpr std::size_t kSpaceWorthTelling = 64 * 1024;
// Short header, packet number, frame header, tag (RFC 9000 section 17.3, RFC 9221), and slack: 1,400
// bytes fit a path of 1,500.
constexpr std::size_t kMessageOverhead = 40;
constexpr std::size_t kStreamMemory = 2048;  // of ngtcp2's, for each stream accepted
// A window is given back in quarters: few packets carry it, and most of it is always there. A
// reader keeps up if a quarter took it less than a round trip; on short paths less than this, which
// is a few turns of a busy event loop.
constexpr std::uint64_t kParts = 4;
constexpr std::uint64_t kLargestPart = 256 * 1024;  // what is held back is missing on a long path
constexpr Duration kKeepsUp = 10ms;

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
  std::int64_t id = -1;
  const int result = ngtcp2_conn_open_bidi_stream(quic_, &id, nullptr);
  if (result == NGTCP2_ERR_STREAM_ID_BLOCKED)
    return fail(Errc::Limit, "the peer allows no more streams now");
  if (result != 0) return fail(Errc::Closed, ngtcp2_strerror(result));
  streams_.emplace(id, make_stream(id, true));
  return id;
}

std::unique_ptr<Stream> Connection::make_stream(StreamId id, bool local) {
  auto stream = std::make_unique<Stream>();
  stream->id = id;
  stream->local = local;
  stream->urgent = id == 0;  // the first of a session is its control stream
  stream->standing = stream->urgent;
  if (stream->standing) ++standing_;
  stream->window = state_.limits.stream_window;
  stream->granted_at = last_stamp_;
  ngtcp2_conn_set_stream_user_data(quic_, id, stream.get());
  return stream;
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

void Connection::stand(StreamId id) {
  Stream* stream = find(id);
  if (stream && !std::exchange(stream->standing, true)) ++standing_;
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
  return send_room(state_.limits, {stream.send.size(), stream.send.unsent()}, sending_,
                   ngtcp2_conn_get_max_stream_data_left(quic_, stream.id));
}

void Connection::tell_space(Stream& stream) {
  if (!stream.want_space || stream.send_closed || stream.quic_closed) return;
  const auto& limits = state_.limits;
  const std::size_t worth =
      std::min({kSpaceWorthTelling, limits.send_buffer / 4, limits.send_ahead / 4});
  // Where little is to be had, it is worth telling once nothing waits any more.
  const std::size_t room = room_of(stream);
  if (room == 0 || (room < worth && stream.send.unsent() > 0)) return;
  stream.want_space = false;
  state_.events.push_back(StreamWritable{id_, stream.id});
}

void Connection::commit(StreamId id, std::size_t size) {
  Stream* stream = find(id);
  if (!stream || size == 0 || stream->send_closed) return;
  change_send(*stream, [&] { stream->send.commit(size); });
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
  change_send(*stream, [&] { stream->send.abandon(); });
  senders_.remove(*stream);
  take_window_back(*stream);
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

void Connection::consume(Instant now, StreamId id, std::size_t size) {
  Stream* stream = find(id);
  if (!stream || size == 0) return;
  WEFT_ASSERT(size <= stream->receive.size());
  stream->receive.drop_front(size);
  if (stream->fin_received) {
    if (stream->receive.size() == 0) take_window_back(*stream);
  } else if (quic_ && state_of_ == State::Up && !stream->quic_closed) {
    give_window(now, *stream, size);
  }
  close_if_done(*stream);
}

void Connection::give_window(Instant now, Stream& stream, std::size_t size) {
  stream.owed += size;
  if (stream.owed < std::min(stream.window / kParts, kLargestPart)) return;
  ngtcp2_conn_info details;
  ngtcp2_conn_get_conn_info(quic_, &details);
  const auto since = stream.granted_at;
  // The time that a quarter of the window may take, for this part of it.
  const auto quarter = std::max<std::uint64_t>(details.smoothed_rtt, Duration(kKeepsUp).count());
  const auto fast = quarter * stream.owed * kParts / std::max<std::uint64_t>(stream.window, 1);
  stream.granted_at = stamp(now);
  const std::uint64_t more = stream.granted_at - since < fast ? receiving_.widen(stream.window) : 0;
  stream.window += more;
  ngtcp2_conn_extend_max_stream_offset(quic_, stream.id, stream.owed + more);
  stream.owed = 0;
}

// Nothing more comes on it, and what came is not wanted.
void Connection::take_window_back(Stream& stream) {
  stream.receive.clear();
  receiving_.narrow(stream.window);
  stream.window = 0;
}

std::size_t Connection::message_limit() const {
  if (state_of_ != State::Up) return 0;
  const auto* remote = ngtcp2_conn_get_remote_transport_params(quic_);
  const std::size_t path =
      std::min({ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_), watch_.limit(), path_mtu()});
  if (!remote || path <= kMessageOverhead) return 0;
  return std::min<std::size_t>(path - kMessageOverhead, remote->max_datagram_frame_size);
}

Result<void> Connection::send_message(MessageQueue::Sender sender, ByteView payload) {
  if (state_of_ != State::Up) return fail(Errc::Closed, "the session is not up");
  if (payload.size() > message_limit())
    return fail(Errc::TooLarge, "a message must fit one packet");
  if (!messages_.push(sender, payload)) return fail(Errc::Limit, "too many messages wait");
  return {};
}

void Connection::event_taken(const SessionEvent& event) {
  if (const auto* readable = std::get_if<StreamReadable>(&event)) {
    if (Stream* stream = find(readable->stream)) stream->readable_queued = false;
  } else if (const auto* closed = std::get_if<StreamClosed>(&event)) {
    if (Stream* stream = find(closed->stream)) {
      take_window_back(*stream);
      change_send(*stream, [&] { stream->send.clear(); });
      if (stream->standing) --standing_;
      streams_.erase(closed->stream);
    }
  } else if (std::holds_alternative<MessageReceived>(event)) {
    --queued_messages_in_;
  }
}

void Connection::peer_opened(StreamId id) {
  streams_.emplace(id, make_stream(id, false));
  state_.events.push_back(StreamOpened{id_, id});
}

void Connection::announce_readable(Stream& stream) {
  if (stream.readable_queued) return;
  stream.readable_queued = true;
  state_.events.push_back(StreamReadable{id_, stream.id});
}

void Connection::stream_data(Stream& stream, ByteView bytes, bool fin) {
  ngtcp2_conn_extend_max_offset(quic_, bytes.size());  // the stream's own window bounds it
  if (stream.read_closed) return;
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
  change_send(stream, [&] { stream.send.acked(size); });
  tell_space(stream);
}

void Connection::stream_granted(Stream& stream) {
  stream.flow_blocked = false;
  schedule(stream);
  tell_space(stream);
}

void Connection::stream_reset_by_peer(Stream& stream, std::uint64_t code) {
  if (stream.read_closed) return;
  stream.read_closed = true;
  take_window_back(stream);
  state_.events.push_back(StreamReset{id_, stream.id, code});
}

void Connection::stream_stopped_by_peer(Stream& stream, std::uint64_t code) {
  if (stream.send_closed) return;
  stream.send_closed = true;
  change_send(stream, [&] { stream.send.abandon(); });
  senders_.remove(stream);
  state_.events.push_back(StreamStopped{id_, stream.id, code});
}

// ngtcp2 has forgotten the stream; ours lives on until its owner has read what came.
// A STOP_SENDING is answered inside ngtcp2, so this or a refused write is where we learn of it.
void Connection::stream_gone(Stream& stream, std::uint64_t code) {
  if (!stream.fin_sent) stream_stopped_by_peer(stream, code);
  senders_.remove(stream);
  stream.quic_closed = true;
  change_send(stream, [&] { stream.send.clear(); });
  close_if_done(stream);
}

void Connection::close_if_done(Stream& stream) {
  if (!stream.quic_closed || stream.closed_queued || stream.receive.size() > 0) return;
  stream.closed_queued = true;
  if (!stream.local && state_of_ == State::Up) ngtcp2_conn_extend_max_streams_bidi(quic_, 1);
  state_.events.push_back(StreamClosed{id_, stream.id});
}

}  // namespace weft::session
