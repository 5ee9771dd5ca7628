// Which addresses a probe may go to because somebody else said so. A member could name any: what is
// here keeps its word from reaching this machine itself, multicast, and networks beside ours.
#pragma once

#include <vector>

#include "base/endpoint.hpp"

namespace weft::nat {

inline constexpr std::size_t kMostCandidates = 8;  // of one offer, as of one node (decision 29)

// False: no port, not unicast, loopback or unspecified in any form of writing (IPv4 mapped or
// compatible, NAT64, 6to4), link-local, an address of `own`, or a private one (RFC 1918, RFC 6598,
// RFC 4193) when no address of `own` lies in the same /16 (IPv6: /48).
[[nodiscard]] bool may_probe(const Endpoint& endpoint, const std::vector<Endpoint>& own);

// RFC 1918, RFC 4193 and the carriers' shared space of RFC 6598: means something only nearby.
[[nodiscard]] bool is_nearby(const Endpoint& endpoint);

}  // namespace weft::nat
