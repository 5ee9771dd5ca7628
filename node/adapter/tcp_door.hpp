// A listening socket, TCP or unix, that hands every accepted connection to its owner.
// When the process runs out of descriptors, waiting connections are refused by the one spare that
// all doors share (node/io/descriptors.hpp) rather than left hanging, and accepting pauses for
// kBackOff.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "node/adapter/door.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::adapter {

// Where to listen instead of `wanted`, best first: itself; for a port that only root may have the
// one that people know in its place (22: 2222, 80: 8080, 443: 8443) and the one 10,000 higher; then
// the ports above. Port 0, any, is tried after all of them.
[[nodiscard]] std::vector<std::uint16_t> port_candidates(std::uint16_t wanted);

class TcpDoor final : public Door {
 public:
  static constexpr Duration kBackOff = 100ms;
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr std::size_t kPortsTried = 64;

  // The connection is non-blocking and close-on-exec; `peer` is unspecified for unix sockets.
  // The door may be destroyed in the callback.
  using OnAccept = std::function<void(io::UniqueFd connection, Endpoint peer)>;

  // Errc::Busy: taken. Errc::Denied: not permitted. Errc::NotFound: no such address here.
  [[nodiscard]] static Result<std::unique_ptr<TcpDoor>> listen(io::EventLoop& loop,
                                                               const Endpoint& at, IfTaken if_taken,
                                                               OnAccept on_accept);
  // A leftover socket file that nobody answers on is replaced. The file gets `mode` and goes with
  // the door. Errc::TooLarge: the path is over 107 bytes.
  [[nodiscard]] static Result<std::unique_ptr<TcpDoor>> listen_unix(io::EventLoop& loop,
                                                                    const std::string& path,
                                                                    unsigned mode,
                                                                    OnAccept on_accept);
  ~TcpDoor() override;

  [[nodiscard]] Endpoint local() const override;
  [[nodiscard]] const DoorCounters& counters() const override;

 private:
  struct Impl;
  explicit TcpDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::adapter
