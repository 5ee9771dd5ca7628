// The protocols that services can speak, in one table. A new one is a pair of files that make its
// Door and its LocalEnd, and a line in adapters.cpp.
#pragma once

#include <memory>

#include "node/adapter/door.hpp"
#include "node/io/unique_fd.hpp"
#include "overlay/service/service.hpp"

namespace weft::adapter {

// In the order of the members, so that a protocol is one line.
struct Adapter {
  service::Protocol protocol;
  // Busy: taken. Denied: not permitted. NotFound: no such address here.
  Result<std::unique_ptr<Door>> (*listen)(io::EventLoop& loop, const Endpoint& at, IfTaken if_taken,
                                          OnClient on_client);
  // The type of socket that reaches a target (Connector connects it), and the end it becomes.
  int socket_type;
  bool needs_messages;  // beside the bytes of its streams
  std::unique_ptr<LocalEnd> (*end_of)(io::UniqueFd socket);
};

// Null: this weft does not speak it.
[[nodiscard]] const Adapter* adapter_of(service::Protocol protocol);

using FindAdapter = const Adapter* (*)(service::Protocol);  // tests bring their own

}  // namespace weft::adapter
