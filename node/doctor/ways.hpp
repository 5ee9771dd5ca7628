// How others get to this node where no wire leads straight to it: what its NAT does, who relays, what
// the router and the proxy of this network let through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "node/doctor/finding.hpp"

namespace weft::doctor {

// Of one family. `mapping`, `filtering`, `ports`: words of nat/behaviour.hpp.
struct Nat {
  std::string family;  // "IPv4"
  std::string mapping, filtering, ports;
  bool none = false;         // others see our own address
  bool known = false;        // enough members told
  bool predictable = false;  // one outside address whatever the destination
  std::size_t observers = 0;
  std::vector<std::string> outside;
};
[[nodiscard]] Finding nat(const std::vector<Nat>& families);

struct Relay {
  bool on = false;                  // by settings
  bool reached = false;             // others reach this node directly, so it can
  std::uint64_t used = 0, cap = 0;  // bytes of this month; cap 0: no limit
  std::size_t circuits = 0;         // carried for others
  std::size_t own_circuits = 0;     // of this node, through others
};
[[nodiscard]] Finding relay(const Relay& relay);

// The port that was asked for at the router.
struct PortMapping {
  bool reached = false;           // others came in directly all the same
  bool wished = false;            // the configuration allows to ask
  bool needed = false;            // this machine has private IPv4 addresses alone
  std::string protocol, address;  // of the mapping there is
  std::int64_t left_s = 0;        // of its lease
  bool inner = false;             // its address is private: there is a second router
  std::string trouble;            // why there is none; empty: the router was not heard yet
  std::uint16_t port = 0;
};
[[nodiscard]] Finding port_mapping(const PortMapping& facts);

// Members that this node is reached through, where others do not reach it directly.
struct RelayedBy {
  bool reached = false;               // others came in directly
  std::size_t others = 0;             // members
  std::vector<std::string> reserved;  // at these
  std::vector<std::string> refusing;  // are reached directly, and relay nothing
};
[[nodiscard]] Finding relayed_by(const RelayedBy& facts);

// The HTTP proxy for WebSockets. It is not called for this: what is known came of real connections.
struct HttpProxy {
  std::string address;       // host:port; empty: none is configured
  std::string not_used;      // why the configured one is not
  std::uint64_t worked = 0;  // connections through it
  std::string last_failure;  // of a connection through it, none having worked since
};
[[nodiscard]] Finding http_proxy(const HttpProxy& facts);

// A network that answers in the place of others until somebody signs in. Nobody outside is asked:
// what is known came of connections to members.
struct Portal {
  std::vector<std::string> in_place;  // addresses of members where a web page answered
  std::size_t by_udp = 0;             // members reached by UDP: then nothing is held back
};
[[nodiscard]] Finding portal(const Portal& facts);

}  // namespace weft::doctor
