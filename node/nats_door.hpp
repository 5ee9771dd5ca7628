// The NATS doors of this node: at most one listener for each network, kept over restarts. What is
// opened without naming a network is for the default one, whichever that is. Methods are about the
// network that is meant. A door goes with its network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/broker_host.hpp"
#include "node/nats/server.hpp"

namespace weft::node {

class NatsDoor {
 public:
  NatsDoor(io::EventLoop& loop, BrokerHost& host) : loop_(loop), host_(host) {}

  // What was kept, from the start of the node on; a door that cannot be opened is tried again.
  // `keep` is told what is to be kept, nothing for none.
  using Keep = std::function<void(std::optional<Bytes>)>;
  [[nodiscard]] Result<void> start(const std::string& kept, Keep keep);
  // Tries again what could not be opened, and closes the doors of networks that were left.
  void retry();
  // In place of the one there was.
  [[nodiscard]] Result<void> listen(const Endpoint& at);
  void off();
  [[nodiscard]] std::optional<Endpoint> local() const;
  [[nodiscard]] std::size_t clients() const;

 private:
  class Door;
  using Network = std::optional<NetworkId>;  // none: the default one

  [[nodiscard]] Network meant() const;
  [[nodiscard]] const Door* here() const;
  void save();

  io::EventLoop& loop_;
  BrokerHost& host_;
  Keep keep_;
  std::map<Network, std::shared_ptr<Door>> doors_;
};

// "nats://127.0.0.1:4222", "127.0.0.1:4222" or a port. Usage: none of these.
[[nodiscard]] Result<Endpoint> nats_address(const std::string& text);

}  // namespace weft::node
