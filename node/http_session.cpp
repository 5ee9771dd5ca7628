#include "node/http_session.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/assert.hpp"
#include "node/adapter/http_rules_asio.hpp"
#include "node/http_relay_asio.hpp"
#include "node/http_tunnel_asio.hpp"
#include "node/io/event_loop_asio.hpp"

namespace weft::node {

namespace {

namespace asio = boost::asio;
using adapter::error_page;
using adapter::http_host;
using adapter::http_refusal;
using adapter::is_websocket;
using adapter::kMaxHttpHead;
using adapter::rewrite_request;
using adapter::rewrite_response;
namespace http = boost::beast::http;
using boost::beast::error_code;

// Boost before 1.75 takes "no limit" for a limit of nothing.
constexpr auto kAnyLength = std::numeric_limits<std::uint64_t>::max();
constexpr Duration kLateBody = 2s;  // of a request that is answered already

std::shared_ptr<HttpPeer> peer_of(asio::io_context& context, io::UniqueFd fd) {
  int family = AF_UNIX;
  socklen_t size = sizeof family;
  ::getsockopt(fd.value(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  HttpSocket socket(context);
  error_code error;
  const int raw = fd.release();
  socket.assign(asio::generic::stream_protocol(family, family == AF_UNIX ? 0 : IPPROTO_TCP), raw,
                error);
  WEFT_ASSERT(!error);
  return std::make_shared<HttpPeer>(std::move(socket));
}

// Nothing waits in it, and its other end is there.
bool is_quiet(HttpPeer& peer) {
  char byte = 0;
  return peer.buffer.size() == 0 &&
         ::recv(peer.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         errno == EAGAIN;
}

}  // namespace

struct HttpSessions::Impl {
  explicit Impl(asio::io_context& on) : context(on) {}
  asio::io_context& context;
  std::set<std::shared_ptr<Session>> sessions;
};

class HttpSessions::Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(Impl& owner, io::UniqueFd client, Route route, adapter::HttpCaller caller)
      : owner_(&owner),
        client_(peer_of(owner.context, std::move(client))),
        route_(std::move(route)),
        caller_(std::move(caller)),
        timer_(owner.context) {}

  void lead_to(io::UniqueFd program) {
    program_ = peer_of(owner_->context, std::move(program));
    fixed_ = true;
  }

  // The next request, or the end of the client.
  void read_request() {
    request_ = std::make_shared<RequestParser>();
    request_->header_limit(kMaxHttpHead);
    request_->body_limit(kAnyLength);
    request_done_ = response_done_ = answered_ = false;
    if (client_->buffer.size() > 0) return read_head();
    limit(kIdleLimit, false);
    client_->socket.async_wait(HttpSocket::wait_read,
                               [self = shared_from_this()](const error_code& error) {
                                 if (error || self->closed_) return self->close();
                                 self->read_head();
                               });
  }

  void close() {
    if (std::exchange(closed_, true)) return;
    timer_.cancel();
    error_code ignored;
    client_->socket.close(ignored);
    if (program_) program_->socket.close(ignored);
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->sessions.erase(shared_from_this());
  }
  void orphan() {
    owner_ = nullptr;
    close();
  }

 private:
  using RequestParser = HttpRelay<true>::Parser;
  using ResponseParser = HttpRelay<false>::Parser;

  void limit(Duration within, bool say_so) {
    timer_.expires_after(within);
    timer_.async_wait([self = shared_from_this(), say_so](const error_code& error) {
      if (error || self->closed_) return;
      if (!say_so) return self->close();
      self->page({408, "the request did not come in time", ""});
    });
  }

  void read_head() {
    limit(kHeadLimit, true);
    http::async_read_header(client_->socket, client_->buffer, *request_,
                            [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (!self->closed_ && !self->answered_) self->on_head(error);
                            });
  }

  void on_head(const error_code& error) {
    timer_.cancel();
    if (error == http::error::header_limit)
      return page({431, "the head of the request is over 16 KiB", ""});
    if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
      return page({400, "not HTTP as it should be: " + error.message(), ""});
    if (error) return close();
    auto& head = request_->get().base();
    if (const auto refusal = http_refusal(head)) return page({refusal->status, refusal->why, ""});
    keep_ = request_->keep_alive();
    websocket_ = is_websocket(head);
    head_only_ = head.method() == http::verb::head;
    plain_http10_ = head.version() == 10;
    const auto host = http_host(head);
    rewrite_request(head, caller_, fixed_ && keep_);
    if (program_ && fixed_) {
      if (!is_quiet(*program_)) return close();  // it has left: the client asks again
      return relay();
    }
    route_(host, [self = shared_from_this()](auto routed) {
      if (self->closed_) return;
      if (!routed) return self->page(routed.error());
      self->program_ = peer_of(self->owner_->context, std::move(*routed));
      self->relay();
    });
  }

  void relay() {
    using End = HttpRelay<true>::End;
    const auto request = std::make_shared<HttpRelay<true>>(
        client_, program_, request_, [self = shared_from_this()](End end) {
          if (end == End::SourceFailed) return self->close();  // the client has left
          // A program may answer before it has read all, and read no more: its answer counts.
          self->request_done_ = end == End::Whole;
          if (self->request_done_ && self->response_done_) self->next();
        });
    request->start();
    read_response();
  }

  void read_response() {
    response_ = std::make_shared<ResponseParser>();
    response_->header_limit(kMaxHttpHead);
    response_->body_limit(kAnyLength);
    if (head_only_) response_->skip(true);
    http::async_read_header(program_->socket, program_->buffer, *response_,
                            [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (!self->closed_) self->on_response(error);
                            });
  }

  void on_response(const error_code& error) {
    if (error)
      return page({502,
                   "the program behind the service gave no answer that is HTTP: " + error.message(),
                   "on its node: weft status tells whether it runs"});
    auto& message = response_->get();
    const auto status = message.result_int();
    const bool upgraded = status == 101;
    if (upgraded && !websocket_) return page({502, "the program changed the protocol unasked", ""});
    const bool interim = status / 100 == 1 && !upgraded;
    program_keeps_ = response_->keep_alive();
    if (!interim && !upgraded) {
      answered_ = true;
      if (!plain_http10_) message.version(11);
      const bool to_its_end = response_->need_eof() && !head_only_;
      if (to_its_end && !plain_http10_)
        message.chunked(true);
      else if (to_its_end)
        keep_ = false;
      keep_ = keep_ && (program_keeps_ || !fixed_);
      rewrite_response(message.base(), keep_);
    }
    using End = HttpRelay<false>::End;
    const auto answer = std::make_shared<HttpRelay<false>>(
        program_, client_, response_, [self = shared_from_this(), interim, upgraded](End end) {
          if (end != End::Whole) return self->close();
          if (interim) return self->read_response();
          if (upgraded) return self->tunnel();
          self->response_done_ = true;
          if (self->request_done_) return self->next();
          self->limit(kLateBody, false);  // its last pieces may be on their way
        });
    answer->start(interim || upgraded || head_only_);
  }

  void next() {
    if (closed_) return;
    if (!keep_) return finish();
    if (!fixed_) {
      error_code ignored;
      program_->socket.close(ignored);
      program_.reset();
    }
    read_request();
  }

  void tunnel() {
    timer_.cancel();
    HttpTunnel::run(client_, program_, [self = shared_from_this()] { self->close(); });
  }

  // After an answer that ends the connection: the client reads it to its end.
  void finish() {
    error_code ignored;
    client_->socket.shutdown(HttpSocket::shutdown_send, ignored);
    drain();
  }
  void drain() {
    limit(2s, false);
    client_->socket.async_read_some(
        asio::buffer(drained_), [self = shared_from_this()](const error_code& error, std::size_t) {
          if (error || self->closed_ || ++self->drains_ > 64) return self->close();
          self->drain();
        });
  }

  void page(const HttpPage& page) {
    if (answered_) return close();  // in the midst of an answer nothing else can be said
    answered_ = true;
    auto answer =
        std::make_shared<http::response<http::string_body>>(http::int_to_status(page.status), 11);
    answer->set(http::field::content_type, "text/html; charset=utf-8");
    answer->set(http::field::cache_control, "no-store");
    answer->set(http::field::connection, "close");
    answer->body() = page.body.empty() ? error_page(page.status, page.why, page.fix) : page.body;
    answer->prepare_payload();
    if (head_only_) answer->body().clear();
    http::async_write(client_->socket, *answer,
                      [self = shared_from_this(), answer](const error_code&, std::size_t) {
                        if (!self->closed_) self->finish();
                      });
  }

  Impl* owner_;
  std::shared_ptr<HttpPeer> client_, program_;
  Route route_;
  adapter::HttpCaller caller_;
  asio::steady_timer timer_;
  std::shared_ptr<RequestParser> request_;
  std::shared_ptr<ResponseParser> response_;
  bool fixed_ = false;  // all requests go to the one program
  bool keep_ = false, websocket_ = false, head_only_ = false, plain_http10_ = false;
  bool program_keeps_ = false;
  bool request_done_ = false, response_done_ = false, answered_ = false;
  bool closed_ = false;
  int drains_ = 0;
  std::array<char, 4096> drained_{};
};

HttpSessions::HttpSessions(io::EventLoop& loop)
    : impl_(std::make_unique<Impl>(io::asio_context(loop))) {}
HttpSessions::~HttpSessions() { close_all(); }

std::size_t HttpSessions::size() const { return impl_->sessions.size(); }

void HttpSessions::close_all() {
  for (const auto& session : std::exchange(impl_->sessions, {})) session->orphan();
}

bool HttpSessions::gateway(io::UniqueFd client, Route route) {
  if (impl_->sessions.size() >= kMaxSessions) return false;
  auto session =
      std::make_shared<Session>(*impl_, std::move(client), std::move(route), adapter::HttpCaller());
  impl_->sessions.insert(session);
  session->read_request();
  return true;
}

bool HttpSessions::service(io::UniqueFd client, io::UniqueFd program, adapter::HttpCaller caller) {
  if (impl_->sessions.size() >= kMaxSessions) return false;
  auto session = std::make_shared<Session>(*impl_, std::move(client), Route(), std::move(caller));
  session->lead_to(std::move(program));
  impl_->sessions.insert(session);
  session->read_request();
  return true;
}

}  // namespace weft::node
