#include "node/lan_group.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
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

}  // namespace

LanPlaces lan_places(std::vector<LocalAddress> all, IpFamily family) {
  std::erase_if(all, [&](const LocalAddress& a) {
    return a.endpoint.is_v4() != (family == IpFamily::V4) || !a.carrier || !a.multicast ||
           a.endpoint.is_loopback() || (family == IpFamily::V6 && a.endpoint.is_link_local());
  });
  std::ranges::stable_sort(all, {}, [](const LocalAddress& a) {
    return std::pair(of_containers(a.name) && !a.routed, !a.routed);
  });
  LanPlaces out;
  std::set<unsigned> chosen, left_out;
  for (auto& a : all) {
    const bool known = chosen.contains(a.interface);
    if (known && family == IpFamily::V6) continue;
    if (!known && chosen.size() == kMostInterfaces) {
      left_out.insert(a.interface);
      continue;
    }
    chosen.insert(a.interface);
    out.places.push_back(std::move(a));
  }
  out.left_out = left_out.size();
  return out;
}

LanGroup::LanGroup(io::EventLoop& loop, IpFamily family, Heard heard, LeftOut left_out)
    : loop_(loop),
      family_(family),
      heard_(std::move(heard)),
      left_out_(std::move(left_out)),
      group_(group_of(family)) {}

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
  const auto there = lan_places(machine_addresses(), family_);
  join(there);
  for (const auto& place : there.places) send_from(datagram, place.interface, place.endpoint);
}

void LanGroup::join(const LanPlaces& there) {
  std::set<unsigned> wanted;
  for (const auto& place : there.places) wanted.insert(place.interface);
  // An interface that is gone took its membership along; leaving it fails and means nothing.
  std::erase_if(joined_, [&](unsigned interface) {
    if (wanted.contains(interface)) return false;
    change_membership(interface, false);
    return true;
  });
  std::size_t deaf = there.left_out;
  for (const unsigned interface : wanted) {
    if (change_membership(interface, true))
      joined_.insert(interface);
    else
      ++deaf;
  }
  if (deaf == std::exchange(said_left_out_, deaf) || deaf == 0) return;
  left_out_(family_, deaf, joined_.size());
}

// True: it is so now. An interface may have lost a membership we know of, by going down and up.
bool LanGroup::change_membership(unsigned interface, bool join) {
  const int fd = watch_->fd();
  int result = 0;
  if (family_ == IpFamily::V4) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(kGroupV4);
    request.imr_ifindex = static_cast<int>(interface);
    result = setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request,
                        sizeof request);
  } else {
    ipv6_mreq request{};
    std::ranges::copy(group_.address, request.ipv6mr_multiaddr.s6_addr);
    request.ipv6mr_interface = interface;
    result = setsockopt(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &request,
                        sizeof request);
  }
  return result == 0 || (join && errno == EADDRINUSE);
}

void LanGroup::send_from(ByteView datagram, unsigned interface, const Endpoint& address) {
  const int fd = watch_->fd();
  if (family_ == IpFamily::V4) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(kGroupV4);
    request.imr_ifindex = static_cast<int>(interface);
    request.imr_address.s_addr = htonl(address.v4_address());
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
  } else {
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
