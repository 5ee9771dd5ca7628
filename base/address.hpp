// Where a node can be reached, by whatever carries datagrams or bytes to it (decision 29). On the
// wire one msgpack array, its first element the kind:
//
//   1 udp    [1, ip bin 4|16, port]
//   2 tcp    [2, ip bin 4|16, port]
//   3 wss    [3, host, port, path]                     a WebSocket over TLS
//   4 relay  [4, relay NodeId 32, [address, ... <= 2] (, identity 32)] through a member; where that
//            one is, and its identity key for who is no member yet
//
// Invariants
// 1. A port is 1..65535, an ip is not the unspecified one, and an IPv4 address has 4 bytes: one
//    place has one form.
// 2. The addresses of a relay are of kind 1 to 3.
// Kinds of later versions are skipped, not refused, and so are further elements of a known kind. An
// 18-byte binary (the form of before, endpoint.hpp) is read as udp. docs/wire/address.md.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/endpoint.hpp"
#include "base/node_id.hpp"
#include "base/wire.hpp"

namespace weft {

struct UdpAddress {
  Endpoint endpoint;
  auto operator<=>(const UdpAddress&) const = default;
};
struct TcpAddress {
  Endpoint endpoint;
  auto operator<=>(const TcpAddress&) const = default;
};
struct WssAddress {
  static constexpr std::size_t kMaxHost = 253;  // RFC 1035
  static constexpr std::size_t kMaxPath = 128;
  std::string host;  // a name or an address, without brackets; visible ASCII
  std::uint16_t port = 0;
  std::string path;  // begins with "/"; visible ASCII
  auto operator<=>(const WssAddress&) const = default;
};
struct RelayAddress {
  static constexpr std::size_t kMaxPlaces = 2;
  using Place = std::variant<UdpAddress, TcpAddress, WssAddress>;
  NodeId relay;
  std::vector<Place> places;
  std::optional<ByteArray<32>> identity{};  // its key, of which `relay` is the hash
  auto operator<=>(const RelayAddress&) const = default;
};

using Address = std::variant<UdpAddress, TcpAddress, WssAddress, RelayAddress>;

// REQUIRES: the invariants.
void write_address(wire::Writer& out, const Address& address);
// nullopt: of a kind that this version does not know. Malformed: a known kind that breaks an
// invariant.
[[nodiscard]] Result<std::optional<Address>> read_address(wire::Reader& in);

// At most `limit` of them are written; a list that announces more is Malformed. Skipped ones count.
void write_addresses(wire::Writer& out, const std::vector<Address>& addresses, std::size_t limit);
[[nodiscard]] Result<std::vector<Address>> read_addresses(wire::Reader& in, std::size_t limit);

// "udp 192.0.2.1:7", "tcp [2001:db8::1]:7", "wss://host:443/path", "via wf1... at udp ...".
[[nodiscard]] std::string to_text(const Address& address);

// What UDP reaches, in order, as this version dials it; and the other way. Endpoints that break
// invariant 1 are left out.
[[nodiscard]] std::vector<Endpoint> udp_endpoints(const std::vector<Address>& addresses);
// Those of TCP and WebSocket, in order.
[[nodiscard]] std::vector<Address> stream_addresses(const std::vector<Address>& addresses);
// All that UDP does not reach by itself, in order.
[[nodiscard]] std::vector<Address> other_addresses(const std::vector<Address>& addresses);
[[nodiscard]] std::vector<RelayAddress> relay_addresses(const std::vector<Address>& addresses);
[[nodiscard]] std::vector<Address> udp_addresses(const std::vector<Endpoint>& endpoints);

}  // namespace weft
