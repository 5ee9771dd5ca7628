// One router, asked by one protocol: what node/portmap/port_mapper.hpp runs on its thread. Every
// call returns within PortMapper::kPatience or a little more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "base/time.hpp"

namespace weft::node {

class Router {
 public:
  struct Grant {
    Endpoint outside;
    Duration lease{};  // zero: for ever
  };

  virtual ~Router() = default;
  [[nodiscard]] virtual std::string protocol() const = 0;
  // NotFound: no router speaks it. Denied: the router refused.
  [[nodiscard]] virtual Result<Grant> map(std::uint16_t port, Duration lease) = 0;
  virtual void unmap(std::uint16_t port) = 0;
};

// `ending`: asked from time to time while waiting; true: give up.
using Ending = std::function<bool()>;
[[nodiscard]] std::unique_ptr<Router> make_nat_pmp_router(Duration patience, Ending ending);
[[nodiscard]] std::unique_ptr<Router> make_upnp_router(Duration patience);

}  // namespace weft::node
