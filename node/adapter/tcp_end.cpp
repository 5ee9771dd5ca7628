#include "node/adapter/tcp_end.hpp"

#include <sys/socket.h>

#include "base/assert.hpp"
#include "node/adapter/tcp_door.hpp"
#include "node/adapter/tcp_pump.hpp"

namespace weft::adapter {

namespace {

class TcpEnd final : public LocalEnd {
 public:
  explicit TcpEnd(io::UniqueFd socket) : socket_(std::move(socket)) {}
  ~TcpEnd() override {
    if (!socket_) return;
    const linger abort_on_close{1, 0};
    ::setsockopt(socket_.value(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
  }

  std::unique_ptr<Flow> begin(const FlowPorts& ports, StreamKey key, FlowOwner& owner) override {
    WEFT_ASSERT(socket_);
    return std::make_unique<TcpPump>(ports.loop, ports.streams, key, std::move(socket_), owner);
  }

 private:
  io::UniqueFd socket_;
};

}  // namespace

Result<std::unique_ptr<Door>> listen_tcp(io::EventLoop& loop, const Endpoint& at, IfTaken if_taken,
                                         OnClient on_client) {
  return TcpDoor::listen(loop, at, if_taken,
                         [on_client = std::move(on_client)](io::UniqueFd socket, const Endpoint&) {
                           on_client(tcp_end(std::move(socket)));
                         });
}

std::unique_ptr<LocalEnd> tcp_end(io::UniqueFd socket) {
  return std::make_unique<TcpEnd>(std::move(socket));
}

}  // namespace weft::adapter
