// Says when the addresses of this machine's interfaces change, as the kernel tells it (rtnetlink,
// RFC 3549): a node that roams is back after one round trip, not when it next looks around.
//
// A burst of changes (a new network is an address gone and one come) is told once it has been calm
// for kCalm. What changed is not told: who hears this reads local_endpoints() anew. Where the
// kernel grants no such socket nothing is ever told; the daemon looks around from time to time
// anyway.
#pragma once

#include <functional>
#include <memory>

#include "node/io/event_loop.hpp"
#include "node/io/fd_watch.hpp"

namespace weft::node {

class AddressWatch final : private io::FdEvents {
 public:
  static constexpr Duration kCalm = 50ms;

  AddressWatch(io::EventLoop& loop, std::function<void()> on_change);

  [[nodiscard]] bool active() const { return watch_ != nullptr; }

 private:
  void on_fd_readable() override;

  std::function<void()> on_change_;
  std::unique_ptr<io::FdWatch> watch_;
  io::Timer calm_;
};

}  // namespace weft::node
