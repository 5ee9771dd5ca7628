#include "node/lan_group.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "node/io/socket_address.hpp"

namespace weft::node {

namespace {

constexpr std::uint32_t kGroupV4 = 0xefc07766;  // 239.192.119.102, organisation-local (RFC 2365)
constexpr std::uint16_t kPort = 46119;
constexpr int kReadsPerWakeup = 64;

Endpoint group_of(IpFamily family) {
  if (family == IpFamily::V4) return Endpoint::v4(kGroupV4, kPort);
  Endpoint out;  // ff05::7766, site-local (RFC 4291), not registered
  out.address[0] = 0xff;
  out.address[1] = 0x05;
  out.address[14] = 0x77;
  out.address[15] = 0x66;
  out.port = kPort;
  return out;
}

struct Place {
  unsigned interface = 0;
  Endpoint address;
};

// Where to speak: in IPv4 from each address, in IPv6 once on each interface.
std::vector<Place> places(IpFamily family) {
  std::vector<Place> out;
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(raw, freeifaddrs);
  const int wanted = family == IpFamily::V4 ? AF_INET : AF_INET6;
  for (const ifaddrs* at = raw; at != nullptr; at = at->ifa_next) {
    constexpr unsigned kFlags = IFF_UP | IFF_MULTICAST;
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != wanted ||
        (at->ifa_flags & kFlags) != kFlags)
      continue;
    sockaddr_storage address{};
    std::memcpy(&address, at->ifa_addr,
                family == IpFamily::V4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const Place place{if_nametoindex(at->ifa_name), io::to_endpoint(address)};
    if (family == IpFamily::V6) {
      if (place.address.is_link_local()) continue;
      if (!out.empty() && out.back().interface == place.interface) continue;
    }
    out.push_back(place);
  }
  return out;
}

}  // namespace

LanGroup::LanGroup(io::EventLoop& loop, IpFamily family, Heard heard)
    : loop_(loop), family_(family), heard_(std::move(heard)), group_(group_of(family)) {}

LanGroup::~LanGroup() = default;

bool LanGroup::open() {
  if (watch_) return true;
  const int family = family_ == IpFamily::V4 ? AF_INET : AF_INET6;
  io::UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  const int one = 1;
  // Several nodes of one machine share the port; each gets every beacon.
  setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (family_ == IpFamily::V4) {
    setsockopt(fd.value(), IPPROTO_IP, IP_MULTICAST_TTL, &one, sizeof one);
  } else {
    setsockopt(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    setsockopt(fd.value(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &one, sizeof one);
  }
  const io::SocketAddress at = io::to_socket_address(group_, family);
  if (bind(fd.value(), at.get(), at.size) != 0) return false;
  io::FdEvents& events = *this;
  watch_ = std::make_unique<io::FdWatch>(loop_, std::move(fd), events);
  watch_->want_read();
  return true;
}

void LanGroup::send(ByteView datagram) {
  if (!open()) return;
  for (const Place& place : places(family_)) send_from(datagram, place.interface, place.address);
}

void LanGroup::send_from(ByteView datagram, unsigned interface, const Endpoint& address) {
  const int fd = watch_->fd();
  // Joined already, most times: that is an error which means nothing.
  if (family_ == IpFamily::V4) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(kGroupV4);
    request.imr_ifindex = static_cast<int>(interface);
    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
    request.imr_address.s_addr = htonl(address.v4_address());
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
  } else {
    ipv6_mreq request{};
    std::ranges::copy(group_.address, request.ipv6mr_multiaddr.s6_addr);
    request.ipv6mr_interface = interface;
    setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof interface);
  }
  const int family = family_ == IpFamily::V4 ? AF_INET : AF_INET6;
  const io::SocketAddress to = io::to_socket_address(group_, family);
  [[maybe_unused]] const auto sent =
      sendto(fd, datagram.data(), datagram.size(), MSG_NOSIGNAL, to.get(), to.size);
}

void LanGroup::on_fd_readable() {
  ByteArray<1500> buffer;
  for (int i = 0; i < kReadsPerWakeup; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const auto got = recvfrom(watch_->fd(), buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) break;
    const Endpoint teller = io::to_endpoint(from);
    // Without its interface a link-local address of IPv6 leads nowhere.
    if (!teller.is_v4() && teller.is_link_local()) continue;
    heard_(ByteView(buffer).first(static_cast<std::size_t>(got)), teller);
  }
  watch_->want_read();
}

}  // namespace weft::node
