#include "overlay/trust_router.hpp"

namespace weft::overlay {

const roster::Roster* TrustRouter::of(const NetworkId& network) const {
  const auto at = rosters_.find(network);
  return at == rosters_.end() ? nullptr : at->second;
}
Verdict TrustRouter::verdict(const NetworkId& network, const NodeId& node, UnixTime now) const {
  const auto* roster = of(network);
  return roster == nullptr ? Verdict::Unknown : roster->verdict(network, node, now);
}
std::uint64_t TrustRouter::epoch_floor(const NetworkId& network, const NodeId& node) const {
  const auto* roster = of(network);
  return roster == nullptr ? 0 : roster->epoch_floor(network, node);
}
std::optional<std::string> TrustRouter::name_of(const NetworkId& network,
                                                const NodeId& node) const {
  const auto* roster = of(network);
  return roster == nullptr ? std::nullopt : roster->name_of(network, node);
}
std::optional<NodeId> TrustRouter::node_named(const NetworkId& network,
                                              const std::string& name) const {
  const auto* roster = of(network);
  return roster == nullptr ? std::nullopt : roster->node_named(network, name);
}
bool TrustRouter::in_group(const NetworkId& network, const NodeId& node,
                           const std::string& group) const {
  const auto* roster = of(network);
  return roster != nullptr && roster->in_group(network, node, group);
}

}  // namespace weft::overlay
