#include "node/api/http_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "node/api/http_connection.hpp"
#include "node/api/http_stream.hpp"
#include "node/io/clock.hpp"
#include "node/io/descriptors.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::api {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using ErrorCode = boost::system::error_code;

const ApiError kFull{Code::Failed, "too many clients at once",
                     "every place of the management socket is taken by calls that wait",
                     "end some of them, or try again in a moment"};
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // out of descriptors: breathe

std::optional<uid_t> peer_uid(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  return who.uid;
}

// True if a process accepts on this path. A file that refuses is what a crash left behind.
bool is_answered(asio::io_context& loop, const std::filesystem::path& path) {
  Protocol::socket probe(loop);
  ErrorCode error;
  probe.connect(Protocol::endpoint(path.string()), error);
  return !error;
}

}  // namespace

class HttpServer::Impl final : public Connection::Owner,
                               public HttpStream::Owner,
                               public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& loop, Router router, ServerOptions options)
      : loop_(loop),
        options_(std::move(options)),
        router_(std::move(router)),
        acceptor_(loop),
        pause_(loop) {}

  Result<void> start();
  Result<bool> keep_bound();
  void accept();
  void stop();
  void abandon();

  void closed(Connection& connection) override {
    std::erase_if(connections_, [&](const auto& c) { return c.get() == &connection; });
  }
  void stream(Protocol::socket socket, bool chunked, const StreamAnswer& answer) override;
  void cut_off(HttpStream&) override { ++counters_.streams_cut_off; }
  void ended(HttpStream& stream) override {
    std::erase_if(streams_, [&](const auto& s) { return s.get() == &stream; });
  }
  ServerCounters& counters() override { return counters_; }
  [[nodiscard]] const ServerOptions& options() const override { return options_; }
  [[nodiscard]] const Router& router() const override { return router_; }
  [[nodiscard]] bool crowded() const override {
    const auto waiting =
        std::ranges::count_if(connections_, [](const auto& c) { return c->waits(); });
    // The one that asks is among them already.
    return static_cast<std::size_t>(waiting) + streams_.size() > options_.max_connections / 4 * 3;
  }
  [[nodiscard]] std::size_t connections() const { return connections_.size() + streams_.size(); }

 private:
  void refuse_without_descriptor();
  void welcome(Protocol::socket socket);
  bool make_room();
  void remove_file();

  asio::io_context& loop_;
  ServerOptions options_;
  Router router_;
  Protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  std::vector<std::shared_ptr<Connection>> connections_;  // oldest first
  std::vector<std::shared_ptr<HttpStream>> streams_;
  ServerCounters counters_;
  ino_t inode_ = 0;  // of the file we made, so that we remove no other
};

Result<void> HttpServer::Impl::start() {
  const auto path = options_.socket.string();
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(Errc::TooLarge, "the socket's path is longer than 107 bytes: " + path);
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode))
      return fail(Errc::AlreadyExists,
                  path + " is not a socket. Fix: move it away, then start again");
    if (is_answered(loop_, options_.socket))
      return fail(Errc::Busy, "another weft answers on " + path + ". Fix: end it: weft down");
    ::unlink(path.c_str());
  }
  ErrorCode error;
  acceptor_.open(Protocol(), error);
  if (!error) {
    const auto before = ::umask(0177);  // the file must never exist with a wider mode
    acceptor_.bind(Protocol::endpoint(path), error);
    ::umask(before);
  }
  if (!error) acceptor_.listen(128, error);
  if (error) return fail(Errc::Storage, "cannot listen on " + path + ": " + error.message());
  if (::lstat(path.c_str(), &info) == 0) inode_ = info.st_ino;
  accept();
  return {};
}

Result<bool> HttpServer::Impl::keep_bound() {
  struct stat info{};
  if (!acceptor_.is_open() && inode_ == 0) return false;  // stopped, or never started
  if (::lstat(options_.socket.c_str(), &info) == 0 && info.st_ino == inode_) return false;
  ErrorCode ignored;
  acceptor_.close(ignored);
  WEFT_CHECK(start());
  return true;
}

void HttpServer::Impl::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](const ErrorCode& error, Protocol::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (!error) {
          self->welcome(std::move(socket));
          return self->accept();
        }
        if (error == asio::error::operation_aborted) return;
        if (!self->make_room()) self->refuse_without_descriptor();
        self->pause_.expires_after(kAcceptPause);
        self->pause_.async_wait([self](const ErrorCode& stopped) {
          if (!stopped && self->acceptor_.is_open()) self->accept();
        });
      });
}

void HttpServer::Impl::welcome(Protocol::socket socket) {
  ++counters_.accepted;
  const auto uid = peer_uid(socket.native_handle());
  const bool known = uid && (options_.allowed_uid ? *uid == *options_.allowed_uid
                                                  : *uid == ::geteuid() || *uid == 0);
  if (!known) {
    ++counters_.refused_uid;
    return say_at_once(socket.native_handle(), 403,
                       {Code::Denied, "this node belongs to another user", "",
                        "run the command as the user that runs weft"});
  }
  if (connections() >= options_.max_connections && !make_room()) {
    ++counters_.refused_full;
    return say_at_once(socket.native_handle(), 503, kFull);
  }
  auto connection = std::make_shared<Connection>(std::move(socket), *this);
  connections_.push_back(connection);
  connection->start();
}

void HttpServer::Impl::stream(Protocol::socket socket, bool chunked, const StreamAnswer& answer) {
  ++counters_.streams;
  const HttpStream::Limits limits{options_.stream_backlog, options_.read_timeout};
  auto stream = std::make_shared<HttpStream>(std::move(socket), *this, limits, chunked);
  streams_.push_back(stream);
  stream->start(answer);
}

// Somebody else took the descriptors: the client learns of it rather than wait.
void HttpServer::Impl::refuse_without_descriptor() {
  ++counters_.refused_full;
  io::with_spare_descriptor([this] {
    const io::UniqueFd client(
        ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client)
      say_at_once(client.value(), 503,
                  {Code::Failed, "this node has no file descriptor left",
                   "the limit of open files is " + std::to_string(io::descriptor_limit()),
                   "raise it (ulimit -Hn, LimitNOFILE= of a unit), or end what holds them"});
  });
}

bool HttpServer::Impl::make_room() {
  auto found = std::ranges::find_if(connections_, [](const auto& c) { return c->idle(); });
  if (found == connections_.end())
    found = std::ranges::find_if(
        connections_, [now = io::monotonic_time()](const auto& c) { return c->slow(now); });
  if (found == connections_.end()) return false;
  auto connection = std::move(*found);
  connections_.erase(found);
  connection->dismiss(kFull);
  return true;
}

void HttpServer::Impl::stop() {
  if (!acceptor_.is_open()) return;
  ErrorCode ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  remove_file();
  for (const auto& connection : std::vector(connections_)) connection->finish_up();
  for (const auto& stream : std::vector(streams_)) stream->finish_up();
}

void HttpServer::Impl::abandon() {
  stop();
  for (const auto& connection : std::exchange(connections_, {})) connection->abandon();
  for (const auto& stream : std::exchange(streams_, {})) stream->abandon();
}

void HttpServer::Impl::remove_file() {
  struct stat info{};
  const auto path = options_.socket.string();
  if (inode_ != 0 && ::lstat(path.c_str(), &info) == 0 && info.st_ino == inode_)
    ::unlink(path.c_str());
  inode_ = 0;
}

HttpServer::HttpServer(asio::io_context& loop, Router router, ServerOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(router), std::move(options))) {}

HttpServer::~HttpServer() { impl_->abandon(); }

Result<void> HttpServer::start() { return impl_->start(); }
Result<bool> HttpServer::keep_bound() { return impl_->keep_bound(); }
void HttpServer::stop() { impl_->stop(); }
const ServerCounters& HttpServer::counters() const { return impl_->counters(); }
std::size_t HttpServer::connections() const { return impl_->connections(); }

}  // namespace weft::api
