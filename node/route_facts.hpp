// What the kernel says of routes and addresses beyond getifaddrs(), by rtnetlink. Without netlink
// (seccomp, a sandbox) nothing is known, and nothing is said.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "base/endpoint.hpp"

namespace weft::node {

struct RouteFacts {
  std::set<std::pair<bool, unsigned>> default_routes;  // of IPv4?, index of the interface
  std::map<Endpoint, std::uint32_t> flags;             // IFA_F_*; ports are 0
};

[[nodiscard]] RouteFacts route_facts();

}  // namespace weft::node
