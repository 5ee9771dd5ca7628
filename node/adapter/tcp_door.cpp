#include "node/adapter/tcp_door.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "node/io/clock.hpp"
#include "node/io/descriptors.hpp"
#include "node/io/fd_watch.hpp"
#include "node/io/socket_address.hpp"

namespace weft::adapter {

namespace {
constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr std::uint16_t kFirstFreePort = 1024;  // those below are root's

// What people take where they may not have the real one.
constexpr std::pair<std::uint16_t, std::uint16_t> kStandIns[] = {
    {22, 2222}, {80, 8080}, {443, 8443}, {53, 5353}, {21, 2121}, {25, 2525}};

Result<io::UniqueFd> listen_at(const Endpoint& at) {
  const io::SocketAddress address = io::to_socket_address(at);
  io::UniqueFd fd(::socket(address.storage.ss_family, kSocketFlags, 0));
  if (!fd) return std::unexpected(io::bind_error(errno, to_text(at)));
  const int one = 1;
  ::setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (::bind(fd.value(), address.get(), address.size) != 0 || ::listen(fd.value(), SOMAXCONN) != 0)
    return std::unexpected(io::bind_error(errno, to_text(at)));
  return fd;
}

// A port that is taken, and one that this user may not have, are both replaced.
Result<io::UniqueFd> listen_near(Endpoint at) {
  for (const std::uint16_t port : port_candidates(at.port)) {
    at.port = port;
    auto fd = listen_at(at);
    if (fd) return fd;
    const bool not_ours = fd.error().code == Errc::Denied && port < kFirstFreePort;
    if (fd.error().code != Errc::Busy && !not_ours) return fd;
  }
  at.port = 0;
  return listen_at(at);
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un out{};
  if (path.empty()) return fail(Errc::Usage, "an empty socket path");
  if (path.size() >= sizeof(out.sun_path))
    return fail(Errc::TooLarge, path + ": a socket path has at most 107 bytes");
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

// Removes a socket file that nobody listens on. Anything else at that path is left alone.
Result<void> clear_stale(const sockaddr_un& at) {
  struct stat found{};
  if (::lstat(at.sun_path, &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode))
    return fail(Errc::Busy, std::string(at.sun_path) + " exists and is not a socket");
  const io::UniqueFd probe(::socket(AF_UNIX, kSocketFlags, 0));
  if (::connect(probe.value(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0 ||
      errno != ECONNREFUSED)
    return fail(Errc::Busy, std::string(at.sun_path) + " is in use");
  ::unlink(at.sun_path);
  return {};
}
}  // namespace

std::vector<std::uint16_t> port_candidates(std::uint16_t wanted) {
  std::vector<std::uint16_t> out{wanted};
  if (wanted == 0) return out;
  std::uint16_t next = wanted;
  if (wanted < kFirstFreePort) {
    for (const auto& [port, instead] : kStandIns)
      if (port == wanted) out.push_back(instead);
    next = static_cast<std::uint16_t>(wanted + 10'000);
    out.push_back(next);
  }
  while (out.size() < TcpDoor::kPortsTried && next < 65535) out.push_back(++next);
  return out;
}

struct TcpDoor::Impl final : private io::FdEvents {
  Impl(io::EventLoop& loop, io::UniqueFd listener, OnAccept handler)
      : on_accept(std::make_shared<OnAccept>(std::move(handler))),
        local(io::bound_endpoint(listener.value())),
        watch(loop, std::move(listener), *this),
        retry(loop, [this] { watch.want_read(); }) {
    watch.want_read();
  }

  ~Impl() {
    *alive = false;
    struct stat now{};
    if (!path.empty() && ::lstat(path.c_str(), &now) == 0 && now.st_ino == inode)
      ::unlink(path.c_str());
  }

  void on_fd_readable() override {
    const std::shared_ptr<bool> still_here = alive;
    const std::shared_ptr<OnAccept> handler = on_accept;
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      sockaddr_storage peer{};
      socklen_t size = sizeof(peer);
      io::UniqueFd connection(::accept4(watch.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                                        SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!connection) {
        if (errno == EAGAIN) break;
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
          return refuse_and_pause();
        if (errno != EINTR && errno != ECONNABORTED) ++counters.errors;
        continue;
      }
      ++counters.accepted;
      (*handler)(std::move(connection), io::to_endpoint(peer));
      if (!*still_here) return;
    }
    watch.want_read();
  }

  // The spare descriptor makes room to accept one and close it: its client learns at once.
  void refuse_and_pause() {
    ++counters.refused;
    io::with_spare_descriptor(
        [this] { io::UniqueFd(::accept4(watch.fd(), nullptr, nullptr, SOCK_CLOEXEC)).reset(); });
    retry.arm(io::monotonic_time() + kBackOff);
  }

  std::shared_ptr<OnAccept> on_accept;  // shared: it may destroy us while it runs
  Endpoint local;
  DoorCounters counters;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::string path;  // of a unix socket
  ino_t inode = 0;
  io::FdWatch watch;
  io::Timer retry;
};

TcpDoor::TcpDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TcpDoor::~TcpDoor() = default;

Result<std::unique_ptr<TcpDoor>> TcpDoor::listen(io::EventLoop& loop, const Endpoint& at,
                                                 IfTaken if_taken, OnAccept on_accept) {
  WEFT_TRY(auto fd, if_taken == IfTaken::NextFree ? listen_near(at) : listen_at(at));
  return std::unique_ptr<TcpDoor>(
      new TcpDoor(std::make_unique<Impl>(loop, std::move(fd), std::move(on_accept))));
}

Result<std::unique_ptr<TcpDoor>> TcpDoor::listen_unix(io::EventLoop& loop, const std::string& path,
                                                      unsigned mode, OnAccept on_accept) {
  WEFT_TRY(const sockaddr_un at, unix_address(path));
  WEFT_CHECK(clear_stale(at));
  io::UniqueFd fd(::socket(AF_UNIX, kSocketFlags, 0));
  if (!fd) return std::unexpected(io::bind_error(errno, path));
  // The file appears with the mode of its socket, cut by the umask: never wider than asked for.
  ::fchmod(fd.value(), mode);
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0)
    return std::unexpected(io::bind_error(errno, path));
  struct stat made{};
  if (::chmod(at.sun_path, mode) != 0 || ::lstat(at.sun_path, &made) != 0 ||
      ::listen(fd.value(), SOMAXCONN) != 0)
    return std::unexpected(io::bind_error(errno, path));
  auto impl = std::make_unique<Impl>(loop, std::move(fd), std::move(on_accept));
  impl->path = path;
  impl->inode = made.st_ino;
  return std::unique_ptr<TcpDoor>(new TcpDoor(std::move(impl)));
}

Endpoint TcpDoor::local() const { return impl_->local; }
const DoorCounters& TcpDoor::counters() const { return impl_->counters; }

}  // namespace weft::adapter
