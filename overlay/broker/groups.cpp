#include "overlay/broker/groups.hpp"

#include <algorithm>

#include "base/wire.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

Result<GroupSet> decode(ByteView payload) {
  GroupSet out;
  if (payload.empty()) return out;
  auto in = wire::Reader::lenient(payload);
  WEFT_TRY(const auto count, in.array(kMaxGroups));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto fields, in.array(2));
    if (fields != 2) return fail(Errc::Malformed, "groups");
    WEFT_TRY(const auto group, in.str(kMaxTopic));
    WEFT_TRY(const auto pattern, in.str(kMaxTopic));
    if (!is_pattern(pattern)) return fail(Errc::Malformed, "groups: pattern");
    out.emplace(group, pattern);
  }
  return out;
}

std::uint64_t weight(const NodeId& node, const Placed& placed) {
  Bytes what = to_bytes(node.view());
  append(what, placed.batch->publisher.view());
  append_be(what, placed.batch->epoch);
  append_be(what, placed.sequence());
  return read_be<std::uint64_t>(crypto::siphash24({}, what));
}

}  // namespace

void Groups::heard(const Placed& placed) {
  const NodeId& node = placed.batch->publisher;
  const std::string_view topic = placed.message().topic;
  if (node == self_ || topic.substr(std::min(kGroupsTopic.size(), topic.size())) != to_text(node))
    return;
  const auto groups = decode(placed.message().payload);
  if (!groups || groups->empty())
    nodes_.erase(node);
  else
    nodes_[node] = *groups;
}

void Groups::set_away(const NodeId& node, bool away) {
  if (away)
    away_.insert(node);
  else
    away_.erase(node);
}

void Groups::passed(const NodeId& node, const NodeId& publisher, std::uint64_t epoch,
                    std::uint64_t high) {
  if (!nodes_.contains(node)) return;
  if (passed_.size() >= kMaxPassed) passed_.clear();
  auto& border = passed_[{publisher, node}];
  border = std::max(border, {epoch, high});
}

void Groups::keep(const std::vector<NodeId>& members) {
  std::erase_if(nodes_, [&](const auto& entry) {
    return std::ranges::find(members, entry.first) == members.end();
  });
}

bool Groups::wants(const NodeId& node, const std::string& group, std::string_view topic) const {
  const auto at = nodes_.find(node);
  return at != nodes_.end() && std::ranges::any_of(at->second, [&](const auto& one) {
           return one.first == group && matches(one.second, topic);
         });
}

bool Groups::taken_apart(const std::string& group, const Placed& placed) const {
  const NodeId& publisher = placed.batch->publisher;
  for (auto at = passed_.lower_bound({publisher, NodeId{}});
       at != passed_.end() && at->first.first == publisher; ++at)
    if (std::pair{placed.batch->epoch, placed.sequence()} <= at->second &&
        wants(at->first.second, group, placed.message().topic))
      return true;
  return false;
}

bool Groups::ours(const std::string& group, const Placed& placed) const {
  if (taken_apart(group, placed)) return false;
  const auto mine = weight(self_, placed);
  return std::ranges::none_of(nodes_, [&](const auto& entry) {
    const auto& node = entry.first;
    return !away_.contains(node) && wants(node, group, placed.message().topic) &&
           weight(node, placed) > mine;
  });
}

Bytes Groups::encode(const GroupSet& groups) {
  if (groups.empty()) return {};
  wire::Writer out;
  out.array(std::min(groups.size(), kMaxGroups));
  std::size_t count = 0;
  for (const auto& [group, pattern] : groups) {
    if (count++ == kMaxGroups) break;
    out.array(2).str(group).str(pattern);
  }
  return out.take();
}

}  // namespace weft::broker
