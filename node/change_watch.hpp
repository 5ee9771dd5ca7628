// What changed at a node since the last look, told as events: members, services exposed here,
// doors, addresses. Whoever may have changed them asks for a look: a roster that grew, a command
// that is done, the machine's addresses. So one place tells of a change, whichever way it came.
//
// Invariant: the first look at each tells nothing; it is what there was at the start.
// Cost of a look: the list's length, so it is for what changes seldom.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/events/recorder.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

class ChangeWatch {
 public:
  // Two networks may have one name.
  struct Where {
    NetworkId network;
    std::string name;
  };

  explicit ChangeWatch(events::Recorder& recorder) : recorder_(recorder) {}

  void look(const Where& where, const std::vector<overlay::MemberView>& members);
  void look(const Where& where, const std::vector<service::Exposure>& exposures);
  // `node_name` names the node that a door leads to.
  using NodeName = std::function<std::string(const NodeId&)>;
  void look(const Where& where, const std::vector<service::Mapping>& doors,
            const NodeName& node_name);
  // This node left that network: its services and doors are gone.
  void left(const Where& where);
  // Nothing is told: they went on elsewhere.
  void forget(const NetworkId& network);
  void look(const std::vector<Endpoint>& addresses);

 private:
  struct Member {
    std::string name;
    std::vector<std::string> may;
    bool operator==(const Member&) const = default;
  };

  events::Recorder& recorder_;
  // By network; none before the first look.
  std::map<NetworkId, std::map<NodeId, Member>> members_;
  std::map<NetworkId, std::map<std::string, std::string>> exposures_;
  std::map<NetworkId, std::map<std::uint64_t, service::Mapping>> doors_;
  std::optional<std::vector<Endpoint>> addresses_;
};

}  // namespace weft::node
