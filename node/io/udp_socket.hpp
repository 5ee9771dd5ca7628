// Opens the kernel's side of the UDP driver: one socket with everything the driver relies on set,
// and what of it the kernel granted.
#pragma once

#include "node/io/udp_driver.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::io {

struct UdpSocket {
  UniqueFd fd;
  int family = 0;  // AF_INET6 carries both families
  bool gso = false;
  bool gro = false;
};

[[nodiscard]] Result<UdpSocket> open_udp_socket(const UdpOptions& options);

}  // namespace weft::io
