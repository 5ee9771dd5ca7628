#include "node/io/socket_address.hpp"

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace weft::io {

SocketAddress to_socket_address(const Endpoint& endpoint, int family) {
  SocketAddress out;
  if (family == AF_INET6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::memcpy(&address.sin6_addr, endpoint.address.data(), 16);
    std::memcpy(&out.storage, &address, sizeof(address));
    out.size = sizeof(address);
  } else if (endpoint.is_v4() || endpoint.is_unspecified()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, endpoint.address.data() + 12, 4);
    std::memcpy(&out.storage, &address, sizeof(address));
    out.size = sizeof(address);
  }
  return out;
}

SocketAddress to_socket_address(const Endpoint& endpoint) {
  return to_socket_address(endpoint, endpoint.is_v4() ? AF_INET : AF_INET6);
}

Endpoint to_endpoint(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return Endpoint::v4(ntohl(v4.sin_addr.s_addr), ntohs(v4.sin_port));
  }
  Endpoint out;
  if (address.ss_family != AF_INET6) return out;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof(v6));
  std::memcpy(out.address.data(), &v6.sin6_addr, 16);
  out.port = ntohs(v6.sin6_port);
  return out;
}

Endpoint bound_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return to_endpoint(storage);
}

Error bind_error(int number, std::string_view where) {
  const std::string detail = std::string(where) + ": " + std::strerror(number);
  switch (number) {
    case EADDRINUSE:
      return {Errc::Busy, detail};
    case EACCES:
    case EPERM:
      return {Errc::Denied, detail};
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return {Errc::Limit, detail};
    default:
      return {Errc::NotFound, detail};
  }
}

}  // namespace weft::io
