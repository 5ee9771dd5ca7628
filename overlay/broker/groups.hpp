// Queue groups over the network: each message goes to one member of a group, wherever it is. Every
// node says which groups have members on it (a retained message of its own, kGroupsTopic and its
// id), and all choose alike, by a hash over node and message; so nobody has to ask.
//
// Views may differ for a moment: while a member comes, a message may reach two; while one goes, or
// is gone and not yet known to be, none. Limits: kMaxGroups entries of a node.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "overlay/broker/batch.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxGroups = 256;
inline constexpr std::string_view kGroupsTopic = "weft.groups.";

// Group and pattern.
using GroupSet = std::set<std::pair<std::string, std::string>>;

class Groups {
 public:
  explicit Groups(const NodeId& self) : self_(self) {}

  // What a node said; ignored when it does not parse or the topic is another's.
  void heard(const Placed& placed);
  void link_up(const NodeId& node) { away_.erase(node); }
  void link_down(const NodeId& node) { away_.insert(node); }
  // Whether this node, which has a member that wants it, is the one to give it to that member.
  [[nodiscard]] bool ours(const std::string& group, const Placed& placed) const;

  [[nodiscard]] std::string topic() const { return std::string(kGroupsTopic) + to_text(self_); }
  // Of the first kMaxGroups.
  [[nodiscard]] static Bytes encode(const GroupSet& groups);

 private:
  NodeId self_;
  std::map<NodeId, GroupSet> nodes_;  // but for this one
  std::set<NodeId> away_;             // their last link ended
};

}  // namespace weft::broker
