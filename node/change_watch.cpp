#include "node/change_watch.hpp"

#include <utility>

namespace weft::node {

namespace {

// Tells of each key that came, changed or went; keeps `now`. Nothing at the first look.
template <class Map, class Came, class Changed, class Went>
void compare(std::map<NetworkId, Map>& kept, const NetworkId& network, Map now, const Came& came,
             const Changed& changed, const Went& went) {
  const auto before = kept.find(network);
  if (before == kept.end()) {
    kept.emplace(network, std::move(now));
    return;
  }
  const Map old = std::exchange(before->second, std::move(now));
  for (const auto& [key, value] : old)
    if (!before->second.contains(key)) went(key, value);
  for (const auto& [key, value] : before->second) {
    const auto was = old.find(key);
    if (was == old.end())
      came(key, value);
    else if (!(was->second == value))
      changed(key, was->second, value);
  }
}

}  // namespace

void ChangeWatch::look(const Where& where, const std::vector<overlay::MemberView>& members) {
  std::map<NodeId, Member> now;
  for (const auto& member : members) {
    Member one{member.name, member.may};
    if (member.admin) one.may.emplace_back("admin");
    now.emplace(member.id, std::move(one));
  }
  compare(
      members_, where.network, std::move(now),
      [&](const NodeId& id, const Member& member) {
        recorder_.record(events::MemberAdded{member.name, to_text(id)}, where.name);
      },
      [&](const NodeId& id, const Member& was, const Member& member) {
        recorder_.record(
            events::MemberChanged{member.name, to_text(id),
                                  was.name == member.name ? std::string() : was.name, member.may},
            where.name);
      },
      [&](const NodeId& id, const Member& member) {
        recorder_.record(events::MemberRemoved{member.name, to_text(id)}, where.name);
      });
}

void ChangeWatch::look(const Where& where, const std::vector<service::Exposure>& exposures) {
  std::map<std::string, std::string> now;
  for (const auto& exposure : exposures) now.emplace(exposure.name, exposure.target.to_text());
  const auto exposed = [&](const std::string& name, const std::string& target) {
    recorder_.record(events::ServiceExposed{name, target}, where.name);
  };
  compare(
      exposures_, where.network, std::move(now), exposed,
      [&](const std::string& name, const std::string&, const std::string& target) {
        exposed(name, target);
      },
      [&](const std::string& name, const std::string&) {
        recorder_.record(events::ServiceUnexposed{name}, where.name);
      });
}

void ChangeWatch::look(const Where& where, const std::vector<service::Mapping>& doors,
                       const NodeName& node_name) {
  std::map<std::uint64_t, service::Mapping> now;
  for (const auto& door : doors) now.emplace(door.id, door);
  const auto opened = [&](std::uint64_t id, const service::Mapping& door) {
    recorder_.record(
        events::DoorOpened{id, door.service, door.node ? node_name(*door.node) : std::string(),
                           to_text(door.listen)},
        where.name);
  };
  compare(
      doors_, where.network, std::move(now), opened,
      [&](std::uint64_t id, const service::Mapping& was, const service::Mapping& door) {
        if (was.listen != door.listen || was.node != door.node) opened(id, door);
      },
      [&](std::uint64_t id, const service::Mapping& door) {
        recorder_.record(events::DoorClosed{id, door.service}, where.name);
      });
}

void ChangeWatch::left(const Where& where) {
  look(where, std::vector<service::Exposure>{});
  look(where, std::vector<service::Mapping>{}, {});
  forget(where.network);
}

void ChangeWatch::forget(const NetworkId& network) {
  members_.erase(network);
  exposures_.erase(network);
  doors_.erase(network);
}

void ChangeWatch::look(const std::vector<Endpoint>& addresses) {
  const auto before = std::exchange(addresses_, addresses);
  if (!before || *before == addresses) return;
  events::AddressesChanged changed;
  for (const auto& address : addresses) changed.listen.push_back(to_text(address));
  recorder_.record(std::move(changed));
}

}  // namespace weft::node
