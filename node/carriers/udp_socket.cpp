#include "node/carriers/udp_socket.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>

#include "node/io/socket_address.hpp"

namespace weft::carriers {

namespace {
bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// The plain option is capped by net.core.{r,w}mem_max; the forced one needs a capability we may
// not have. Ask for the plain one first, so that a refusal of the other leaves something useful.
void set_buffers(int fd, int size) {
  set_option(fd, SOL_SOCKET, SO_RCVBUF, size);
  set_option(fd, SOL_SOCKET, SO_SNDBUF, size);
  set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, size);
  set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, size);
}

// Both levels: IPv4 on an IPv6 socket obeys the IPPROTO_IP options.
void set_delivery(int fd, int family) {
  set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
  if (family == AF_INET) set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  if (family == AF_INET6) {
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
}

void ask_for_batches(UdpSocket& socket, const UdpOptions& options) {
  const int fd = socket.fd.value();
  int segment = 0;
  socklen_t size = sizeof(segment);
  socket.gso = options.gso && ::getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &size) == 0;
  socket.gro = options.gro && set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
}

Result<UdpSocket> open_family(const UdpOptions& options, int family) {
  UdpSocket out{io::UniqueFd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
                family};
  const std::string where = "UDP " + to_text(options.bind);
  if (!out.fd) return std::unexpected(io::bind_error(errno, where));
  const int fd = out.fd.value();
  const bool only = options.only_family && !options.bind.is_v4();
  if (family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only))
    return std::unexpected(io::bind_error(errno, where));
  set_buffers(fd, options.socket_buffer);
  set_delivery(fd, family);
  const io::SocketAddress at = io::to_socket_address(options.bind, family);
  if (at.size == 0) return fail(Errc::NotFound, where + ": IPv6 is not available here");
  if (::bind(fd, at.get(), at.size) != 0) return std::unexpected(io::bind_error(errno, where));
  ask_for_batches(out, options);
  return out;
}
}  // namespace

Result<UdpSocket> open_udp_socket(const UdpOptions& options) {
  if (!options.ipv6) return open_family(options, AF_INET);
  auto dual = open_family(options, AF_INET6);
  // NotFound covers "no IPv6 in this kernel" and "this address is not ours": the second attempt
  // tells them apart, because it can only succeed for IPv4.
  if (options.only_family && !options.bind.is_v4()) return dual;
  if (dual || dual.error().code != Errc::NotFound) return dual;
  auto v4 = open_family(options, AF_INET);
  return v4 ? std::move(v4) : std::move(dual);
}

Result<UdpSocket> adopt_udp_socket(io::UniqueFd fd, const UdpOptions& options) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (!fd || ::getsockopt(fd.value(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      type != SOCK_DGRAM || io::bound_endpoint(fd.value()).port == 0)
    return fail(Errc::Usage, "not a bound UDP socket");
  int family = 0;
  size = sizeof(family);
  if (::getsockopt(fd.value(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 ||
      (family != AF_INET && family != AF_INET6))
    return fail(Errc::Usage, "not a socket of IPv4 or IPv6");
  UdpSocket out{std::move(fd), family};
  set_buffers(out.fd.value(), options.socket_buffer);
  set_delivery(out.fd.value(), family);
  ask_for_batches(out, options);
  return out;
}

}  // namespace weft::carriers
