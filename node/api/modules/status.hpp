// Who this node is, what is up, what needs attention: everything at one glance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/api/json.hpp"
#include "node/api/modules/dht.hpp"
#include "node/api/modules/doors.hpp"
#include "node/api/modules/exposed.hpp"
#include "node/api/modules/networks.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct NodeInfo {
  std::string id, name, version;
  std::int64_t uptime_s = 0;
  std::vector<std::string> listen;      // "192.0.2.1:41820"
  std::string log = {};                 // where its log is: a file, or "standard error"
  std::vector<std::string> bound = {};  // as asked for: "0.0.0.0:41820"
};

struct NetworkInfo {
  std::string name, id, role;  // role: "admin" or "member"
  std::uint64_t members = 0;
};

struct PeerInfo {
  std::string id, name;
  std::string state;  // "connected", "silent", "connecting", "away" (docs/glossary.md)
  std::string path;   // direct, ice, relay, tcp, wss, local, none
  std::string endpoint;
  std::optional<double> rtt_ms;
  std::string kex, cipher;
  std::uint64_t tx_bytes = 0, rx_bytes = 0;
  std::optional<std::int64_t> heard_ms_ago;  // with a session: since its last packet came
  std::string via = {};                      // the relay's name, of a path through one
};

// An interface on which the kernel does not cut trains of datagrams for now, because they are lost
// there.
struct GsoOffInfo {
  std::string interface;  // our address on it
  std::int64_t again_in_s = 0;
};

// What stands between this node and the internet, as members see it (nat/behaviour.hpp).
struct NatInfo {
  std::string family;  // "ipv4", "ipv6"
  std::string mapping, filtering, ports;
  std::optional<bool> hairpin;
  std::vector<std::string> seen_at;  // outside addresses, the newest first
  std::uint64_t observers = 0;
};

// What the router was asked for; `address` empty: nothing came of it, because of `trouble`.
struct PortMappingInfo {
  std::string protocol;  // "nat-pmp", "upnp"
  std::string address;
  std::int64_t left_s = 0;  // of the lease; it is renewed at half
  std::string trouble;
};

struct StatusResult {
  NodeInfo node;
  NetworkInfo network;
  std::vector<NetworkEntry> networks;  // all of them, the default one first
  std::string gso = "auto";            // as set: "auto", "on", "off"
  std::vector<GsoOffInfo> gso_off;
  std::optional<PortMappingInfo> port_mapping;  // none: not wished for
  std::vector<NatInfo> nat;                     // of the families that members told something about
  std::vector<PeerInfo> peers;
  std::vector<ExposedInfo> exposed;
  std::vector<MappingInfo> mappings;
  std::optional<DhtStats> dht;
  std::vector<std::string> attention;  // sentences for the user: what needs care, and the command
};

class Status {
 public:
  virtual ~Status() = default;
  virtual void status(Done<StatusResult> done) = 0;
};

[[nodiscard]] Json to_json(const StatusResult& result);

}  // namespace weft::api
