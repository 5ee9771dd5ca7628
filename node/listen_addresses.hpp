// Where to listen, as a user writes it: the addresses of a node (--listen, [node] listen and
// WEFT_NODE__LISTEN mean the same and are refused for the same reasons), the TCP address of a door.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"

namespace weft::node {

// As many sockets as one node has (carriers::Carriers), and endpoints it tells of itself.
inline constexpr std::size_t kMostListenAddresses = 8;

// Where a node listens when nobody said: firewalls want one port to open (docs/firewall.md). Taken
// at the first start, another is drawn and kept.
inline constexpr std::uint16_t kDefaultPort = 41820;
// As the only --listen: back to that, and what an earlier --listen said is forgotten.
inline constexpr const char* kListenDefault = "default";

// What to do about an address that cannot be used, in one line for all three places.
inline constexpr const char* kListenFix =
    "write ADDRESS:PORT with an address of this machine, for example 0.0.0.0:41820 or [::]:41820; "
    "before it tcp: or wss: where UDP does not get through";

inline constexpr const char* kListenTcp = "tcp:";
inline constexpr const char* kListenWss = "wss:";

struct ListenPlaces {
  std::vector<Endpoint> udp;  // none: every address, one port
  std::vector<Endpoint> tcp;  // where the same datagrams are taken from TCP connections
  std::vector<Endpoint> wss;  // and from WebSockets in TLS
};
// Each is "IP:PORT" or "[IPv6]:PORT", behind "tcp:" or "wss:" if that is meant; port 0: any. Errc::Usage for a
// malformed one (named), the same one twice, or more than kMostListenAddresses of a kind.
[[nodiscard]] Result<ListenPlaces> listen_places(const std::vector<std::string>& texts);

// True for just `default`.
[[nodiscard]] bool asks_for_default(const std::vector<std::string>& texts);

// A door's: PORT and :PORT (on 127.0.0.1), localhost:PORT, IP:PORT or [IPv6]:PORT; port 0: any.
// Errc::Usage, with the text in it.
[[nodiscard]] Result<Endpoint> door_address(std::string_view text);

}  // namespace weft::node
