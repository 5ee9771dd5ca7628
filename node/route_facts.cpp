#include "node/route_facts.hpp"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "node/io/unique_fd.hpp"

namespace weft::node {

namespace {

constexpr int kReadsAtMost = 4096;  // of 32 KiB: more routes than that are not looked through

template <class T>
std::optional<T> value_of(ByteView attribute) {
  if (attribute.size() < sizeof(T)) return std::nullopt;
  T out;
  std::memcpy(&out, attribute.data(), sizeof out);
  return out;
}

// Calls `each` with the type and the value of every attribute.
template <class Each>
void attributes(ByteView bytes, const Each& each) {
  while (bytes.size() >= sizeof(rtattr)) {
    const auto head = *value_of<rtattr>(bytes);
    if (head.rta_len < sizeof(rtattr) || head.rta_len > bytes.size()) return;
    each(head.rta_type, bytes.subspan(sizeof(rtattr), head.rta_len - sizeof(rtattr)));
    bytes = bytes.subspan(std::min<std::size_t>(RTA_ALIGN(head.rta_len), bytes.size()));
  }
}

void take_route(ByteView body, RouteFacts& out) {
  const auto route = value_of<rtmsg>(body);
  if (!route || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST) return;
  attributes(body.subspan(NLMSG_ALIGN(sizeof(rtmsg))), [&](int type, ByteView value) {
    if (type == RTA_OIF)
      if (const auto interface = value_of<std::uint32_t>(value))
        out.default_routes.insert({route->rtm_family == AF_INET, *interface});
  });
}

void take_address(ByteView body, RouteFacts& out) {
  const auto address = value_of<ifaddrmsg>(body);
  if (!address) return;
  std::uint32_t flags = address->ifa_flags;
  std::optional<Endpoint> own;
  attributes(body.subspan(NLMSG_ALIGN(sizeof(ifaddrmsg))), [&](int type, ByteView value) {
    if (type == IFA_FLAGS) flags = value_of<std::uint32_t>(value).value_or(flags);
    if (type != IFA_ADDRESS && type != IFA_LOCAL) return;
    if (address->ifa_family == AF_INET6 && value.size() >= 16 && type == IFA_ADDRESS) {
      own = Endpoint{};
      std::copy_n(value.begin(), 16, own->address.begin());
    } else if (address->ifa_family == AF_INET && type == IFA_LOCAL) {
      if (const auto v4 = value_of<std::uint32_t>(value)) own = Endpoint::v4(ntohl(*v4), 0);
    }
  });
  if (own) out.flags[*own] = flags;
}

void dump(std::uint16_t what, RouteFacts& out) {
  const io::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return;
  const timeval patience{0, 200'000};
  ::setsockopt(fd.value(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct {
    nlmsghdr head;
    rtgenmsg body;
  } request{};
  request.head.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.head.nlmsg_type = what;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.rtgen_family = AF_UNSPEC;
  if (::send(fd.value(), &request, request.head.nlmsg_len, MSG_NOSIGNAL) < 0) return;
  ByteArray<32768> buffer;
  for (int i = 0; i < kReadsAtMost; ++i) {
    const auto got = ::recv(fd.value(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    ByteView rest = ByteView(buffer).first(static_cast<std::size_t>(got));
    while (rest.size() >= sizeof(nlmsghdr)) {
      const auto head = *value_of<nlmsghdr>(rest);
      if (head.nlmsg_len < sizeof(nlmsghdr) || head.nlmsg_len > rest.size()) return;
      if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) return;
      const auto body = rest.subspan(sizeof(nlmsghdr), head.nlmsg_len - sizeof(nlmsghdr));
      if (head.nlmsg_type == RTM_NEWROUTE) take_route(body, out);
      if (head.nlmsg_type == RTM_NEWADDR) take_address(body, out);
      rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), rest.size()));
    }
  }
}

}  // namespace

RouteFacts route_facts() {
  RouteFacts out;
  dump(RTM_GETROUTE, out);
  dump(RTM_GETADDR, out);
  return out;
}

}  // namespace weft::node
