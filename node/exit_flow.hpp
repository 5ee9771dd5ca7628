// The exit's end of a socks5 service: it reads the caller's SOCKS5 handshake from the stream,
// connects where its rules lead (overlay/service/exit_policy.hpp), answers, and moves bytes.
//
// Invariants
//  1. A name is looked up once; only addresses that the rules let through are connected to, and
//     they are those that were looked at (N28).
//  2. No address of this machine is connected to, so nothing that listens here is reached.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/adapter/door.hpp"
#include "node/adapter/tcp_connect.hpp"
#include "overlay/service/exit_policy.hpp"

namespace weft::node {

struct ExitPorts {
  adapter::Connector& connector;  // outlives the flow
  // Whether an address is one of this machine's.
  std::function<bool(const Endpoint&)> is_own;
  std::function<void(const std::string& where, const std::string& why)> refused;  // to be told of
};

[[nodiscard]] std::unique_ptr<adapter::LocalEnd> exit_end(ExitPorts ports,
                                                          service::ExitPolicy policy);

}  // namespace weft::node
