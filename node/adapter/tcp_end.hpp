// TCP, and unix sockets as targets: a connected stream socket as the local end of a flow. One that
// was not begun is closed with RST, as a closed port would answer.
#pragma once

#include "node/adapter/door.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::adapter {

[[nodiscard]] Result<std::unique_ptr<Door>> listen_tcp(io::EventLoop& loop, const Endpoint& at,
                                                       IfTaken if_taken, OnClient on_client);
// REQUIRES: a connected stream socket.
[[nodiscard]] std::unique_ptr<LocalEnd> tcp_end(io::UniqueFd socket);

}  // namespace weft::adapter
