// A local door to a service: connections accepted at `listen` become streams to the service on the
// node it was opened to (decision 16). A door with replicas may lead elsewhere: to the nodes that
// its opener named, and with `any` to those of the same owner.
//
// Value of Table::Mapping, canonical msgpack; key = id, u64 big-endian:
//   [v=1, id, service, node or nil, listen 18, once]
//   [v=2, id, service, node, listen 18, once, any, [node, ...]]                   with replicas
//   [v=3, id, service, node or nil, listen 18, once, any, [node, ...], protocol]  other than tcp
//   [v=4, as v=3, direct=true]                                                    no relay
// Each is written in the lowest version that can say it, so that an earlier weft still starts. A
// nil node comes from a version before doors were pinned. Vectors in docs/wire/state.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/persist.hpp"
#include "base/trust_view.hpp"
#include "overlay/service/service.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxMappings = 256;
inline constexpr std::size_t kMaxReplicas = 8;  // named for one door; of one owner tried for one

// SERVICE[@NODE[,NODE...]] as people type it; NODE is a name or an id (wf1...).
struct ServiceRef {
  std::string service;
  std::string node;                    // empty: the one node that offers it
  std::vector<std::string> also = {};  // other nodes that may serve instead
  bool operator==(const ServiceRef&) const = default;
};
[[nodiscard]] Result<ServiceRef> parse_service_ref(std::string_view text);
// The node a reference names: nullopt when it names none. NotFound when nobody is called that.
[[nodiscard]] Result<std::optional<NodeId>> resolve_node(const ServiceRef& ref,
                                                         const TrustView& trust,
                                                         const NetworkId& network);

struct Mapping {
  std::uint64_t id = 0;
  std::string service;
  std::optional<NodeId> node;  // where it leads; nullopt: stored before doors were pinned
  Endpoint listen;
  bool once = false;              // gone after its first connection; never persisted
  bool any = false;               // nodes of the same owner that offer the service may serve too
  std::vector<NodeId> also = {};  // so may these
  Protocol protocol = Protocol::Tcp;  // what its clients speak
  bool direct = false;                // nothing of it goes through a relay

  bool operator==(const Mapping&) const = default;
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Mapping> decode(ByteView bytes);
};

class MappingTable {
 public:
  explicit MappingTable(const NetworkId& network) : network_(network) {}

  struct Change {
    Mapping mapping;
    std::optional<Row> row;  // none for a `once` mapping
  };
  // Gives it an id. Conflict when `listen` (with a port) is taken; port 0 never collides.
  [[nodiscard]] Result<Change> add(Mapping mapping);
  // After binding port 0: remember what the system chose.
  [[nodiscard]] Result<Change> set_listen(std::uint64_t id, const Endpoint& listen);
  // A door without a node gets one.
  [[nodiscard]] Result<Change> pin(std::uint64_t id, const NodeId& node);
  [[nodiscard]] Result<Change> remove(std::uint64_t id);  // row deletes
  [[nodiscard]] const Mapping* find(std::uint64_t id) const;
  [[nodiscard]] std::vector<Mapping> list() const;  // by id

  [[nodiscard]] Result<void> load(const Row& row);

  // Ids are given out from here on: those of several networks never meet.
  void number_from(std::uint64_t id) { next_id_ = std::max(next_id_, id); }

 private:
  [[nodiscard]] std::optional<Row> row_of(const Mapping& mapping, bool gone) const;

  NetworkId network_;
  std::map<std::uint64_t, Mapping> mappings_;
  std::uint64_t next_id_ = 1;
};

}  // namespace weft::service
