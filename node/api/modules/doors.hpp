// Doors: local ports that lead to services of other nodes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct MappingInfo {
  std::string mapping, service, node, listen, protocol;  // mapping: its id, what `close` takes
  std::uint64_t connections = 0, tx_bytes = 0, rx_bytes = 0;
  std::string reach = "machine";       // who reaches the door: this "machine" or the "network"
  std::string state = {};              // of its node: "connected", "connecting", "away"
  bool any = false;                    // nodes of the same owner may serve too
  std::vector<std::string> also = {};  // so may these
  bool direct = false;                 // nothing of it goes through a relay
  // Of doors for datagrams only: what went through, and the largest that goes in one packet now.
  struct Datagrams {
    std::uint64_t sent = 0, received = 0, large = 0, lost = 0;
  };
  std::optional<Datagrams> datagrams = {};
  std::optional<std::size_t> largest_datagram = {};  // bytes; none: no session with the node
};

struct OpenRequest {
  std::string service;
  std::string node;                // empty: the only one that offers it
  std::optional<Endpoint> listen;  // none: 127.0.0.1, same port, else next free
  bool once = false;               // not kept across restarts
  std::chrono::milliseconds timeout{10'000};
  bool any = false;                    // nodes of the same owner may serve too
  std::vector<std::string> also = {};  // so may these
  std::string protocol = {};           // what its clients speak; empty: as the service does
  bool direct = false;                 // nothing of it goes through a relay
};

struct OpenResult {
  std::string mapping, service, node, listen, path;
  std::optional<double> rtt_ms;
  bool existing = false;          // this door was open already
  std::string reach = "machine";  // as in MappingInfo
  std::string protocol = "tcp";
  std::optional<std::size_t> largest_datagram = {};  // as in MappingInfo
  std::string via = {};                              // the relay's name, of a path through one
};

struct MappingsResult {
  std::vector<MappingInfo> mappings;
};

struct CloseRequest {
  std::string mapping;  // its id, or SERVICE[@NODE]: all doors to that one service
};

struct CloseResult {
  std::string mapping, service, node, listen;
  std::vector<std::string> closed = {};  // where all the doors were that this closed
};

class Doors {
 public:
  virtual ~Doors() = default;
  virtual void open(OpenRequest request, Done<OpenResult> done) = 0;
  virtual void mappings(Done<MappingsResult> done) = 0;
  virtual void close(CloseRequest request, Done<CloseResult> done) = 0;
};

[[nodiscard]] Json to_json(const MappingInfo& result);
[[nodiscard]] Json to_json(const OpenResult& result);
[[nodiscard]] Json to_json(const MappingsResult& result);
[[nodiscard]] Json to_json(const CloseResult& result);

}  // namespace weft::api
