#include "node/nats/server.hpp"

#include <sys/socket.h>

#include <array>
#include <set>
#include <tuple>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "node/adapter/tcp_door.hpp"
#include "node/io/tcp_socket_asio.hpp"

namespace weft::nats {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

}  // namespace

class Server::Impl {
 public:
  Impl(io::EventLoop& loop, Bus& bus, ServerName name)
      : loop_(loop), bus_(bus), name_(std::move(name)) {}
  ~Impl();

  Result<void> listen(const Endpoint& at);
  [[nodiscard]] Endpoint local() const { return door_ ? door_->local() : Endpoint{}; }
  [[nodiscard]] std::size_t clients() const { return connections_.size(); }

 private:
  class Connection;

  void accepted(io::UniqueFd fd);

  io::EventLoop& loop_;
  Bus& bus_;
  ServerName name_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::uint64_t last_ = 0;
  std::unique_ptr<adapter::TcpDoor> door_;
};

class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Impl& owner, std::uint64_t id)
      : socket_(std::move(socket)),
        limit_(socket_.get_executor()),
        owner_(&owner),
        client_(owner.bus_, owner.name_, id, [this] { flush_soon(); }) {}

  void begin() {
    ErrorCode ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    flush();
    read();
  }
  void close() {
    const auto self = shared_from_this();
    if (auto* owner = std::exchange(owner_, nullptr)) owner->connections_.erase(self);
    ErrorCode ignored;
    socket_.close(ignored);
    limit_.cancel();
    client_.close();
  }
  void forget_owner() { owner_ = nullptr; }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(in_),
                            [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
                              if (error) return self->close();
                              self->client_.receive(ByteView(self->in_).first(size));
                              if (!self->client_.ended()) self->read();
                            });
  }
  // Once a turn, however much was said in it.
  void flush_soon() {
    if (std::exchange(scheduled_, true)) return;
    asio::post(socket_.get_executor(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->flush();
    });
  }
  void flush() {
    scheduled_ = false;
    if (owner_ == nullptr || !sending_.empty()) return;
    sending_ = std::exchange(client_.output(), {});
    if (sending_.empty()) {
      if (client_.ended()) close();
      return;
    }
    limit_.expires_after(kPatience);
    limit_.async_wait([weak = weak_from_this()](const ErrorCode& stopped) {
      if (const auto self = weak.lock(); self && !stopped) self->close();
    });
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                        if (error) return self->close();
                        self->limit_.cancel();
                        self->sending_.clear();
                        self->client_.pump();
                        self->flush();
                      });
  }

  tcp::socket socket_;
  asio::steady_timer limit_;
  Impl* owner_;
  Client client_;
  std::array<std::uint8_t, 64 * 1024> in_{};
  std::string sending_;
  bool scheduled_ = false;
};

Result<void> Server::Impl::listen(const Endpoint& at) {
  if (!at.is_loopback())
    return fail(Errc::Usage, to_text(at) +
                                 " is not on the loopback: whoever reaches it could publish and "
                                 "read. Fix: nats://127.0.0.1:4222, and weft expose for others");
  WEFT_TRY(door_, adapter::TcpDoor::listen(
                      loop_, at, adapter::IfTaken::Fail,
                      [this](io::UniqueFd fd, const Endpoint&) { accepted(std::move(fd)); }));
  name_.port = local().port;
  name_.host = at.is_v4() ? "127.0.0.1" : "::1";
  return {};
}

void Server::Impl::accepted(io::UniqueFd fd) {
  if (connections_.size() == kMaxClients) {
    static constexpr std::string_view kFull = "-ERR 'maximum connections exceeded'\r\n";
    std::ignore = ::send(fd.value(), kFull.data(), kFull.size(), MSG_NOSIGNAL);
    return;
  }
  auto connection =
      std::make_shared<Connection>(io::tcp_socket(loop_, std::move(fd)), *this, ++last_);
  connections_.insert(connection);
  connection->begin();
}

Server::Impl::~Impl() {
  for (const auto& connection : std::exchange(connections_, {})) {
    connection->forget_owner();
    connection->close();
  }
}

Server::Server(io::EventLoop& loop, Bus& bus, ServerName name)
    : impl_(std::make_unique<Impl>(loop, bus, std::move(name))) {}
Server::~Server() = default;

Result<void> Server::listen(const Endpoint& at) { return impl_->listen(at); }
Endpoint Server::local() const { return impl_->local(); }
std::size_t Server::clients() const { return impl_->clients(); }

}  // namespace weft::nats
