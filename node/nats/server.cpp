#include "node/nats/server.hpp"

#include <array>
#include <cstring>
#include <set>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "node/io/event_loop_asio.hpp"
#include "node/io/socket_address.hpp"

namespace weft::nats {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // out of descriptors: breathe

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& loop, Bus& bus, ServerName name)
      : acceptor_(loop), pause_(loop), bus_(bus), name_(std::move(name)) {}

  Result<void> listen(const Endpoint& at);
  void accept();
  void close();
  [[nodiscard]] int native() { return acceptor_.native_handle(); }
  [[nodiscard]] std::size_t clients() const { return connections_.size(); }

 private:
  class Connection;

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  Bus& bus_;
  ServerName name_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::uint64_t last_ = 0;
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
  const auto address = io::to_socket_address(at);
  const bool v6 = address.get()->sa_family == AF_INET6;
  ErrorCode error;
  acceptor_.open(v6 ? tcp::v6() : tcp::v4(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) {
    tcp::endpoint where;
    std::memcpy(where.data(), address.get(), address.size);
    where.resize(address.size);
    acceptor_.bind(where, error);
  }
  if (!error) acceptor_.listen(64, error);
  if (error) return std::unexpected(io::bind_error(error.value(), to_text(at)));
  name_.port = io::bound_endpoint(native()).port;
  name_.host = v6 ? "::1" : "127.0.0.1";
  accept();
  return {};
}

void Server::Impl::accept() {
  acceptor_.async_accept([self = shared_from_this()](const ErrorCode& error, tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (!error) {
      if (self->connections_.size() < kMaxClients) {
        auto connection = std::make_shared<Connection>(std::move(socket), *self, ++self->last_);
        self->connections_.insert(connection);
        connection->begin();
      } else {
        ErrorCode ignored;
        static constexpr std::string_view kFull = "-ERR 'maximum connections exceeded'\r\n";
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(kFull), ignored);
      }
      return self->accept();
    }
    self->pause_.expires_after(kAcceptPause);
    self->pause_.async_wait([self](const ErrorCode& stopped) {
      if (!stopped) self->accept();
    });
  });
}

void Server::Impl::close() {
  ErrorCode ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& connection : std::exchange(connections_, {})) {
    connection->forget_owner();
    connection->close();
  }
}

Server::Server(io::EventLoop& loop, Bus& bus, ServerName name)
    : impl_(std::make_shared<Impl>(io::asio_context(loop), bus, std::move(name))) {}
Server::~Server() { impl_->close(); }

Result<void> Server::listen(const Endpoint& at) { return impl_->listen(at); }
std::size_t Server::clients() const { return impl_->clients(); }

Endpoint Server::local() const { return io::bound_endpoint(impl_->native()); }

}  // namespace weft::nats
