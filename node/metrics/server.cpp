#include "node/metrics/server.hpp"

#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/crypto.hpp"
#include "node/adapter/tcp_door.hpp"
#include "node/io/tcp_socket_asio.hpp"

namespace weft::metrics {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxHeader = 8 * 1024;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool names_loopback(std::string_view host) {
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") return true;
  ErrorCode error;
  const auto address = asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(io::EventLoop& loop, std::string token, std::function<std::string()> text)
      : loop_(loop), token_(std::move(token)), text_(std::move(text)) {}

  Result<void> listen(const Endpoint& at);
  void close();
  [[nodiscard]] Endpoint local() const { return door_ ? door_->local() : Endpoint{}; }
  [[nodiscard]] std::size_t connections() const { return scrapes_.size(); }

 private:
  struct Scrape;
  using Response = http::response<http::string_body>;

  void accepted(io::UniqueFd fd);
  void read(const std::shared_ptr<Scrape>& scrape);
  void answer(const std::shared_ptr<Scrape>& scrape);
  [[nodiscard]] http::status judge(const http::request<http::empty_body>& request) const;
  void end(const std::shared_ptr<Scrape>& scrape);

  io::EventLoop& loop_;
  const std::string token_;
  const std::function<std::string()> text_;
  std::deque<std::shared_ptr<Scrape>> scrapes_;  // oldest first
  std::unique_ptr<adapter::TcpDoor> door_;
};

struct Server::Impl::Scrape {
  explicit Scrape(tcp::socket accepted)
      : socket(std::move(accepted)), limit(socket.get_executor()), buffer(2 * kMaxHeader) {}
  void close() {
    ErrorCode ignored;
    socket.close(ignored);
    limit.cancel();
  }

  tcp::socket socket;
  asio::steady_timer limit;
  boost::beast::flat_buffer buffer;
  http::request_parser<http::empty_body> parser;
  Response response;
};

Result<void> Server::Impl::listen(const Endpoint& at) {
  if (!at.is_loopback() && token_.empty())
    return fail(Errc::Usage, to_text(at) +
                                 " is not on the loopback: others could read what this node "
                                 "counts. Fix: set metrics.token, or listen on 127.0.0.1");
  WEFT_TRY(door_, adapter::TcpDoor::listen(
                      loop_, at, adapter::IfTaken::Fail,
                      [this](io::UniqueFd fd, const Endpoint&) { accepted(std::move(fd)); }));
  return {};
}

void Server::Impl::accepted(io::UniqueFd fd) {
  if (scrapes_.size() == kMaxScrapers) end(scrapes_.front());
  scrapes_.push_back(std::make_shared<Scrape>(io::tcp_socket(loop_, std::move(fd))));
  read(scrapes_.back());
}

void Server::Impl::read(const std::shared_ptr<Scrape>& scrape) {
  scrape->limit.expires_after(kScrapeTime);
  scrape->limit.async_wait([self = shared_from_this(), scrape](const ErrorCode& stopped) {
    if (!stopped) self->end(scrape);
  });
  scrape->parser.header_limit(kMaxHeader);
  http::async_read(scrape->socket, scrape->buffer, scrape->parser,
                   [self = shared_from_this(), scrape](const ErrorCode& error, std::size_t) {
                     if (error) return self->end(scrape);
                     self->answer(scrape);
                   });
}

http::status Server::Impl::judge(const http::request<http::empty_body>& request) const {
  if (token_.empty()) {
    if (request.count(http::field::origin) > 0 || request.count(http::field::host) > 1 ||
        !names_loopback(view_of(request[http::field::host])))
      return http::status::forbidden;
  } else {
    const std::string wanted = "Bearer " + token_;
    const auto given = view_of(request[http::field::authorization]);
    if (!crypto::equal_constant_time(bytes_of(given), bytes_of(wanted)))
      return http::status::unauthorized;
  }
  if (view_of(request.target()) != "/metrics") return http::status::not_found;
  if (request.method() != http::verb::get && request.method() != http::verb::head)
    return http::status::method_not_allowed;
  return http::status::ok;
}

void Server::Impl::answer(const std::shared_ptr<Scrape>& scrape) {
  const auto& request = scrape->parser.get();
  auto& response = scrape->response;
  response.version(11);
  response.result(judge(request));
  response.keep_alive(false);
  response.set(http::field::cache_control, "no-store");
  if (response.result() == http::status::ok) {
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.body() = text_();
  } else {
    response.set(http::field::content_type, "text/plain");
    if (response.result() == http::status::unauthorized)
      response.set(http::field::www_authenticate, "Bearer");
    if (response.result() == http::status::method_not_allowed)
      response.set(http::field::allow, "GET, HEAD");
    response.body() = std::string(http::obsolete_reason(response.result())) + "\n";
  }
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  http::async_write(scrape->socket, response,
                    [self = shared_from_this(), scrape](const ErrorCode& error, std::size_t) {
                      ErrorCode ignored;
                      if (!error) scrape->socket.shutdown(tcp::socket::shutdown_both, ignored);
                      self->end(scrape);
                    });
}

void Server::Impl::end(const std::shared_ptr<Scrape>& scrape) {
  scrape->close();
  // By pointer: what is handed in may be the place that is erased.
  std::erase_if(scrapes_, [which = scrape.get()](const auto& one) { return one.get() == which; });
}

void Server::Impl::close() {
  door_.reset();
  while (!scrapes_.empty()) end(scrapes_.front());
}

Server::Server(io::EventLoop& loop, std::string token, std::function<std::string()> text)
    : impl_(std::make_shared<Impl>(loop, std::move(token), std::move(text))) {}
Server::~Server() { impl_->close(); }
Result<void> Server::listen(const Endpoint& at) { return impl_->listen(at); }
Endpoint Server::local() const { return impl_->local(); }
std::size_t Server::connections() const { return impl_->connections(); }

}  // namespace weft::metrics
