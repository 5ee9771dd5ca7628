// The management API's HTTP server on a Unix socket: mode 0600, one user.
//
// Who gets in: the peer's uid (SO_PEERCRED) is ours or root's, else 403. Host must be "localhost",
// "weft", a loopback address or empty; a request with Origin, or a preflight, is refused (403): a
// browser has no business here. Bodies must be application/json.
// Limits: 64 connections, of which 48 may wait for something (wait, join, open, ping, pipe, the
// DHT), so that a short call always finds a place; 8 KiB of header, 64 KiB of body, JSON 32 deep,
// 10 s for a header and a body each, 30 s between requests on a kept connection. Malformed HTTP:
// 400, header too large: 431, body too large: 413, too slow: 408; the connection is then closed.
// When all places are taken, one that is idle, slow to send its request or slow to read its answer
// makes room; if there is none, or no descriptor, the newcomer is told so (503) before it is
// closed. An answer that goes on (answer_stream.hpp) counts as one that waits; its client is cut
// off with more than 256 KiB unread. Messages are HTTP/1.1 (RFC 9112); chunked request bodies are
// accepted, pipelining is answered in order. Everything runs on the loop's thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "base/error.hpp"
#include "base/fields.hpp"
#include "node/api/routes.hpp"

namespace boost::asio {
class io_context;
}

namespace weft::api {

struct ServerOptions {
  std::filesystem::path socket;
  std::size_t max_connections = 64;
  std::chrono::milliseconds read_timeout{10'000};  // one header, one body
  std::chrono::milliseconds idle_timeout{30'000};  // between requests
  std::size_t stream_backlog = 256 * 1024;         // bytes that wait for the reader of a stream
  std::optional<uid_t> allowed_uid;  // default: ours; root is always allowed unless this is set
};

struct ServerCounters {
  std::uint64_t accepted = 0, refused_uid = 0, refused_full = 0, refused_origin = 0;
  std::uint64_t requests = 0, malformed = 0, too_large = 0, timeouts = 0, pipes = 0;
  std::uint64_t streams = 0, streams_cut_off = 0;

  static constexpr auto fields() {
    using C = ServerCounters;
    return std::tuple{
        field("accepted", "connections", "accepted", &C::accepted),
        field("refused_uid", "connections", "of another user", &C::refused_uid),
        field("refused_full", "connections", "refused because all places were taken",
              &C::refused_full),
        field("refused_origin", "requests", "of browsers or for another host", &C::refused_origin),
        field("requests", "requests", "answered", &C::requests),
        field("malformed", "requests", "that are not HTTP/1.1", &C::malformed),
        field("too_large", "requests", "with a header or body over the limit", &C::too_large),
        field("timeouts", "requests", "that came too slowly", &C::timeouts),
        field("pipes", "connections", "that became a pipe", &C::pipes),
        field("streams", "connections", "whose answer goes on", &C::streams),
        field("streams_cut_off", "connections", "whose client took its answer too slowly",
              &C::streams_cut_off)};
  }
};
static_assert(lists_all_fields<ServerCounters>());

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& loop, Router router, ServerOptions options);
  ~HttpServer();  // closes everything and removes the socket file
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and listens. A socket file that nobody answers on is replaced; one that somebody does is
  // Errc::Busy (another daemon on this home).
  [[nodiscard]] Result<void> start();
  // Binds again if the socket's file is gone, or is not ours any more and nobody answers on it.
  // True when it did.
  [[nodiscard]] Result<bool> keep_bound();
  // Accepts no more, lets answers under way go out, closes idle connections, removes the file.
  void stop();
  [[nodiscard]] const ServerCounters& counters() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weft::api
