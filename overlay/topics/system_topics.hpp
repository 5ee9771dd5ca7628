// What a node tells its own programs of its network, as messages to the topics of the nodes
// (broker/topic.hpp): members that come and go, services that are offered to it and are not any
// more. Each node makes them of what its own membership and its own sessions say; nothing travels,
// so nobody can say them for another.
//
//   client.online    a member is alive; stands as long as it is
//   client.offline   it is dead, has left, or was removed
//   node.shutdown    it said itself that it goes, with its signature
//   mapping.created  a member offers this service to this node, or this node offers it; stands
//   mapping.deleted  not any more
//
// Payloads are JSON objects; docs/broker.md lists their fields. They hold ids, DNS labels and
// numbers only, which need no escaping.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "overlay/broker/told.hpp"
#include "overlay/part.hpp"
#include "overlay/service/registry.hpp"
#include "overlay/service/service_line.hpp"

namespace weft::overlay {

class SystemTopics {
 public:
  using Tellings = std::vector<broker::Telling>;

  explicit SystemTopics(const Beside& beside) : beside_(beside) {}

  [[nodiscard]] Tellings member_changed(UnixTime now, const MemberStateChanged& changed);
  // All that it offers to this node now.
  [[nodiscard]] Tellings offered(UnixTime now, const NodeId& node,
                                 const std::vector<service::ServiceLine>& lines);
  // Those of this node, when they changed since this was asked last.
  [[nodiscard]] Tellings look_at_own(UnixTime now, const service::Registry& registry);
  // Who is no member any more.
  [[nodiscard]] Tellings look_at_roster(UnixTime now);

 private:
  using Services = std::map<std::string, std::string>;  // name and protocol
  [[nodiscard]] std::string name_of(const NodeId& node) const;
  [[nodiscard]] broker::Telling gone(UnixTime now, const NodeId& node, const std::string& name,
                                     std::string_view reason) const;
  void compare(UnixTime now, const NodeId& node, const std::string& name, Services services,
               Tellings& out);

  const Beside& beside_;
  std::map<NodeId, std::string> online_;  // and the names they had
  std::map<NodeId, Services> offered_;
  std::uint64_t own_changes_ = 0;
};

}  // namespace weft::overlay
