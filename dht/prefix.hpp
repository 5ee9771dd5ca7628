// The network an address lies in, for diversity and rate limits: /24 of IPv4, /56 of IPv6.
#pragma once

#include <cstdint>

#include "base/endpoint.hpp"

namespace weft::dht {

// 0: a private range, where everybody is a neighbour and limits per prefix make no sense.
inline std::uint64_t prefix_of(const Endpoint& endpoint) {
  if (endpoint.is_private()) return 0;
  if (endpoint.is_v4()) return 1ULL << 63 | endpoint.v4_address() >> 8;
  std::uint64_t prefix = 1;
  for (std::size_t i = 0; i < 7; ++i) prefix = prefix << 8 | endpoint.address[i];
  return prefix & ~(1ULL << 63);
}

// The same in 16 bits, 0 only for private ranges; equal prefixes have equal ones.
inline std::uint16_t short_prefix(std::uint64_t prefix) {
  if (prefix == 0) return 0;
  const std::uint64_t mixed = prefix * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::uint16_t>(mixed >> 48 | 1);
}

}  // namespace weft::dht
