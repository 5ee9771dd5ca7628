#include "node/adapter/handshake_flow.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "node/io/clock.hpp"

namespace weft::adapter {

HandshakeFlow::HandshakeFlow(const FlowPorts& ports, StreamKey key, FlowOwner& owner,
                             Duration limit)
    : ports_(ports),
      key_(key),
      owner_(owner),
      timer_(ports.loop, [this] { give_up(Lost::Time, FlowEnd::LocalReset); }) {
  timer_.arm(io::monotonic_time() + limit);
}

HandshakeFlow::~HandshakeFlow() {
  *alive_ = false;
  if (in_handshake()) ports_.streams.reset(key_, kLocalClosed);
}

void HandshakeFlow::start(Bytes) {
  began();
  on_stream_readable();
}

// Byte by byte: the stream keeps what is behind the handshake.
void HandshakeFlow::on_stream_readable() {
  if (pump_) return pump_->on_stream_readable();
  while (in_handshake() && !paused_) {
    const ByteView view = ports_.streams.readable(key_);
    if (view.empty()) break;
    heard_.push_back(view.front());
    ports_.streams.consume(key_, 1);
    if (!heard()) paused_ = true;
  }
  if (in_handshake() && !paused_ && ports_.streams.read_finished(key_))
    give_up(Lost::Stream, FlowEnd::StreamReset);
}

void HandshakeFlow::on_stream_writable() {
  if (pump_) return pump_->on_stream_writable();
  send();
}
void HandshakeFlow::on_stream_reset(std::uint64_t code) {
  if (pump_) return pump_->on_stream_reset(code);
  give_up(Lost::Stream, FlowEnd::StreamReset);
}
void HandshakeFlow::on_stream_stopped(std::uint64_t code) {
  if (pump_) return pump_->on_stream_stopped(code);
  give_up(Lost::Stream, FlowEnd::StreamReset);
}
void HandshakeFlow::on_stream_closed() {
  if (pump_) return pump_->on_stream_closed();
  give_up(Lost::Stream, FlowEnd::StreamLost);
}

const FlowCounters& HandshakeFlow::counters() const { return pump_ ? pump_->counters() : none_; }

void HandshakeFlow::say(ByteView bytes) {
  WEFT_ASSERT(unsent_.size() + bytes.size() <= kMostSaid);
  append(unsent_, bytes);
  send();
}

void HandshakeFlow::send() {
  while (!unsent_.empty()) {
    const auto space = ports_.streams.send_space(key_);
    if (space.empty()) return;
    const auto size = std::min(space.size(), unsent_.size());
    std::copy_n(unsent_.begin(), size, space.begin());
    ports_.streams.commit(key_, size);
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(size));
  }
  if (std::exchange(finish_wanted_, false)) ports_.streams.finish(key_);
}

// What was said has left: a handshake is far smaller than a stream's first window.
void HandshakeFlow::join(io::UniqueFd socket, Bytes already_read) {
  WEFT_ASSERT(in_handshake());
  timer_.cancel();
  append(unsent_, already_read);
  pump_ = std::make_unique<TcpPump>(ports_.loop, ports_.streams, key_, std::move(socket), owner_);
  pump_->start(std::exchange(unsent_, {}));
}

void HandshakeFlow::end(bool in_order) {
  if (!in_handshake()) return;
  if (in_order) {
    finish_wanted_ = true;
    send();
    complete(FlowEnd::Clean);
  } else {
    ports_.streams.reset(key_, kLocalClosed);
    complete(FlowEnd::LocalReset);
  }
}

void HandshakeFlow::give_up(Lost why, FlowEnd end) {
  if (!in_handshake()) return;
  lost(why);
  if (!in_handshake()) return;
  ports_.streams.reset(key_, kLocalClosed);
  complete(end);
}

void HandshakeFlow::complete(FlowEnd end) {
  done_ = true;
  timer_.cancel();
  ports_.loop.post([this, alive = alive_, end] {
    if (*alive) owner_.on_flow_done(key_, end);
  });
}

}  // namespace weft::adapter
