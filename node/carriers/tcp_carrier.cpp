#include "node/carriers/tcp_carrier.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "node/io/clock.hpp"

namespace weft::carriers {

namespace {

constexpr int kNotSentLow = 16 * 1024;  // what the kernel may hold that has not left yet

// One for all connections of the loop: what a read leaves over is kept by the connection.
MutableByteView scratch() {
  thread_local std::array<std::uint8_t, 64 * 1024> bytes;
  return bytes;
}

}  // namespace

void set_stream_options(int fd) {
  const auto set = [fd](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, kNotSentLow);
  set(SOL_SOCKET, SO_SNDBUF, TcpCarrier::kSocketBuffer);
}

TcpCarrier::TcpCarrier(io::EventLoop& loop, io::UniqueFd fd, const Endpoint& remote,
                       DatagramSink& sink, std::function<void()> ended)
    : loop_(loop),
      remote_(remote),
      sink_(sink),
      link_(io::monotonic_time(), true),
      ended_(std::move(ended)),
      watch_(loop, std::move(fd), *this) {
  set_stream_options(watch_.fd());
  watch_.want_read();
}

TcpCarrier::~TcpCarrier() { *alive_ = false; }

void TcpCarrier::end() {
  if (std::exchange(over_, true)) return;
  loop_.post([this, alive = alive_] {
    if (*alive) ended_();
  });
}

// ---- in -----------------------------------------------------------------------------------------

void TcpCarrier::on_fd_readable() {
  const Instant now = io::monotonic_time();
  for (std::size_t taken = 0; taken < share_ && !over_ && !link_.spoiled();) {
    MutableByteView room = scratch();
    const std::size_t before = partial_.size();
    std::ranges::copy(partial_, room.begin());
    const auto got = ::recv(watch_.fd(), room.data() + before, room.size() - before, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got <= 0) {
      end();
      break;
    }
    taken += static_cast<std::size_t>(got);
    take(now, room.first(before + static_cast<std::size_t>(got)));
  }
  if (!over_ && !link_.spoiled()) watch_.want_read();
  if (link_.waits()) flush();  // a ping was answered
  sink_.on_batch_end();
}

void TcpCarrier::take(Instant now, ByteView bytes) {
  for (;;) {
    const auto frame = path::first_frame(bytes);
    if (!frame) return link_.spoil();
    if (!*frame) break;
    bytes = bytes.subspan(path::kFrameLength + (*frame)->size());
    if (!link_.take(now, **frame)) continue;
    Datagram datagram;
    datagram.from = remote_;
    datagram.payload = **frame;
    sink_.on_datagram(datagram);
  }
  partial_ = to_bytes(bytes);
}

// ---- out ----------------------------------------------------------------------------------------

bool TcpCarrier::send(const Transmit& transmit, ByteView bytes) {
  if (over_) return true;  // it will be told as a closed path
  const bool taken =
      link_.send(io::monotonic_time(), bytes.first(transmit.size), transmit.segment_size);
  if (unsent_.empty()) flush();
  return taken;
}

void TcpCarrier::flush() {
  while (!over_) {
    if (unsent_.empty()) {
      const auto size = link_.next(io::monotonic_time(), scratch().first(kAhead));
      if (size == 0) return;
      unsent_ = to_bytes(scratch().first(size));
    }
    const auto sent =
        ::send(watch_.fd(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return watch_.want_write();
    if (sent < 0) return end();
    unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
  }
}

void TcpCarrier::on_fd_writable() {
  flush();
  if (!blocked()) sink_.on_writable();
}

bool TcpCarrier::look(Instant now, bool used) {
  const bool stays = link_.look(now, used) && !over_;
  if (stays && link_.waits() && unsent_.empty()) flush();
  return stays;
}

}  // namespace weft::carriers
