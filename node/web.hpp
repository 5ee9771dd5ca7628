// HTTP services, both ends. As the gateway of this node (`weft web`) it listens on loopback and
// leads each request to the service that its Host names: SERVICE.NODE.NETWORK.weft.localhost, or
// shorter where that is plain. At the node that offers an http service it stands before the program
// and tells it who asks.
//
// Invariants
//  1. The header Weft-Caller that a program sees was written by the node that it runs on, from the
//     identity that the session proved; what a client sent under that name is gone.
//  2. The gateway listens on loopback only, and answers only for names below .localhost and for its
//     own address, so that a page elsewhere cannot have its own name lead here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "node/adapter/tcp_door.hpp"
#include "node/gateway.hpp"
#include "node/http_session.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class Web {
 public:
  static constexpr Duration kOpenLimit = 10s;

  // All outlive it. Takes the gateway's http services.
  Web(io::EventLoop& loop, overlay::Overlay& overlay, Gateway& gateway);
  ~Web();
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;

  // In place of where it was open before. Usage: not loopback. Else as Door::listen.
  [[nodiscard]] Result<void> open(const Endpoint& listen);
  void close();
  [[nodiscard]] std::optional<Endpoint> listen() const;
  [[nodiscard]] std::size_t sessions() const { return clients_.size(); }

 private:
  void route(const std::string& host, HttpSessions::Routed routed);
  [[nodiscard]] HttpPage index(unsigned status, const std::string& why) const;
  [[nodiscard]] std::string links() const;
  [[nodiscard]] HttpPage page_of(const Gateway::Refusal& refusal, const std::string& service,
                                 const std::string& node) const;

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  Gateway& gateway_;
  HttpSessions clients_, callers_;
  std::unique_ptr<adapter::TcpDoor> door_;
  std::optional<NetworkId> network_;  // for which it was opened; none: for the default one
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::node
