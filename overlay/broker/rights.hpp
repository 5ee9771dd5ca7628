// Who may publish to a topic and who may read it, by the rules of the roster and, for the topics of
// the nodes themselves, by what those are. Rules name nodes and groups by id, never by a node's
// name, and topics by patterns.
//
// Of the rules that match topic and right one that denies decides. Else, when any allows, only those
// whom one of them names. Else every member may. So the first rule that allows closes a topic to
// all others, and what no rule names stays open.
//
// What nodes tell programs (is_system()) nobody may publish: each node makes it of what it knows
// itself, and takes nothing of it from others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/trust_view.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxJudged = 16'384;  // verdicts remembered; then all are forgotten

enum class Right : std::uint8_t { Publish, Read };

struct TopicRule {
  std::string pattern;
  std::optional<NodeId> node;
  std::string group;            // neither node nor group: every member
  std::optional<bool> publish;  // allows, denies, or says nothing of it
  std::optional<bool> read;
  bool operator==(const TopicRule&) const = default;
};

class Rights {
 public:
  Rights(const NetworkId& network, const TrustView& trust) : network_(network), trust_(trust) {}

  // Also when a group has changed.
  void set(std::vector<TopicRule> rules);
  [[nodiscard]] const std::vector<TopicRule>& rules() const { return rules_; }

  // REQUIRES: is_topic(topic).
  [[nodiscard]] bool may(const NodeId& node, std::string_view topic, Right right) const;
  // The rule that keeps this node from it, as people write it. REQUIRES: !may().
  [[nodiscard]] std::string why_not(const NodeId& node, std::string_view topic, Right right) const;
  // Some member may be kept from reading it.
  [[nodiscard]] bool guarded(std::string_view topic) const;
  // This node may be kept from reading something.
  [[nodiscard]] bool keeps_from(const NodeId& node) const;

 private:
  struct Decision {
    bool may = true;
    const TopicRule* rule = nullptr;  // that decided
  };
  [[nodiscard]] Decision decide(const NodeId& node, std::string_view topic, Right right) const;
  [[nodiscard]] bool names(const TopicRule& rule, const NodeId& node) const;

  NetworkId network_;
  const TrustView& trust_;
  std::vector<TopicRule> rules_;
  bool reading_ = false;  // some rule is about reading
  mutable std::unordered_map<std::string, bool> judged_;
};

}  // namespace weft::broker
