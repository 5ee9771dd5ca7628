#include "node/adapter/udp_flow.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "node/io/clock.hpp"

namespace weft::adapter {

namespace {

constexpr std::size_t kFrameHeader = 2;

std::size_t length_in(ByteView frame) { return std::size_t{frame[0]} << 8 | frame[1]; }

}  // namespace

UdpFlow::UdpFlow(const FlowPorts& ports, StreamKey key, std::unique_ptr<UdpSide> side,
                 FlowOwner& owner)
    : ports_(ports), key_(key), side_(std::move(side)), owner_(owner), timer_(ports.loop, [this] {
        on_time();
      }) {
  WEFT_ASSERT(ports_.messages != nullptr);
  WEFT_ASSERT(side_ != nullptr);
}

UdpFlow::~UdpFlow() {
  *alive_ = false;
  if (!done_) ports_.streams.reset(key_, kLocalClosed);
}

void UdpFlow::start(Bytes) {
  last_ = io::monotonic_time();
  timer_.arm(last_ + ports_.datagram_idle);
  side_->hear([this](ByteView datagram) { on_local(datagram); });
  if (!done_) on_stream_readable();
}

void UdpFlow::on_local(ByteView datagram) {
  if (done_) return;
  const auto sent = datagram.size() > kMaxDatagram
                        ? Result<void>(fail(Errc::Unsupported, "no datagram is so large"))
                        : ports_.messages->send_message(key_, datagram);
  const bool large = !sent && sent.error().code == Errc::TooLarge;
  if (!sent && !(large && send_large(datagram))) {
    ++datagrams_.lost;
    return;
  }
  ++datagrams_.to_stream;
  datagrams_.large += large ? 1 : 0;
  bytes_.to_stream += datagram.size();
  last_ = io::monotonic_time();
  owner_.on_bytes(key_, datagram.size(), Direction::ToPeer);
}

// All of it or nothing: half a frame would be waited for.
bool UdpFlow::send_large(ByteView datagram) {
  if (pending_.size() + kFrameHeader + datagram.size() > kMaxPending) return false;
  pending_.push_back(static_cast<std::uint8_t>(datagram.size() >> 8));
  pending_.push_back(static_cast<std::uint8_t>(datagram.size()));
  append(pending_, datagram);
  send_pending();
  return true;
}

void UdpFlow::send_pending() {
  std::size_t taken = 0;
  while (!done_ && taken < pending_.size()) {
    const auto space = ports_.streams.send_space(key_);
    if (space.empty()) break;  // on_stream_writable() follows
    const std::size_t size = std::min(space.size(), pending_.size() - taken);
    std::ranges::copy(ByteView(pending_).subspan(taken, size), space.begin());
    ports_.streams.commit(key_, size);
    taken += size;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(taken));
}

void UdpFlow::deliver(ByteView datagram) {
  const auto sent = side_->send(datagram);
  if (sent == UdpSide::Sent::NobodyThere && !std::exchange(nobody_there_, true))
    owner_.on_nobody_there(key_);
  if (sent != UdpSide::Sent::Yes) {
    ++datagrams_.lost;
    return;
  }
  ++datagrams_.from_stream;
  bytes_.from_stream += datagram.size();
  last_ = io::monotonic_time();
  owner_.on_bytes(key_, datagram.size(), Direction::FromPeer);
}

void UdpFlow::on_message(ByteView message) {
  if (!done_ && message.size() <= kMaxDatagram) deliver(message);
}

void UdpFlow::on_stream_readable() {
  take_frames();
  if (!done_ && ports_.streams.read_finished(key_)) {
    ports_.streams.finish(key_);
    complete(FlowEnd::Clean);
  }
}

// A frame is gathered as far as it has come: no more is held than was received.
void UdpFlow::take_frames() {
  while (!done_) {
    const ByteView view = ports_.streams.readable(key_);
    if (view.empty()) return;
    const std::size_t wanted =
        frame_.size() < kFrameHeader ? kFrameHeader : kFrameHeader + length_in(frame_);
    const std::size_t size = std::min(view.size(), wanted - frame_.size());
    append(frame_, view.first(size));
    ports_.streams.consume(key_, size);
    if (frame_.size() < kFrameHeader) continue;
    const std::size_t length = length_in(frame_);
    if (frame_.size() < kFrameHeader + length) continue;
    if (length <= kMaxDatagram) {
      ++datagrams_.large;
      deliver(ByteView(frame_).subspan(kFrameHeader));
    }
    frame_ = Bytes();
  }
}

void UdpFlow::on_stream_reset(std::uint64_t) { complete(FlowEnd::StreamReset); }
void UdpFlow::on_stream_stopped(std::uint64_t) { complete(FlowEnd::StreamReset); }
void UdpFlow::on_stream_closed() {
  on_stream_readable();
  complete(FlowEnd::StreamLost);
}

// The timer is not moved with each datagram: it looks how long ago the last one was.
void UdpFlow::on_time() {
  if (done_) return;
  const Instant ends = last_ + ports_.datagram_idle;
  if (io::monotonic_time() < ends) return timer_.arm(ends);
  ports_.streams.finish(key_);
  complete(FlowEnd::Clean);
}

void UdpFlow::complete(FlowEnd end) {
  if (done_) return;
  done_ = true;
  timer_.cancel();
  side_->hear({});
  ports_.loop.post([this, alive = alive_, end] {
    if (*alive) owner_.on_flow_done(key_, end);
  });
}

}  // namespace weft::adapter
