// The addresses of this machine's interfaces: what peers are told to try. Global addresses first,
// then private ones, loopback last (two nodes on one machine need it); link-local ones are left
// out, because they mean nothing without an interface's name.
#pragma once

#include <cstdint>
#include <vector>

#include "base/endpoint.hpp"

namespace weft::node {

// At most eight, for all sockets together. A socket bound to one address has only that one.
[[nodiscard]] std::vector<Endpoint> local_endpoints(const std::vector<Endpoint>& bound);

}  // namespace weft::node
