#include "nat/candidate.hpp"

#include <algorithm>
#include <optional>

namespace weft::nat {

namespace {

// The IPv4 address inside an IPv6 one that a translator or tunnel on the way would take out.
std::optional<std::uint32_t> inner_v4(const Endpoint& endpoint) {
  const ByteView a(endpoint.address);
  const auto zero = [&](std::size_t from, std::size_t to) {
    return std::ranges::all_of(a.subspan(from, to - from), [](std::uint8_t b) { return b == 0; });
  };
  if (endpoint.is_v4()) return endpoint.v4_address();
  if (zero(0, 12)) return read_be<std::uint32_t>(a.subspan(12));  // RFC 4291 2.5.5.1
  if (read_be<std::uint32_t>(a) == 0x0064ff9b && (zero(4, 12) || a[5] == 1))
    return read_be<std::uint32_t>(a.subspan(12));  // RFC 6052, RFC 8215
  if (read_be<std::uint16_t>(a) == 0x2002) return read_be<std::uint32_t>(a.subspan(2));  // RFC 3056
  return std::nullopt;
}

bool unicast_v4(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224;
}

bool is_shared(std::uint32_t address) { return address >> 22 == (100u << 2 | 1); }  // 100.64/10

}  // namespace

bool is_nearby(const Endpoint& endpoint) {
  return endpoint.is_private() || (endpoint.is_v4() && is_shared(endpoint.v4_address()));
}

bool may_probe(const Endpoint& endpoint, const std::vector<Endpoint>& own) {
  if (endpoint.port == 0 || endpoint.is_unspecified() || endpoint.is_loopback() ||
      endpoint.is_link_local())
    return false;
  if (const auto inner = inner_v4(endpoint)) {
    if (!unicast_v4(*inner)) return false;
    const auto plain = Endpoint::v4(*inner, endpoint.port);
    if (!endpoint.is_v4() && (is_nearby(plain) || plain.is_link_local())) return false;
  } else if (endpoint.address[0] == 0xff) {
    return false;
  }
  if (std::ranges::find(own, endpoint) != own.end()) return false;
  if (!is_nearby(endpoint)) return true;
  const std::size_t same = endpoint.is_v4() ? 14 : 6;  // bytes of the form that holds both
  return std::ranges::any_of(own, [&](const Endpoint& ours) {
    return ours.is_v4() == endpoint.is_v4() &&
           equal(ByteView(ours.address).first(same), ByteView(endpoint.address).first(same));
  });
}

}  // namespace weft::nat
