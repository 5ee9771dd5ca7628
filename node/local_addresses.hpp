// The addresses of this machine's interfaces: what peers are told to try, best first.
//
// Link-local ones are left out, because they mean nothing without an interface's name; so are
// interfaces without carrier, and those of containers and loopback unless there is nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.hpp"

namespace weft::node {

struct LocalAddress {
  Endpoint endpoint;
  unsigned interface = 0;  // its index
  std::string name;
  bool carrier = true;
  bool multicast = true;
  bool routed = false;  // the default route of its family leads out of this interface
  bool deprecated = false;
  bool temporary = false;
};

inline constexpr std::size_t kMostEndpoints = 8;

// Every address of an interface that is up, in the order of the kernel; ports are 0.
[[nodiscard]] std::vector<LocalAddress> machine_addresses();

// At most kMostEndpoints of them, best first. The routed come before others, preferred before
// deprecated, the first of each interface before its second; each family keeps places.
[[nodiscard]] std::vector<Endpoint> best_of(std::vector<LocalAddress> all);

// A bridge or a virtual cable of a container manager: others have the same addresses.
[[nodiscard]] bool of_containers(const std::string& interface);

// At most eight, for all sockets together. A socket bound to one address has only that one.
[[nodiscard]] std::vector<Endpoint> local_endpoints(const std::vector<Endpoint>& bound);

// Whether another machine could call one of them.
[[nodiscard]] bool reachable_from_others(const std::vector<Endpoint>& endpoints);

}  // namespace weft::node
