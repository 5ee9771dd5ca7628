// Opens the kernel's side of the UDP carrier: one socket with everything the driver relies on set,
// and what of it the kernel granted.
#pragma once

#include "node/carriers/udp_carrier.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::carriers {

struct UdpSocket {
  io::UniqueFd fd;
  int family = 0;  // AF_INET6 carries both families
  bool gso = false;
  bool gro = false;
};

[[nodiscard]] Result<UdpSocket> open_udp_socket(const UdpOptions& options);
// A bound datagram socket of IPv4 or IPv6, made by somebody else. Errc::Usage: it is none.
[[nodiscard]] Result<UdpSocket> adopt_udp_socket(io::UniqueFd fd, const UdpOptions& options);

}  // namespace weft::carriers
