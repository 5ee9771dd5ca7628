// The one TrustView that the session layer asks, over the rosters of all networks of this node.
#pragma once

#include <map>

#include "overlay/roster/roster.hpp"

namespace weft::overlay {

// Asks the roster of the network in question; networks come and go under it.
class TrustRouter final : public TrustView {
 public:
  void add(const roster::Roster& roster) { rosters_[roster.network()] = &roster; }
  void remove(const NetworkId& network) { rosters_.erase(network); }

  [[nodiscard]] Verdict verdict(const NetworkId& network, const NodeId& node,
                                UnixTime now) const override;
  [[nodiscard]] std::uint64_t epoch_floor(const NetworkId& network,
                                          const NodeId& node) const override;
  [[nodiscard]] std::optional<std::string> name_of(const NetworkId& network,
                                                   const NodeId& node) const override;
  [[nodiscard]] std::optional<NodeId> node_named(const NetworkId& network,
                                                 const std::string& name) const override;
  [[nodiscard]] bool in_group(const NetworkId& network, const NodeId& node,
                              const std::string& group) const override;

 private:
  [[nodiscard]] const roster::Roster* of(const NetworkId& network) const;
  std::map<NetworkId, const roster::Roster*> rosters_;
};

}  // namespace weft::overlay
