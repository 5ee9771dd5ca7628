// The loopback port for programs that speak NATS: accepts, reads, writes; a Client for each
// connection decides. Anybody on this machine who may connect to the loopback may publish and read,
// so other addresses are refused.
//
// Limits: kMaxClients connections, further ones are told so and closed; a client whose output is
// not taken for kPatience is closed; what it subscribed to is bounded by Client and broker.
#pragma once

#include <cstddef>
#include <memory>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "node/io/event_loop.hpp"
#include "node/nats/client.hpp"

namespace weft::nats {

inline constexpr std::size_t kMaxClients = 256;
inline constexpr Duration kPatience = 30s;

class Server {
 public:
  Server(io::EventLoop& loop, Bus& bus, ServerName name);
  ~Server();  // closes everything
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Usage: not on the loopback. Busy, Denied, NotFound: as bind() has it.
  [[nodiscard]] Result<void> listen(const Endpoint& at);
  [[nodiscard]] Endpoint local() const;
  [[nodiscard]] std::size_t clients() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::nats
