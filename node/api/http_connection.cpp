#include "node/api/http_connection.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "node/api/json.hpp"
#include "node/io/clock.hpp"
#include "node/version.hpp"

namespace weft::api {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kMaxHeader = 8 * 1024;
constexpr std::size_t kBuffer = kMaxHeader + kMaxBody + 8 * 1024;
constexpr auto kLinger = std::chrono::milliseconds(500);
constexpr Duration kSlowToAsk = 250ms;  // a program sends its request at once
constexpr Duration kSlowToRead = 1s;

std::optional<unsigned> peer_uid(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  return who.uid;
}

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool same_text(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// A page that got its own name to resolve here still sends its own name (DNS rebinding).
bool is_local_host(std::string_view host) {
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  constexpr std::array<std::string_view, 5> kLocal{"", "localhost", "weft", "127.0.0.1", "[::1]"};
  return std::ranges::any_of(kLocal, [&](auto local) { return same_text(host, local); });
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto item = list.substr(0, comma);
    while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
    while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
    if (same_text(item, token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

Connection::Connection(Socket socket, Owner& owner)
    : socket_(std::move(socket)),
      owner_(&owner),
      timer_(socket_.get_executor()),
      buffer_(kBuffer) {}

void Connection::start() { read_first(); }

void say_at_once(int fd, int status, const ApiError& error) {
  const std::string body = error_envelope(error) + "\n";
  const std::string text =
      "HTTP/1.1 " + std::to_string(status) + " " +
      std::string(http::obsolete_reason(static_cast<http::status>(status))) + "\r\nServer: weft/" +
      kVersion +
      "\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"
      "Connection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  static_cast<void>(::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

void Connection::arm(std::chrono::milliseconds limit) {
  since_ = io::monotonic_time();
  timed_out_ = false;
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), armed = ++timer_turn_](const ErrorCode& error) {
    if (error || armed != self->timer_turn_ || self->state_ == State::Closed) return;
    if (self->state_ == State::Answering) {
      self->keep_alive_ = false;
      ++self->turn_;  // a late answer finds nobody
      self->give_up_answer();
      self->respond_error(504, {Code::Timeout, "the daemon gave no answer in time", "", ""});
    } else if (self->state_ == State::Header || self->state_ == State::Body) {
      self->timed_out_ = true;
      ErrorCode ignored;
      self->socket_.cancel(ignored);
    } else {
      self->close();
    }
  });
}

void Connection::read_first() {
  state_ = State::Idle;
  parser_.reset();
  if (buffer_.size() > 0) return read_header();
  arm(owner_->options().idle_timeout);
  socket_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t size) {
                            if (self->state_ != State::Idle) return;
                            if (error) return self->close();
                            self->buffer_.commit(size);
                            self->read_header();
                          });
}

void Connection::read_header() {
  state_ = State::Header;
  parser_.emplace();
  parser_->header_limit(kMaxHeader);
  parser_->body_limit(kMaxBody);
  arm(owner_->options().read_timeout);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                            if (self->state_ != State::Header) return;
                            if (error) return self->on_read_error(error);
                            self->read_body();
                          });
}

void Connection::read_body() {
  keep_alive_ = parser_->get().keep_alive();
  // Beast lets two equal lengths pass; whoever sends two is playing with framing (RFC 9112 6.3).
  if (parser_->get().count(http::field::content_length) > 1) {
    ++owner_->counters().malformed;
    keep_alive_ = false;
    return respond_error(400, {Code::Usage, "two lengths for one body", "", ""});
  }
  if (const auto why = refusal()) {
    ++owner_->counters().refused_origin;
    keep_alive_ = false;
    return respond_error(403, *why);
  }
  state_ = State::Body;
  arm(owner_->options().read_timeout);
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                     if (self->state_ != State::Body) return;
                     if (error) return self->on_read_error(error);
                     self->dispatch();
                   });
}

std::optional<ApiError> Connection::refusal() const {
  const auto& request = parser_->get();
  if (request.count(http::field::host) > 1 || !is_local_host(view_of(request[http::field::host])))
    return ApiError{Code::Denied, "this Host is not served here", "", "use Host: localhost"};
  if (request.count(http::field::origin) > 0 || request.method() == http::verb::options)
    return ApiError{Code::Denied, "browsers are not served on this socket", "", ""};
  return std::nullopt;
}

void Connection::on_read_error(const ErrorCode& error) {
  keep_alive_ = false;
  auto& counters = owner_->counters();
  if (timed_out_) {
    ++counters.timeouts;
    return respond_error(408, {Code::Timeout, "the request came too slowly", "", ""});
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    ++counters.too_large;
    return respond_error(431, {Code::Usage, "the header is too large", "the limit is 8 KiB", ""});
  }
  if (error == http::error::body_limit) {
    ++counters.too_large;
    return respond_error(413, {Code::Usage, "the body is too large", "the limit is 64 KiB", ""});
  }
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    ++counters.malformed;
    return respond_error(400, {Code::Usage, "this is not HTTP/1.1", error.message(), ""});
  }
  close();  // the peer left, or the socket failed
}

void Connection::dispatch() {
  state_ = State::Answering;
  ++owner_->counters().requests;
  auto& message = parser_->get();
  ApiRequest request;
  request.method = view_of(message.method_string());
  request.target = view_of(message.target());
  request.content_type = view_of(message[http::field::content_type]);
  request.last_event_id = view_of(message["Last-Event-ID"]).substr(0, 64);
  request.body = std::move(message.body());
  request.upgrade = has_token(view_of(message[http::field::connection]), "upgrade") &&
                    same_text(view_of(message[http::field::upgrade]), "weft-pipe");
  wanted_ = std::make_shared<bool>(true);
  request.wanted = wanted_;
  request.crowded = owner_->crowded();
  request.uid = peer_uid(socket_.native_handle());
  const auto turn = ++turn_;
  const auto budget = owner_->router().handle(
      request,
      [self = shared_from_this(), turn](ApiAnswer a) { self->answer(std::move(a), turn); });
  if (state_ != State::Answering || turn != turn_) return;  // answered already
  arm(budget);
  watch_for_hangup();
}

// A client that is killed while it waits frees its place at once. One that only shut its sending
// side down still gets its answer.
void Connection::watch_for_hangup() {
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this(), turn = turn_](const ErrorCode& error) {
                       if (error || self->state_ != State::Answering || self->turn_ != turn) return;
                       pollfd poll{self->socket_.native_handle(), POLLIN, 0};
                       if (::poll(&poll, 1, 0) == 1 && (poll.revents & POLLHUP) != 0) self->close();
                     });
}

void Connection::give_up_answer() {
  if (wanted_) *wanted_ = false;
}

void Connection::answer(ApiAnswer answer, std::uint64_t turn) {
  if (state_ != State::Answering || turn != turn_) {
    if (answer.adopt) answer.adopt(-1, {});
    return;
  }
  if (answer.adopt) return switch_to_pipe(std::move(answer.adopt));
  if (answer.stream) return switch_to_stream(*answer.stream);
  respond(answer.status, std::move(answer.body), answer.allow);
}

void Connection::respond_error(int status, const ApiError& error) {
  respond(status, error_envelope(error));
}

void Connection::respond(int status, std::string body, const std::string& allow) {
  state_ = State::Writing;
  if (owner_ == nullptr) return close();
  response_ = {};
  response_.result(static_cast<unsigned>(status));
  response_.version(11);
  response_.keep_alive(keep_alive_);
  response_.set(http::field::server, std::string("weft/") + kVersion);
  response_.set(http::field::content_type,
                status >= 400 ? "application/problem+json" : "application/json");
  response_.set(http::field::cache_control, "no-store");
  if (!allow.empty()) response_.set(http::field::allow, allow);
  response_.body() = std::move(body);
  response_.body() += '\n';
  response_.prepare_payload();
  arm(owner_->options().read_timeout);
  ErrorCode ignored;
  socket_.cancel(ignored);  // the watch for a hang-up
  http::async_write(socket_, response_,
                    [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                      self->on_written(error);
                    });
}

void Connection::on_written(const ErrorCode& error) {
  if (state_ != State::Writing) return;
  if (error || owner_ == nullptr) return close();
  if (!keep_alive_) return lingering_close();
  read_first();
}

// Says "no more" and drains what the peer still sends for a moment, so that closing does not turn
// into a reset that overtakes our answer.
void Connection::lingering_close() {
  ErrorCode ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  arm(kLinger);
  state_ = State::Idle;
  drain();
}

void Connection::drain() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                            if (self->state_ == State::Closed) return;
                            if (error) return self->close();
                            self->drain();
                          });
}

void Connection::switch_to_pipe(std::function<void(int, Bytes)> adopt) {
  state_ = State::Writing;
  ErrorCode ignored;
  socket_.cancel(ignored);
  arm(owner_->options().read_timeout);
  response_ = {};
  response_.result(http::status::switching_protocols);
  response_.version(11);
  response_.set(http::field::connection, "Upgrade");
  response_.set(http::field::upgrade, "weft-pipe");
  http::async_write(
      socket_, response_,
      [self = shared_from_this(), adopt = std::move(adopt)](const ErrorCode& error, std::size_t) {
        if (error || self->state_ != State::Writing || self->owner_ == nullptr) {
          adopt(-1, {});
          return self->close();
        }
        const auto early = self->buffer_.data();
        const auto* first = static_cast<const std::uint8_t*>(early.data());
        Bytes bytes(first, first + early.size());
        ErrorCode failed;
        const int fd = self->socket_.release(failed);
        ++self->owner_->counters().pipes;
        self->close();
        if (fd >= 0 && !failed) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        adopt(failed ? -1 : fd, std::move(bytes));
      });
}

void Connection::switch_to_stream(const StreamAnswer& answer) {
  const auto self = shared_from_this();
  ErrorCode ignored;
  socket_.cancel(ignored);  // the watch for a hang-up
  const bool chunked = parser_->get().version() >= 11;
  auto* owner = owner_;
  auto socket = std::move(socket_);
  close();
  if (owner != nullptr) owner->stream(std::move(socket), chunked, answer);
}

bool Connection::slow(Instant now) const {
  if (state_ == State::Header || state_ == State::Body) return now - since_ > kSlowToAsk;
  return state_ == State::Writing && now - since_ > kSlowToRead;
}

void Connection::dismiss(const ApiError& error) {
  if (state_ == State::Header || state_ == State::Body)
    say_at_once(socket_.native_handle(), 503, error);
  abandon();
}

void Connection::close() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  give_up_answer();
  timer_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  if (auto* owner = std::exchange(owner_, nullptr)) owner->closed(*this);
}

void Connection::abandon() {
  owner_ = nullptr;
  close();
}

void Connection::finish_up() {
  keep_alive_ = false;
  if (state_ == State::Idle) close();
}

}  // namespace weft::api
