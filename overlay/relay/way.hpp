// Where datagrams of a session go, as far as a relay and its clients must know.
#pragma once

#include "base/core.hpp"

namespace weft::relay {

using Session = std::uint64_t;  // session::SessionId, which this room does not know

struct Way {
  PathId path = PathId::Udp;
  Endpoint remote;
  Endpoint local{};  // what to leave from; unspecified: the kernel's choice

  bool operator==(const Way&) const = default;
  [[nodiscard]] bool carries(const Datagram& datagram) const {
    return datagram.path == path && datagram.from == remote;
  }
};

}  // namespace weft::relay
