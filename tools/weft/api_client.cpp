#include "tools/weft/api_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "node/failure_text.hpp"
#include "node/paths.hpp"
#include "node/store/home_lock.hpp"

namespace weft::cli {
namespace {

namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;
using Parser = http::response_parser<http::string_body>;

constexpr std::size_t kMaxAnswer = 64 << 20;  // 10,000 members are a few MiB

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<ApiError> broken(std::string why) {
  return api::refuse(Code::Failed, "the daemon's answer does not make sense", std::move(why),
                     "is another program on this socket?");
}

bool wait_readable(int fd, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd poll{fd, POLLIN, 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// A refusal may arrive before the request is out: a failed send is not the end, the answer decides.
void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Reads until the parser is done; what it did not take is returned (the first bytes of a pipe).
ApiResult<std::string> read_answer(int fd, Parser& parser, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  std::string pending;
  std::array<char, 16 * 1024> chunk{};
  while (!parser.is_done()) {
    if (!wait_readable(fd, deadline))
      return api::refuse(Code::Timeout, "the daemon gave no answer in time", "",
                         "give it longer with --timeout 60s");
    const auto size = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    boost::system::error_code error;
    if (size <= 0 && !parser.got_some())
      return api::refuse(Code::Failed, "weft ended before it answered",
                         "the daemon closed the connection: stopped, killed or crashed",
                         "is it still there? weft status; its log tells why it ended");
    if (size <= 0) {
      if (parser.got_some()) parser.put_eof(error);
      if (error || !parser.is_done()) return broken("the connection ended early");
      break;
    }
    pending.append(chunk.data(), static_cast<std::size_t>(size));
    while (!pending.empty() && !parser.is_done()) {
      const auto used = parser.put(boost::asio::buffer(pending), error);
      if (error && error != http::error::need_more) return broken(error.message());
      pending.erase(0, used);
      if (error == http::error::need_more || used == 0) break;
    }
  }
  return pending;
}

std::string head(std::string_view method, const std::string& path) {
  return std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
}

ApiResult<Json> open_envelope(const std::string& text) {
  auto envelope = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!envelope.is_object() || !envelope.contains("success")) return broken("no envelope");
  if (envelope["success"] == true) return std::move(envelope["data"]);
  const auto code = envelope.value("code", 1);
  const auto& error = envelope["error"];
  if (!error.is_object()) return broken("no error object");
  return api::refuse(static_cast<Code>(code), error.value("title", "failed"),
                     error.value("detail", ""), error.value("fix", ""));
}

}  // namespace

ApiResult<int> ApiClient::connect() const {
  auto first = connect_to(socket_);
  if (first || first.error().code != Code::NotRunning || state_dir_.empty()) return first;
  const auto owner = store::HomeLock::last_owner(state_dir_);
  if (!owner || owner->socket.empty() || owner->socket == socket_) return first;
  auto second = connect_to(owner->socket);
  return second || second.error().code != Code::NotRunning ? std::move(second) : std::move(first);
}

ApiResult<int> ApiClient::connect_to(const std::filesystem::path& socket) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = socket.native();
  if (path.size() >= sizeof address.sun_path)
    return api::refuse(Code::Usage, "the socket's path is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto stranger = [&](const std::string& why, const std::string& fix) {
    return api::refuse(Code::Denied, "this node may belong to another user: nothing was sent to it",
                       why, fix);
  };
  if (const auto safe = node::check_private(socket.parent_path());
      !safe && safe.error().code == Errc::Denied) {
    const auto text = node::take_apart(safe.error().detail, "weft");
    return stranger(text.why,
                    text.fix.empty() ? "run the command as the user that runs weft" : text.fix);
  }
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return api::refuse(Code::Failed, "no socket to be had", std::strerror(errno));
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EINTR) continue;
    if (errno == EACCES || errno == EPERM)
      return api::refuse(Code::Denied, "this node belongs to another user", path,
                         "run the command as the user that runs weft");
    return api::refuse(Code::NotRunning, "weft is not running", "nobody answers on " + path,
                       start_command_);
  }
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
      (who.uid != ::geteuid() && who.uid != 0))
    return stranger("user " + std::to_string(who.uid) + " answers on " + path,
                    "run the command as the user that runs weft");
  return fd.release();
}

ApiResult<int> ApiClient::daemon_pid() const {
  auto connected = connect();
  if (!connected) return connected;
  const Fd fd(*connected);
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return 0;
  return static_cast<int>(who.pid);
}

ApiResult<Json> ApiClient::call(std::string_view method, const std::string& path,
                                const std::optional<Json>& body,
                                std::chrono::milliseconds limit) const {
  const auto text = body ? api::dump(*body) : std::string();
  if (body && Json::parse(text, nullptr, /*allow_exceptions=*/false) != *body)
    return api::refuse(Code::Usage, "what was typed is not UTF-8", "it would not arrive as it is");
  auto connected = connect();
  if (!connected) return std::unexpected(connected.error());
  const Fd fd(*connected);
  auto request = head(method, path) +
                 "Connection: close\r\nContent-Length: " + std::to_string(text.size()) + "\r\n";
  if (body) request += "Content-Type: application/json\r\n";
  send_all(fd.get(), request + "\r\n" + text);
  Parser parser;
  parser.eager(true);
  parser.body_limit(kMaxAnswer);
  const auto rest = read_answer(fd.get(), parser, limit);
  if (!rest) return std::unexpected(rest.error());
  return open_envelope(parser.get().body());
}

ApiResult<void> ApiClient::stream(const std::string& path, const Listener& listener,
                                  std::optional<std::chrono::milliseconds> limit) const {
  auto connected = connect();
  if (!connected) return std::unexpected(connected.error());
  const Fd fd(*connected);
  send_all(fd.get(), head("GET", path) + "Accept: text/event-stream\r\nConnection: close\r\n\r\n");
  Parser parser;
  parser.eager(true);
  parser.body_limit(boost::none);
  EventStream events;
  const auto deadline = limit ? Clock::now() + *limit : Clock::time_point::max();
  std::string pending;
  std::array<char, 16 * 1024> chunk{};
  for (;;) {
    auto size = ::recv(fd.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (parser.is_header_done() && listener.pause && !listener.pause()) return {};
      if (!wait_readable(fd.get(), deadline))
        return api::refuse(Code::Timeout, "that was all in the time given", "",
                           "give it longer with --timeout 60s");
      continue;
    }
    boost::system::error_code error;
    if (size <= 0) parser.put_eof(error);
    if (size > 0) pending.append(chunk.data(), static_cast<std::size_t>(size));
    while (!pending.empty() && !parser.is_done()) {
      const auto used = parser.put(boost::asio::buffer(pending), error);
      if (error && error != http::error::need_more) return broken(error.message());
      pending.erase(0, used);
      if (error == http::error::need_more || used == 0) break;
    }
    auto& body = parser.get().body();
    if (parser.is_header_done() && parser.get().result_int() == 200) {
      const auto fed = events.feed(std::exchange(body, {}), listener.event);
      if (fed == EventStream::Fed::TooLong) return broken("an event of more than 1 MiB");
      if (fed == EventStream::Fed::Enough) return {};
    }
    if (!parser.is_done() && size > 0) continue;
    if (!parser.is_header_done()) return broken("the connection ended early");
    if (parser.get().result_int() == 200) return {};
    const auto refused = open_envelope(body);
    if (refused) return broken("an answer that is no stream");
    return std::unexpected(refused.error());
  }
}

ApiResult<ApiClient::Pipe> ApiClient::upgrade(const std::string& path,
                                              std::chrono::milliseconds limit) const {
  auto connected = connect();
  if (!connected) return std::unexpected(connected.error());
  Fd fd(*connected);
  send_all(fd.get(), head("GET", path) + "Connection: Upgrade\r\nUpgrade: weft-pipe\r\n\r\n");
  Parser parser;
  parser.eager(true);
  parser.body_limit(kMaxAnswer);
  auto rest = read_answer(fd.get(), parser, limit);
  if (!rest) return std::unexpected(rest.error());
  if (parser.get().result() == http::status::switching_protocols)
    return Pipe{fd.release(), std::move(*rest)};
  auto answer = open_envelope(parser.get().body());
  if (answer) return broken("no upgrade");
  return std::unexpected(answer.error());
}

std::string escape(std::string_view segment) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '@' || c == ':';
    if (plain)
      out += c;
    else
      ((out += '%') += kDigits[byte >> 4]) += kDigits[byte & 15];
  }
  return out;
}

}  // namespace weft::cli
