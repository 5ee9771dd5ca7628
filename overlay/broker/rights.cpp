#include "overlay/broker/rights.hpp"

#include <algorithm>
#include <utility>

#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

const std::optional<bool>& ruling(const TopicRule& rule, Right right) {
  return right == Right::Publish ? rule.publish : rule.read;
}

}  // namespace

void Rights::set(std::vector<TopicRule> rules) {
  rules_ = std::move(rules);
  std::erase_if(rules_, [](const TopicRule& rule) { return !is_pattern(rule.pattern); });
  reading_ = std::ranges::any_of(rules_, [](const auto& rule) { return rule.read.has_value(); });
  judged_.clear();
}

bool Rights::names(const TopicRule& rule, const NodeId& node) const {
  if (rule.node) return *rule.node == node;
  return rule.group.empty() || trust_.in_group(network_, node, rule.group);
}

Rights::Decision Rights::decide(const NodeId& node, std::string_view topic, Right right) const {
  Decision open;
  Decision allowed;
  for (const auto& rule : rules_) {
    const auto& says = ruling(rule, right);
    if (!says || !matches(rule.pattern, topic)) continue;
    const bool named = names(rule, node);
    if (!*says && named) return {false, &rule};
    if (!*says) continue;
    if (named)
      allowed = {true, &rule};
    else
      open = {false, &rule};
  }
  return allowed.rule != nullptr ? allowed : open;
}

bool Rights::may(const NodeId& node, std::string_view topic, Right right) const {
  if (right == Right::Publish && is_system(topic)) return false;
  if (rules_.empty() || topic.starts_with(kReserved)) return true;
  if (right == Right::Read && !reading_) return true;
  std::string key(text_of(node.view()));
  key += right == Right::Publish ? 'p' : 'r';
  key += topic;
  if (const auto known = judged_.find(key); known != judged_.end()) return known->second;
  if (judged_.size() >= kMaxJudged) judged_.clear();
  const bool may = decide(node, topic, right).may;
  judged_.emplace(std::move(key), may);
  return may;
}

std::string Rights::why_not(const NodeId& node, std::string_view topic, Right right) const {
  if (right == Right::Publish && is_system(topic))
    return "only nodes themselves say " + std::string(topic);
  const auto* rule = decide(node, topic, right).rule;
  if (rule == nullptr) return "no rule";
  const auto verb = std::string(right == Right::Publish ? "publish" : "read");
  if (*ruling(*rule, right)) return "only some may " + verb + " " + rule->pattern;
  std::string who = rule->group.empty() ? "*" : "group:" + rule->group;
  if (rule->node) who = trust_.name_of(network_, *rule->node).value_or(short_text(*rule->node));
  return who + " may not " + verb + " " + rule->pattern;
}

bool Rights::guarded(std::string_view topic) const {
  return reading_ && !topic.starts_with(kReserved) &&
         std::ranges::any_of(rules_, [&](const TopicRule& rule) {
           return rule.read && matches(rule.pattern, topic);
         });
}

bool Rights::keeps_from(const NodeId& node) const {
  return reading_ && std::ranges::any_of(rules_, [&](const TopicRule& rule) {
           return rule.read && *rule.read != names(rule, node);
         });
}

}  // namespace weft::broker
