#include "node/local_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

namespace weft::node {

namespace {

constexpr std::size_t kMostEndpoints = 8;

int rank(const Endpoint& endpoint) {
  if (endpoint.is_loopback()) return 2;
  return endpoint.is_private() ? 1 : 0;
}

void add(const Endpoint& endpoint, std::vector<Endpoint>& out) {
  if (std::ranges::find(out, endpoint) != out.end()) return;
  out.insert(std::ranges::upper_bound(out, rank(endpoint), {}, rank), endpoint);
}

void add_interfaces(const Endpoint& bound, std::vector<Endpoint>& out) {
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(raw, freeifaddrs);
  for (const ifaddrs* at = raw; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_UP) == 0) continue;
    Endpoint endpoint;
    if (at->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
      endpoint = Endpoint::v4(ntohl(v4->sin_addr.s_addr), bound.port);
    } else if (at->ifa_addr->sa_family == AF_INET6 && !bound.is_v4()) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(at->ifa_addr);
      std::copy_n(v6->sin6_addr.s6_addr, 16, endpoint.address.begin());
      endpoint.port = bound.port;
    } else {
      continue;
    }
    if (!endpoint.is_link_local()) add(endpoint, out);
  }
}

}  // namespace

std::vector<Endpoint> local_endpoints(const std::vector<Endpoint>& bound) {
  std::vector<Endpoint> out;
  for (const Endpoint& one : bound) {
    if (one.is_unspecified())
      add_interfaces(one, out);
    else
      add(one, out);
  }
  if (out.size() > kMostEndpoints) out.resize(kMostEndpoints);
  return out;
}

}  // namespace weft::node
