// The doors of one network and where they lead. A door is pinned (decision 16): whoever else offers
// a service of that name never gets its clients.
//
// Invariants
//  1. What a door was shown to lead to when it was opened is what it leads to. Replicas are only
//     nodes that its opener named or, with `any`, nodes of the same owner.
//  2. A name without a node means the one node that offers it to us, away or not; several are a
//     Conflict, which names them.
//  3. kMaxMappings doors; kMaxTried nodes are tried for one client.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "overlay/service/mapping.hpp"
#include "overlay/service/members_view.hpp"
#include "overlay/service/offers.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxTried = 8;  // replicas tried for one client

class Doors {
 public:
  // Both outlive the doors.
  Doors(const NetworkId& network, const Offers& offers, const MembersView& members)
      : table_(network), offers_(offers), members_(members) {}

  // The node that SERVICE or SERVICE@NODE leads to: see invariant 2. With `any` the nearest of
  // several that have one owner will do. NotFound, Conflict.
  [[nodiscard]] Result<NodeId> provider(const std::string& service, const std::string& node,
                                        bool any = false) const;
  // Who may serve the clients of this door now, the best first; never empty.
  // REQUIRES: the door has its node.
  [[nodiscard]] std::vector<NodeId> providers(const Mapping& door) const;

  // A door of a home from before doors were pinned names no node: it gets the only one there is.
  // NotFound: no such door, or nobody offers it; Conflict: several do.
  struct Pinned {
    NodeId node;
    std::optional<Row> row;
  };
  [[nodiscard]] Result<std::optional<Pinned>> pin(std::uint64_t door);  // nullopt: it was
  [[nodiscard]] const std::set<std::uint64_t>& pinned() const { return pinned_; }
  // Doors that could not be, and why.
  [[nodiscard]] const std::map<std::uint64_t, std::string>& unpinned() const { return unpinned_; }

  // As MappingTable; add() without a node pins it as provider() says.
  [[nodiscard]] Result<MappingTable::Change> add(Mapping door);
  [[nodiscard]] Result<MappingTable::Change> remove(std::uint64_t door);
  void number_from(std::uint64_t id) { table_.number_from(id); }
  [[nodiscard]] const Mapping* find(std::uint64_t door) const { return table_.find(door); }
  [[nodiscard]] std::vector<Mapping> list() const { return table_.list(); }
  [[nodiscard]] Result<void> load(const Row& row) { return table_.load(row); }

 private:
  [[nodiscard]] Duration distance(const NodeId& node) const;  // max: not here

  MappingTable table_;
  std::set<std::uint64_t> pinned_;
  std::map<std::uint64_t, std::string> unpinned_;
  const Offers& offers_;
  const MembersView& members_;
};

}  // namespace weft::service
