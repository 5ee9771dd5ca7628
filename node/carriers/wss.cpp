#include "node/carriers/wss.hpp"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "node/carriers/tcp_carrier.hpp"
#include "node/carriers/wss_asio.hpp"
#include "node/carriers/wss_carrier.hpp"
#include "node/carriers/wss_certificate.hpp"
#include "node/io/clock.hpp"
#include "node/io/event_loop_asio.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
namespace ssl = boost::asio::ssl;

namespace {

constexpr std::size_t kMaxHeader = 8 * 1024;

std::string host_of(const WssAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? "[" + address.host + "]" : address.host;
}
// With its port, also where it is the usual one: some that stand between want to know.
std::string host_and_port(const WssAddress& address) {
  return host_of(address) + ":" + std::to_string(address.port);
}

bool is_name(const std::string& host) {
  ErrorCode error;
  boost::asio::ip::make_address(host, error);
  return static_cast<bool>(error);
}

void set_up(WebSocket& socket) {
  socket.binary(true);
  socket.auto_fragment(false);
  socket.read_message_max(path::kStreamMtu);
}

// What both sides' handshakes have in common: one socket, one deadline, one end.
class Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  Handshake(io::EventLoop& loop, io::UniqueFd fd, ssl::context& tls, Wss::Done done)
      : done_(std::move(done)),
        timer_(loop, [this] { fail("no answer in time"); }),
        wss_(std::make_shared<WssSocket>(io::asio_context(loop), std::move(fd), tls)) {
    timer_.arm(io::monotonic_time() + Wss::kHandshakeWithin);
  }
  virtual ~Handshake() = default;
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  virtual void begin() = 0;
  void abandon() {
    done_ = nullptr;
    timer_.cancel();
    close();
  }

 protected:
  [[nodiscard]] WebSocket& socket() { return wss_->socket; }
  [[nodiscard]] TlsStream& tls() { return wss_->socket.next_layer(); }
  [[nodiscard]] AsioSocket& tcp() { return tls().next_layer(); }
  // True: stop, there is nothing more to do.
  bool over(const ErrorCode& error) {
    if (done_ == nullptr) return true;
    if (error) fail(error.message());
    return static_cast<bool>(error);
  }
  void fail(const std::string& why) {
    const auto self = shared_from_this();  // whoever is told lets go of us
    if (const auto done = std::exchange(done_, nullptr)) done(nullptr, why);
    timer_.cancel();
    close();
  }
  void through() {
    timer_.cancel();
    set_up(socket());
    if (const auto done = std::exchange(done_, nullptr)) done(std::move(wss_), {});
  }
  void close() {
    if (wss_ == nullptr) return;
    ErrorCode ignored;
    tcp().close(ignored);
  }

  boost::beast::flat_buffer buffer_{kMaxHeader};

 private:
  Wss::Done done_;
  io::Timer timer_;
  std::shared_ptr<WssSocket> wss_;
};

class Served final : public Handshake {
 public:
  using Handshake::Handshake;

  void begin() override {
    tls().async_handshake(ssl::stream_base::server, [self = me()](const ErrorCode& error) {
      if (!self->over(error)) self->read_request();
    });
  }

 private:
  std::shared_ptr<Served> me() { return std::static_pointer_cast<Served>(shared_from_this()); }

  void read_request() {
    parser_.header_limit(kMaxHeader);
    http::async_read_header(tls(), buffer_, parser_,
                            [self = me()](const ErrorCode& error, std::size_t) {
                              if (!self->over(error)) self->answer();
                            });
  }
  // Whoever asks for anything else hears nothing: the deadline ends it.
  void answer() {
    const auto& request = parser_.get();
    if (!websocket::is_upgrade(request) || request.target() != kWssPath) return;
    socket().async_accept(request, [self = me()](const ErrorCode& error) {
      if (!self->over(error)) self->through();
    });
  }

  http::request_parser<http::empty_body> parser_;
};

class Called final : public Handshake {
 public:
  Called(io::EventLoop& loop, io::UniqueFd fd, ssl::context& context, WssAddress address,
         std::optional<node::ProxyAddress> proxy, Wss::Done done)
      : Handshake(loop, std::move(fd), context, std::move(done)),
        address_(std::move(address)),
        proxy_(std::move(proxy)) {}

  void begin() override {
    if (!proxy_) return secure();
    connect_.version(11);
    connect_.method(http::verb::connect);
    connect_.target(host_and_port(address_));
    connect_.set(http::field::host, host_and_port(address_));
    if (!proxy_->user.empty())
      connect_.set(http::field::proxy_authorization,
                   "Basic " + base64(proxy_->user + ":" + proxy_->password));
    http::async_write(tcp(), connect_, [self = me()](const ErrorCode& error, std::size_t) {
      if (!self->over(error)) self->read_answer();
    });
  }

 private:
  std::shared_ptr<Called> me() { return std::static_pointer_cast<Called>(shared_from_this()); }

  void read_answer() {
    answer_.header_limit(kMaxHeader);
    answer_.skip(true);  // what follows is the far end's
    http::async_read_header(
        tcp(), buffer_, answer_, [self = me()](const ErrorCode& error, std::size_t) {
          if (self->over(error)) return;
          const unsigned status = self->answer_.get().result_int();
          if (status / 100 != 2)
            return self->fail("the proxy answers " + std::to_string(status) +
                              (status == 407 ? ": it wants a user and a password" : ""));
          if (self->buffer_.size() > 0) return self->fail("the proxy says more than its answer");
          self->secure();
        });
  }
  void secure() {
    if (is_name(address_.host))  // a name that sites behind one address are told apart by
      ::SSL_set_tlsext_host_name(tls().native_handle(), address_.host.c_str());
    tls().async_handshake(ssl::stream_base::client, [self = me()](const ErrorCode& error) {
      if (!self->over(error)) self->upgrade();
    });
  }
  void upgrade() {
    socket().async_handshake(page_, host_and_port(address_), address_.path,
                             [self = me()](const ErrorCode& error) {
                               if (error == websocket::error::upgrade_declined)
                                 return self->fail(std::string(kPageInPlace) + " (status " +
                                                   std::to_string(self->page_.result_int()) + ")");
                               if (!self->over(error)) self->through();
                             });
  }

  WssAddress address_;
  std::optional<node::ProxyAddress> proxy_;
  http::request<http::empty_body> connect_;
  http::response_parser<http::empty_body> answer_;
  websocket::response_type page_;
};

class Running final : public Wss::Attempt {
 public:
  Running(io::EventLoop& loop, std::shared_ptr<Handshake> handshake)
      : handshake_(std::move(handshake)) {
    loop.post([begun = handshake_] { begun->begin(); });
  }
  ~Running() override { handshake_->abandon(); }

 private:
  std::shared_ptr<Handshake> handshake_;
};

}  // namespace

WssSocket::WssSocket(boost::asio::io_context& context, io::UniqueFd fd, ssl::context& tls)
    : socket(AsioSocket(context.get_executor()), tls) {
  const bool v4 = io::bound_endpoint(fd.value()).is_v4();
  set_stream_options(fd.value());
  ErrorCode error;
  auto& tcp = socket.next_layer().next_layer();
  tcp.assign(v4 ? boost::asio::ip::tcp::v4() : boost::asio::ip::tcp::v6(), fd.value(), error);
  if (!error) static_cast<void>(fd.release());
}

Wss::Wss(io::EventLoop& loop) : loop_(loop), contexts_(std::make_unique<WssContexts>()) {
  contexts_->client.set_verify_mode(ssl::verify_none);
  for (ssl::context* context : {&contexts_->server, &contexts_->client})
    ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
}
Wss::~Wss() = default;

Result<void> Wss::set_certificate(const std::optional<WssFiles>& files) {
  if (!files) return use_self_signed(contexts_->server.native_handle());
  ErrorCode error;
  contexts_->server.use_certificate_chain_file(files->certificate, error);
  if (error) return fail(Errc::Usage, files->certificate + ": " + error.message());
  contexts_->server.use_private_key_file(files->key, ssl::context::pem, error);
  if (error) return fail(Errc::Usage, files->key + ": " + error.message());
  if (::SSL_CTX_check_private_key(contexts_->server.native_handle()) != 1)
    return fail(Errc::Usage, files->key + " is not the key of " + files->certificate);
  return {};
}

std::unique_ptr<Wss::Attempt> Wss::serve(io::UniqueFd fd, Done done) {
  return std::make_unique<Running>(
      loop_, std::make_shared<Served>(loop_, std::move(fd), contexts_->server, std::move(done)));
}

std::unique_ptr<Wss::Attempt> Wss::call(io::UniqueFd fd, const WssAddress& address,
                                        const std::optional<node::ProxyAddress>& proxy, Done done) {
  return std::make_unique<Running>(
      loop_, std::make_shared<Called>(loop_, std::move(fd), contexts_->client, address, proxy,
                                      std::move(done)));
}

std::unique_ptr<StreamCarrier> Wss::carrier(std::shared_ptr<WssSocket> socket,
                                            const Endpoint& remote, DatagramSink& sink,
                                            std::function<void()> ended) {
  return std::make_unique<WssCarrier>(loop_, std::move(socket), remote, sink, std::move(ended));
}

}  // namespace weft::carriers
