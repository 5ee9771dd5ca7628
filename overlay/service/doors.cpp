#include "overlay/service/doors.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"

namespace weft::service {

namespace {

constexpr std::size_t kNamed = 5;  // nodes that an error lists

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kNamed; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  if (names.size() > kNamed) out += " and others";
  return out;
}

}  // namespace

Duration Doors::distance(const NodeId& node) const {
  return members_.distance(node).value_or(Duration::max());
}

Result<NodeId> Doors::provider(const std::string& service, const std::string& node,
                               bool any) const {
  if (!node.empty()) return members_.find(node);
  // A door that is open already says which node was meant.
  std::set<NodeId> meant;
  for (const auto& door : table_.list())
    if (door.service == service && door.node) meant.insert(*door.node);
  if (meant.size() == 1 && members_.is_member(*meant.begin())) return *meant.begin();
  // Who is away counts: else the next best takes its place as soon as it sleeps.
  std::vector<NodeId> found;
  for (const auto& [id, offer] : offers_.all())
    if (offers_.line(id, service) != nullptr && members_.may_expose(id)) found.push_back(id);
  if (found.empty())
    return fail(Errc::NotFound, "no node that can be reached now offers you \"" + service + "\"");
  const bool one_owner = std::ranges::all_of(
      found, [&](const NodeId& id) { return members_.owner(id) == members_.owner(found.front()); });
  if (found.size() == 1 || (any && one_owner))
    return *std::ranges::min_element(found, {}, [&](const NodeId& id) { return distance(id); });
  std::vector<std::string> names;
  for (const auto& id : found) names.push_back(members_.label(id));
  std::ranges::sort(names);
  return fail(Errc::Conflict, "\"" + service + "\" is offered by " + joined(names));
}

std::vector<NodeId> Doors::providers(const Mapping& door) const {
  WEFT_ASSERT(door.node.has_value());
  std::vector<NodeId> named{*door.node};
  named.insert(named.end(), door.also.begin(), door.also.end());
  if (!door.any && door.also.empty()) return named;
  std::vector<NodeId> allowed = named;
  const auto anchor = members_.owner(*door.node);
  if (door.any && anchor)
    for (const auto& [id, offer] : offers_.all())
      if (members_.owner(id) == anchor) allowed.push_back(id);
  std::ranges::sort(allowed);
  const auto twice = std::ranges::unique(allowed);
  allowed.erase(twice.begin(), twice.end());

  std::vector<std::tuple<bool, Duration, NodeId>> here;
  for (const auto& id : allowed) {
    const auto rtt = members_.distance(id);
    const auto* line = offers_.line(id, door.service);
    if (!rtt || line == nullptr || !members_.may_expose(id)) continue;
    here.emplace_back(is_bad(line->health), *rtt, id);
  }
  if (here.empty()) return named;
  std::ranges::sort(here);
  std::vector<NodeId> out;
  for (const auto& [bad, rtt, id] : here)
    if (out.size() < kMaxTried) out.push_back(id);
  return out;
}

Result<std::optional<Doors::Pinned>> Doors::pin(std::uint64_t door) {
  const auto* known = table_.find(door);
  if (known == nullptr) return fail(Errc::NotFound, "no such door");
  if (known->node) return std::nullopt;
  const auto only = provider(known->service, {});
  if (!only) {
    if (only.error().code == Errc::Conflict) unpinned_[door] = only.error().detail;
    return std::unexpected(only.error());
  }
  WEFT_TRY(auto change, table_.pin(door, *only));
  unpinned_.erase(door);
  pinned_.insert(door);
  return Pinned{*only, std::move(change.row)};
}

Result<MappingTable::Change> Doors::add(Mapping door) {
  if (!door.node) {
    WEFT_TRY(door.node, provider(door.service, {}));
  }
  return table_.add(std::move(door));
}

Result<MappingTable::Change> Doors::remove(std::uint64_t door) {
  WEFT_TRY(auto change, table_.remove(door));
  pinned_.erase(door);
  unpinned_.erase(door);
  return change;
}

}  // namespace weft::service
