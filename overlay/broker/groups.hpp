// Queue groups over the network: each message goes to one member of a group, wherever it is. Every
// node says which groups have members on it (a retained message of its own, kGroupsTopic and its
// id), and all choose alike, by a hash over node and message; so nobody has to ask.
//
// Who is away, by membership and not by links, takes nothing: the others take its part. Two sides
// that were apart each took what they had; when they meet, what the other side had by then is not
// taken again (passed()).
//
// Views may differ for a moment: while a member comes, a message may reach two; while one is gone
// and not yet known to be, none. Limits: kMaxGroups entries of a node, kMaxPassed borders.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "overlay/broker/batch.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxGroups = 256;
inline constexpr std::size_t kMaxPassed = 16'384;  // then all are forgotten
inline constexpr std::string_view kGroupsTopic = "weft.groups.";

// Group and pattern.
using GroupSet = std::set<std::pair<std::string, std::string>>;

class Groups {
 public:
  explicit Groups(const NodeId& self) : self_(self) {}

  // What a node said; ignored when it does not parse or the topic is another's.
  void heard(const Placed& placed);
  void set_away(const NodeId& node, bool away);
  [[nodiscard]] bool is_away(const NodeId& node) const { return away_.contains(node); }
  // What a node that was apart from this one has of that publisher as they meet.
  void passed(const NodeId& node, const NodeId& publisher, std::uint64_t epoch, std::uint64_t high);
  // Who is no member says nothing any more.
  void keep(const std::vector<NodeId>& members);
  // Whether this node, which has a member that wants it, is the one to give it to that member.
  [[nodiscard]] bool ours(const std::string& group, const Placed& placed) const;

  [[nodiscard]] std::string topic() const { return std::string(kGroupsTopic) + to_text(self_); }
  // Of the first kMaxGroups.
  [[nodiscard]] static Bytes encode(const GroupSet& groups);

 private:
  [[nodiscard]] bool wants(const NodeId& node, const std::string& group,
                           std::string_view topic) const;
  [[nodiscard]] bool taken_apart(const std::string& group, const Placed& placed) const;

  NodeId self_;
  std::map<NodeId, GroupSet> nodes_;  // but for this one
  std::set<NodeId> away_;
  // By publisher and node: epoch, number.
  std::map<std::pair<NodeId, NodeId>, std::pair<std::uint64_t, std::uint64_t>> passed_;
};

}  // namespace weft::broker
