// The NATS door of this node: at most one listener, kept over restarts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "node/broker_host.hpp"
#include "node/nats/server.hpp"

namespace weft::node {

class NatsDoor final : private nats::Bus {
 public:
  NatsDoor(io::EventLoop& loop, BrokerHost& host) : loop_(loop), host_(host) {}

  // What was kept, from the start of the node on; a door that cannot be opened is tried again.
  // `keep` is told what is to be kept, nothing for none.
  using Keep = std::function<void(std::optional<Bytes>)>;
  [[nodiscard]] Result<void> start(const std::string& kept, Keep keep);
  void retry();
  // In place of the one there was.
  [[nodiscard]] Result<void> listen(const Endpoint& at);
  void off();
  [[nodiscard]] std::optional<Endpoint> local() const;
  [[nodiscard]] std::size_t clients() const { return server_ ? server_->clients() : 0; }

 private:
  [[nodiscard]] Result<void> open(const Endpoint& at);
  bool publish(broker::Message message) override;
  [[nodiscard]] Result<std::unique_ptr<nats::Bus::Subscription>> subscribe(
      const broker::Wanted& wanted, std::function<void()> waiting) override;

  io::EventLoop& loop_;
  BrokerHost& host_;
  Keep keep_;
  std::optional<Endpoint> wanted_;
  std::unique_ptr<nats::Server> server_;
};

// "nats://127.0.0.1:4222", "127.0.0.1:4222" or a port. Usage: none of these.
[[nodiscard]] Result<Endpoint> nats_address(const std::string& text);

}  // namespace weft::node
