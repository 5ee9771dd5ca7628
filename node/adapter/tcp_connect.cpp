#include "node/adapter/tcp_connect.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "node/adapter/resolver.hpp"
#include "node/io/clock.hpp"
#include "node/io/fd_watch.hpp"

namespace weft::adapter {

namespace {
ConnectFailure failure_of(int number) {
  switch (number) {
    case ECONNREFUSED:
    case ECONNRESET:
      return ConnectFailure::Refused;
    case ETIMEDOUT:
      return ConnectFailure::Timeout;
    case ENOENT:
    case ENOTDIR:
      return ConnectFailure::NotFound;
    case EACCES:
    case EPERM:
      return ConnectFailure::Denied;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN:
      return ConnectFailure::Limit;  // EAGAIN: the backlog of a unix socket is full
    default:
      return ConnectFailure::Unreachable;
  }
}

io::SocketAddress unix_address(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.data(), std::min(path.size(), sizeof(at.sun_path) - 1));
  io::SocketAddress out;
  std::memcpy(&out.storage, &at, sizeof(at));
  out.size = sizeof(at);
  return out;
}
}  // namespace

std::string to_text(const Target& target) {
  if (!target.unix_path.empty()) return "unix:" + target.unix_path;
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
}

std::string_view name_of(ConnectFailure failure) {
  switch (failure) {
    case ConnectFailure::Refused:
      return "refused";
    case ConnectFailure::Unreachable:
      return "unreachable";
    case ConnectFailure::Timeout:
      return "timeout";
    case ConnectFailure::NotFound:
      return "not-found";
    case ConnectFailure::Denied:
      return "denied";
    case ConnectFailure::Limit:
      return "limit";
  }
  return "";
}

struct Connector::Impl {
  explicit Impl(io::EventLoop& on) : loop(on), resolver(on) {}
  ~Impl() { *alive = false; }

  class Attempt;
  void finish(Ticket ticket, std::expected<io::UniqueFd, ConnectError> result);

  io::EventLoop& loop;
  Resolver resolver;
  std::map<Ticket, std::unique_ptr<Attempt>> attempts;
  Ticket last_ticket = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

// One connect(): the addresses of the target, one after another. Every ending is the last thing a
// handler does, because finish() destroys the attempt.
class Connector::Impl::Attempt final : private io::FdEvents {
 public:
  Attempt(Impl& owner, Ticket ticket, Target target, OnDone on_done, Instant deadline,
          int socket_type, Forbids forbids)
      : owner_(owner),
        ticket_(ticket),
        target_(std::move(target)),
        on_done_(std::move(on_done)),
        deadline_(deadline),
        socket_type_(socket_type),
        forbids_(std::move(forbids)),
        timer_(owner.loop, [this] { on_time(); }) {
    timer_.arm(deadline);
  }
  ~Attempt() {
    if (lookup_ != 0) owner_.resolver.cancel(lookup_);
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void start() {
    if (!target_.unix_path.empty()) return try_all({unix_address(target_.unix_path)});
    auto known = known_addresses(target_.host, target_.port);
    if (!known.empty()) return try_all(std::move(known));
    const auto lookup =
        owner_.resolver.resolve(target_.host, target_.port, [this](Resolution found) {
          lookup_ = 0;
          on_resolved(std::move(found));
        });
    if (!lookup) return fail_with(ConnectFailure::Limit, lookup.error().detail);
    lookup_ = *lookup;
  }
  OnDone take_on_done() { return std::move(on_done_); }

 private:
  void on_resolved(Resolution found) {
    if (found.addresses.empty()) return fail_with(ConnectFailure::NotFound, found.error);
    try_all(std::move(found.addresses));
  }

  void try_all(std::vector<io::SocketAddress> addresses) {
    addresses_ = std::move(addresses);
    std::string why;
    if (forbids_)
      std::erase_if(addresses_, [&](const io::SocketAddress& at) {
        const auto forbidden = forbids_(io::to_endpoint(at.storage));
        if (forbidden) why = *forbidden;
        return forbidden.has_value();
      });
    if (addresses_.empty() && !why.empty()) return fail_with(ConnectFailure::Denied, why);
    try_next();
  }

  // Non-blocking connect to the next address; a failure on the spot goes on to the one after it.
  void try_next() {
    while (next_ < addresses_.size()) {
      const io::SocketAddress& at = addresses_[next_++];
      watch_.reset();
      io::UniqueFd fd(
          ::socket(at.storage.ss_family, socket_type_ | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!fd) {
        note(errno);
        continue;
      }
      if (::connect(fd.value(), at.get(), at.size) == 0)
        return owner_.finish(ticket_, std::move(fd));
      if (errno != EINPROGRESS) {
        note(errno);
        continue;
      }
      watch_ = std::make_unique<io::FdWatch>(owner_.loop, std::move(fd),
                                             static_cast<io::FdEvents&>(*this));
      watch_->want_write();
      // A silent address must not eat the time of those behind it.
      const auto now = io::monotonic_time();
      const auto left = static_cast<Duration::rep>(addresses_.size() - next_ + 1);
      timer_.arm(now + std::max(deadline_ - now, Duration(0)) / left);
      return;
    }
    fail_with(failure_, detail_);
  }

  void on_fd_writable() override {
    int number = 0;
    socklen_t size = sizeof(number);
    ::getsockopt(watch_->fd(), SOL_SOCKET, SO_ERROR, &number, &size);
    if (number == 0) return owner_.finish(ticket_, watch_->release());
    note(number);
    try_next();
  }
  void on_fd_error() override {
    note(ENOBUFS);
    try_next();
  }

  void on_time() {
    if (lookup_ != 0)
      return fail_with(ConnectFailure::Timeout, "its name was not resolved in time: no answer");
    note(ETIMEDOUT);
    if (io::monotonic_time() < deadline_ && next_ < addresses_.size()) return try_next();
    fail_with(failure_, detail_);
  }

  // Of several addresses the most telling failure is kept: that one of them refused says more than
  // that the machine has no IPv6.
  void note(int number) {
    if (failure_ == ConnectFailure::Refused) return;
    failure_ = failure_of(number);
    detail_ = std::strerror(number);
  }

  void fail_with(ConnectFailure failure, const std::string& detail) {
    owner_.finish(ticket_,
                  std::unexpected(ConnectError{failure, to_text(target_) + ": " + detail}));
  }

  Impl& owner_;
  Ticket ticket_;
  Target target_;
  OnDone on_done_;
  Instant deadline_;
  int socket_type_;
  Forbids forbids_;
  Resolver::Ticket lookup_ = 0;  // under way
  std::vector<io::SocketAddress> addresses_;
  std::size_t next_ = 0;
  ConnectFailure failure_ = ConnectFailure::Unreachable;  // of the addresses tried, see note()
  std::string detail_;
  std::unique_ptr<io::FdWatch> watch_;
  io::Timer timer_;
};

void Connector::Impl::finish(Ticket ticket, std::expected<io::UniqueFd, ConnectError> result) {
  const auto found = attempts.find(ticket);
  const OnDone on_done = found->second->take_on_done();
  attempts.erase(found);
  on_done(std::move(result));  // may destroy us: nothing follows
}

Connector::Connector(io::EventLoop& loop) : impl_(std::make_unique<Impl>(loop)) {}
Connector::~Connector() = default;

Result<void> Connector::start() { return impl_->resolver.start(); }

Connector::Ticket Connector::connect(const Target& target, OnDone on_done, Duration timeout,
                                     int socket_type, Forbids forbids) {
  const Ticket ticket = ++impl_->last_ticket;
  impl_->attempts[ticket] = std::make_unique<Impl::Attempt>(
      *impl_, ticket, target, std::move(on_done), io::monotonic_time() + timeout, socket_type,
      std::move(forbids));
  impl_->loop.post([impl = impl_.get(), alive = impl_->alive, ticket] {
    if (!*alive) return;
    const auto found = impl->attempts.find(ticket);
    if (found != impl->attempts.end()) found->second->start();
  });
  return ticket;
}

void Connector::cancel(Ticket ticket) { impl_->attempts.erase(ticket); }
std::size_t Connector::under_way() const { return impl_->attempts.size(); }

}  // namespace weft::adapter
