// GET /metrics on a TCP port, for a Prometheus that cannot open a Unix socket. It serves nothing
// else: no other path, no other method, one request a connection.
//
// Who gets in: without a token the port is on the loopback and Host must name the loopback, so that
// no page in a browser reads it by a name of its own (DNS rebinding); with a token, who brings it
// as "Authorization: Bearer TOKEN", else 401. Limits: kMaxScrapers connections, the oldest goes; 8
// KiB of header; kScrapeTime for a request and its answer.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "node/io/event_loop.hpp"

namespace weft::metrics {

inline constexpr std::size_t kMaxScrapers = 8;  // one Prometheus holds one, for a moment
inline constexpr Duration kScrapeTime = 5s;

class Server {
 public:
  // `text` makes the answer.
  Server(io::EventLoop& loop, std::string token, std::function<std::string()> text);
  ~Server();  // closes everything
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Usage: not on the loopback and no token. Busy, Denied, NotFound: as bind() has it.
  [[nodiscard]] Result<void> listen(const Endpoint& at);
  [[nodiscard]] Endpoint local() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weft::metrics
