//   input   Idle -> Reading <-> Paused (stream full) -> Ended (end of the socket, stream finished)
//   output  Idle -> Open <-> Blocked (socket full) -> Ended (end of the stream, socket shut down)
//                     \-> Discarding (unix program gone) -> Ended
// Both Ended, or a failure of either end: done.
#include "node/adapter/tcp_pump.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.hpp"

namespace weft::adapter {

namespace {
constexpr std::int64_t kMessage = 2048;

int family_of(int fd) {
  int family = 0;
  socklen_t size = sizeof(family);
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

bool is_loopback(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  if (peer.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr) >> 24) == 127;
  if (peer.ss_family != AF_INET6) return false;
  const auto& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&address) ||
         (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

// Left alone the kernel grows these to megabytes, which a program on this very machine does not
// need: it would only fill them in one long run while everybody else waits for the processor.
void bound_buffers(int fd) {
  const int size = 128 * 1024;  // the kernel counts its own overhead and doubles it
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

// Whose laptop left the house says nothing, and its connection would hold door and service for
// ever. What the administrator set for the whole system holds.
void keep_alive(int fd) {
  constexpr int kKernelDefault = 7200;
  constexpr int kSeconds = 15, kProbes = 4;
  const int on = 1;
  int idle = 0;
  socklen_t size = sizeof(idle);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size);
  if (idle != kKernelDefault) return;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kSeconds, sizeof(kSeconds));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kSeconds, sizeof(kSeconds));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof(kProbes));
}

// Both directions are over; a watch that failed looks the same but for this.
bool hung_up(int fd) {
  pollfd look{fd, 0, 0};
  return ::poll(&look, 1, 0) == 1 && (look.revents & POLLHUP) != 0;
}

// Closing then sends RST instead of FIN.
void close_with_reset(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}
}  // namespace

TcpPump::TcpPump(io::EventLoop& loop, StreamPort& port, StreamKey key, io::UniqueFd socket,
                 FlowOwner& owner)
    : loop_(loop),
      port_(port),
      owner_(owner),
      key_(key),
      is_unix_(family_of(socket.value()) == AF_UNIX) {
  const int one = 1;
  if (!is_unix_) ::setsockopt(socket.value(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (!is_unix_) keep_alive(socket.value());
  if (!is_unix_ && is_loopback(socket.value())) bound_buffers(socket.value());
  watch_ =
      std::make_unique<io::FdWatch>(loop, std::move(socket), static_cast<io::FdEvents&>(*this));
}

TcpPump::~TcpPump() {
  if (alive_) *alive_ = false;
  if (done_) return;
  close_with_reset(watch_->fd());
  port_.reset(key_, kLocalClosed);
}

void TcpPump::start(Bytes already_read) {
  WEFT_ASSERT(input_ == Input::Idle);
  prefix_ = std::move(already_read);
  input_ = Input::Reading;
  output_ = Output::Open;
  pump_out();
  pump_in();
}

void TcpPump::on_stream_readable() {
  if (output_ == Output::Open) return pump_out();
  if (output_ == Output::Discarding) discard_out();
}

void TcpPump::on_stream_writable() {
  if (input_ != Input::Paused || done_) return;
  input_ = Input::Reading;
  pump_in();
}

void TcpPump::on_stream_reset(std::uint64_t) { complete(FlowEnd::StreamReset); }
void TcpPump::on_stream_stopped(std::uint64_t) { complete(FlowEnd::StreamReset); }

void TcpPump::on_stream_closed() {
  if (done_) return;
  stream_closed_ = true;
  on_stream_readable();
  // What the stream still holds goes out as the socket takes it; pump_out() ends it.
  if (!done_ && port_.readable(key_).empty()) complete(FlowEnd::StreamLost);
}

void TcpPump::on_fd_readable() {
  if (input_ == Input::Reading) pump_in();
}

void TcpPump::on_fd_writable() {
  if (output_ != Output::Blocked) return;
  output_ = Output::Open;
  pump_out();
}

void TcpPump::on_fd_error() {
  if (done_) return;
  int number = 0;
  socklen_t size = sizeof(number);
  ::getsockopt(watch_->fd(), SOL_SOCKET, SO_ERROR, &number, &size);
  on_socket_failure(number);
}

void TcpPump::pump_in() {
  if (done_ || input_ != Input::Reading || !pump_prefix()) return;
  std::size_t budget = port_.share();
  while (budget > 0) {
    const MutableByteView space = port_.send_space(key_);
    if (space.empty()) return pause_input();
    const std::size_t want = std::min(space.size(), budget);
    const ssize_t got = ::recv(watch_->fd(), space.data(), want, MSG_DONTWAIT);
    if (got == 0) return end_input();
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return on_socket_failure(errno);
      break;
    }
    const auto size = static_cast<std::size_t>(got);
    port_.commit(key_, size);
    counters_.to_stream += size;
    moved(got, Direction::ToPeer);
    if (got <= kMessage && typical_ <= kMessage) port_.note_dialogue();
    budget -= size;
    if (size < want) break;  // the socket is empty: spare the call that would say so
  }
  watch_->want_read();
}

// True: the bytes given to start() are gone, the socket's turn has come.
bool TcpPump::pump_prefix() {
  std::size_t done = 0;
  while (done < prefix_.size()) {
    const MutableByteView space = port_.send_space(key_);
    if (space.empty()) {
      prefix_.erase(prefix_.begin(), prefix_.begin() + static_cast<std::ptrdiff_t>(done));
      pause_input();
      return false;
    }
    const std::size_t size = std::min(space.size(), prefix_.size() - done);
    std::copy_n(prefix_.begin() + static_cast<std::ptrdiff_t>(done), size, space.begin());
    port_.commit(key_, size);
    counters_.to_stream += size;
    owner_.on_bytes(key_, size, Direction::ToPeer);
    done += size;
  }
  if (done > 0) prefix_ = Bytes();
  return true;
}

void TcpPump::pump_out() {
  if (done_ || output_ != Output::Open) return;
  for (std::size_t budget = port_.share(); budget > 0;) {
    const ByteView view = port_.readable(key_);
    if (view.empty()) {
      if (port_.read_finished(key_)) return end_output();
      if (stream_closed_) complete(FlowEnd::StreamLost);
      return;
    }
    const std::size_t want = std::min(view.size(), budget);
    const ssize_t sent = ::send(watch_->fd(), view.data(), want, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return on_socket_failure(errno);
      break;
    }
    const auto size = static_cast<std::size_t>(sent);
    port_.consume(key_, size);
    counters_.from_stream += size;
    moved(sent, Direction::FromPeer);
    budget -= size;
    if (size < want) break;  // the socket is full
  }
  // Blocked means that bytes wait. A share used up by the last of them is no wait: the end of the
  // stream must then be seen here or by on_stream_readable(), before the stream is forgotten.
  if (port_.readable(key_).empty()) {
    if (port_.read_finished(key_)) end_output();
    return;
  }
  output_ = Output::Blocked;
  watch_->want_write();
}

// What is typical fades: a terminal is one again soon after it listed a long file.
void TcpPump::moved(std::int64_t size, Direction direction) {
  typical_ += (size - typical_) / 8;
  owner_.on_bytes(key_, static_cast<std::size_t>(size), direction);
}

void TcpPump::discard_out() {
  for (;;) {
    const std::size_t size = port_.readable(key_).size();
    if (size == 0) break;
    if (discarded_ + size > kDiscardLimit) return fail_local(kLocalReset);
    discarded_ += static_cast<std::uint32_t>(size);
    port_.consume(key_, size);
  }
  if (port_.read_finished(key_)) end_output();
}

// Not read until the stream has room, which may be never: a reset is to be noticed all the same.
void TcpPump::pause_input() {
  input_ = Input::Paused;
  watch_->want_error();
}

void TcpPump::end_input() {
  input_ = Input::Ended;
  port_.finish(key_);
  finish_if_both_ended();
  // Nothing is read any more, so only this tells us that the program went away.
  if (!done_) watch_->want_error();
}

void TcpPump::end_output() {
  output_ = Output::Ended;
  ::shutdown(watch_->fd(), SHUT_WR);
  finish_if_both_ended();
}

void TcpPump::on_socket_failure(int number) {
  const bool left = number == 0 || number == EPIPE || number == ECONNRESET;
  // Hung up in order before we have read all: what it wrote counts. Reading goes on, now or when
  // the stream has room.
  const bool unheard = input_ != Input::Ended && number == 0 && hung_up(watch_->fd());
  const bool deaf = is_unix_ && input_ == Input::Paused && (unheard || number == EPIPE);
  if (unheard && !deaf) return;
  if (deaf || (left && is_unix_ && input_ == Input::Ended)) {
    output_ = Output::Discarding;
    return discard_out();
  }
  fail_local(left ? kLocalReset : kLocalFailed);
}

void TcpPump::fail_local(std::uint64_t code) {
  port_.reset(key_, code);
  complete(FlowEnd::LocalReset);
}

void TcpPump::finish_if_both_ended() {
  if (input_ == Input::Ended && output_ == Output::Ended) complete(FlowEnd::Clean);
}

void TcpPump::complete(FlowEnd end) {
  if (std::exchange(done_, true)) return;
  if (end != FlowEnd::Clean) close_with_reset(watch_->fd());
  watch_.reset();
  alive_ = std::make_shared<bool>(true);
  loop_.post([this, alive = alive_, end] {
    if (*alive) owner_.on_flow_done(key_, end);
  });
}

}  // namespace weft::adapter
