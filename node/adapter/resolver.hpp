// Host names to addresses, on a thread of its own because the C library's resolver blocks.
// The thread starts with the first lookup. A lookup under way cannot be stopped: destroying the
// resolver lets the thread end by itself, and its answer goes nowhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/io/event_loop.hpp"
#include "node/io/socket_address.hpp"

namespace weft::adapter {

struct Resolution {
  std::vector<io::SocketAddress> addresses;  // in the order to try; at most kMaxAddresses
  std::string error;                         // says why if there are none
};

class Resolver {
 public:
  static constexpr std::size_t kMaxWaiting = 256;
  static constexpr std::size_t kMaxAddresses = 16;

  using OnResolved = std::function<void(Resolution)>;  // on the loop

  explicit Resolver(io::EventLoop& loop);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // False: too many wait already.
  bool resolve(const std::string& host, std::uint16_t port, OnResolved on_resolved);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// Address literals need no thread: empty if `host` is a name.
[[nodiscard]] std::vector<io::SocketAddress> literal_address(const std::string& host,
                                                             std::uint16_t port);

}  // namespace weft::adapter
