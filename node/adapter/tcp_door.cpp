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
#include "node/io/fd_watch.hpp"
#include "node/io/socket_address.hpp"

namespace weft::adapter {

namespace {
constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

io::UniqueFd spare_descriptor() { return io::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

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

Result<io::UniqueFd> listen_near(Endpoint at) {
  const Endpoint wanted = at;
  for (int i = 0; i < TcpDoor::kPortsTried; ++i) {
    auto fd = listen_at(at);
    if (fd || fd.error().code != Errc::Busy) return fd;
    if (at.port == 65535) break;
    ++at.port;
  }
  at = wanted;
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
    return fail(Errc::Busy, std::string(at.sun_path) + " exists and is no socket");
  const io::UniqueFd probe(::socket(AF_UNIX, kSocketFlags, 0));
  if (::connect(probe.value(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0 ||
      errno != ECONNREFUSED)
    return fail(Errc::Busy, std::string(at.sun_path) + " is in use");
  ::unlink(at.sun_path);
  return {};
}
}  // namespace

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
    spare.reset();
    io::UniqueFd(::accept4(watch.fd(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
    spare = spare_descriptor();
    retry.arm(io::monotonic_time() + kBackOff);
  }

  std::shared_ptr<OnAccept> on_accept;  // shared: it may destroy us while it runs
  Endpoint local;
  DoorCounters counters;
  io::UniqueFd spare = spare_descriptor();
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
