// Kinds of events about how datagrams get out of this machine and in: connections, proxies, ports
// of a router, trains. kinds.hpp says how a kind is made.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "base/fields.hpp"
#include "node/events/kind.hpp"

namespace weft::events {

// A connection of TCP or a WebSocket to a member, that was to carry datagrams.
struct ConnectionFailed {
  std::string err;
  static constexpr Kind kKind{"connection_failed", Group::Node, Level::Info,
                              "a connection to a member could not be made: {err}"};
  static constexpr auto fields() {
    return std::tuple{field("err", "", "why", &ConnectionFailed::err)};
  }
};
struct ProxyIgnored {
  std::string err;
  static constexpr Kind kKind{"proxy_ignored", Group::Node, Level::Warning,
                              "the HTTP proxy is not used: {err}"};
  static constexpr auto fields() { return std::tuple{field("err", "", "why", &ProxyIgnored::err)}; }
};
struct PortMapped {
  std::string protocol, address;
  static constexpr Kind kKind{"port_mapped", Group::Node, Level::Info,
                              "the router lets others in at {address} ({protocol})"};
  static constexpr auto fields() {
    return std::tuple{field("protocol", "", "nat-pmp or upnp", &PortMapped::protocol),
                      field("address", "", "outside", &PortMapped::address)};
  }
};
struct PortNotMapped {
  std::string msg;
  static constexpr Kind kKind{"port_not_mapped", Group::Node, Level::Info,
                              "the router lets nobody in: {msg}"};
  static constexpr auto fields() {
    return std::tuple{field("msg", "", "why", &PortNotMapped::msg)};
  }
};
struct GsoOff {
  std::string interface, msg;
  std::uint64_t again_in_s = 0;
  static constexpr Kind kKind{"gso_off", Group::Node, Level::Warning, "{msg}"};
  static constexpr auto fields() {
    return std::tuple{
        field("interface", "", "its address, or all", &GsoOff::interface),
        field("again_in_s", "seconds", "until trains are tried again", &GsoOff::again_in_s),
        field("msg", "", "what is lost and what the node does", &GsoOff::msg)};
  }
};
struct GsoOn {
  std::string interface;
  static constexpr Kind kKind{"gso_on", Group::Node, Level::Info,
                              "trains of datagrams are tried again on the interface of "
                              "{interface}"};
  static constexpr auto fields() {
    return std::tuple{field("interface", "", "its address, or all", &GsoOn::interface)};
  }
};

}  // namespace weft::events
