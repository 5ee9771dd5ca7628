// UDP: a bound socket whose senders are told apart by their addresses, each a client with a flow of
// its own; and a connected socket as the end at a target.
//
// Invariants
//  1. An answer leaves from the very address that was asked, also where the door listens on all of
//     them, and goes to the very address that asked.
//  2. kMaxClients at once; a datagram of one more is dropped and counted until a flow has ended. Of
//     a client whose flow has not begun kMaxEarly datagrams are kept, later ones dropped.
//  3. A client whose flow ended before anything came back begins the next one kPause after the
//     last: what is refused does not become a stream for each datagram.
#pragma once

#include "node/adapter/door.hpp"
#include "node/adapter/udp_flow.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::adapter {

class UdpDoor final : public Door {
 public:
  static constexpr std::size_t kMaxClients = 10'000;  // some 1 KiB each with its stream
  static constexpr std::size_t kMaxEarly = 8;
  static constexpr Duration kPause = 1s;
  // Read at once, so that a flood of one client leaves the socket's buffer before others must wait.
  static constexpr std::size_t kDatagramsPerTurn = 64;

  [[nodiscard]] static Result<std::unique_ptr<Door>> listen(io::EventLoop& loop, const Endpoint& at,
                                                            IfTaken if_taken, OnClient on_client);
  ~UdpDoor() override;

  [[nodiscard]] Endpoint local() const override;
  [[nodiscard]] const DoorCounters& counters() const override;

 private:
  struct Socket;
  class Client;
  class End;
  explicit UdpDoor(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  std::shared_ptr<Socket> socket_;  // shared with the flows of its clients
};

// REQUIRES: a connected datagram socket.
[[nodiscard]] std::unique_ptr<LocalEnd> udp_end(io::UniqueFd socket);

}  // namespace weft::adapter
