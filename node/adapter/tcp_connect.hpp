// Connects to a local service: HOST:PORT (names are resolved on threads of their own, see
// resolver.hpp) or unix:PATH. Addresses of a name are tried one after another within one time
// limit; localhost is 127.0.0.1, then ::1.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::adapter {

// Where to: service::Target knows what people write.
struct Target {
  std::string host;  // name or address, without brackets; empty for a unix socket
  std::uint16_t port = 0;
  std::string unix_path;

  bool operator==(const Target&) const = default;
};
std::string to_text(const Target& target);

enum class ConnectFailure : std::uint8_t {
  Refused,      // nobody listens there
  Unreachable,  // no route, or the network is down
  Timeout,      // no answer within the limit
  NotFound,     // no such host, no such socket file
  Denied,       // not permitted here
  Limit,        // out of descriptors, or too many lookups wait
};
std::string_view name_of(ConnectFailure failure);

struct ConnectError {
  ConnectFailure failure;
  std::string detail;  // for people: "127.0.0.1:3000: Connection refused"
};

class Connector {
 public:
  static constexpr Duration kTimeout = 10s;

  using Ticket = std::uint64_t;
  // Called once, from the loop, never from within connect(). Not called after cancel().
  using OnDone = std::function<void(std::expected<io::UniqueFd, ConnectError>)>;

  explicit Connector(io::EventLoop& loop);
  // Makes the resolver's threads. Limit: there are none to be had; addresses and localhost are
  // connected to all the same, and each name tries again.
  [[nodiscard]] Result<void> start();
  ~Connector();  // cancels what is under way
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Why an address that a target's name has may not be connected to; nothing if it may.
  using Forbids = std::function<std::optional<std::string>(const Endpoint&)>;
  // `socket_type`: SOCK_STREAM, or SOCK_DGRAM, whose connecting only names the other end.
  // Addresses that `forbids` are left out; if all are, it is Denied.
  Ticket connect(const Target& target, OnDone on_done, Duration timeout = kTimeout,
                 int socket_type = SOCK_STREAM, Forbids forbids = {});
  void cancel(Ticket ticket);
  [[nodiscard]] std::size_t under_way() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::adapter
