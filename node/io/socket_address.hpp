// Endpoint to and from the kernel's socket addresses. IPv4 travels mapped on IPv6 sockets.
#pragma once

#include <sys/socket.h>

#include "base/endpoint.hpp"

namespace weft::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// family AF_INET6: IPv4 as mapped address. AF_INET: `size` is 0 if the endpoint is IPv6.
[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint, int family);
// The family that suits the endpoint itself: AF_INET for IPv4.
[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint);
// Unspecified for other families than the two.
[[nodiscard]] Endpoint to_endpoint(const sockaddr_storage& address);
[[nodiscard]] Endpoint bound_endpoint(int fd);  // getsockname

// The Error for a failed bind(), listen() or socket(): Busy, Denied, NotFound, Limit.
[[nodiscard]] Error bind_error(int number, std::string_view where);

}  // namespace weft::io
