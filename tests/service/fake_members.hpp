// Members of a network made by hand, for tests of doors and streams.
#pragma once

#include "overlay/service/members_view.hpp"
#include "tests/service/kit.hpp"

namespace weft::service {

class FakeMembers : public MembersView {
 public:
  FakeTrust roster;
  NodeId me{{1}};
  std::set<NodeId> exposers;
  std::map<NodeId, IdentityKey> owners;
  std::map<NodeId, Duration> here;
  std::set<NodeId> away;
  std::set<std::uint64_t> relayed;  // sessions

  // A member that may expose, of an owner of its own unless told otherwise.
  NodeId add(std::uint8_t number, const std::string& name, std::uint8_t owner = 0) {
    const NodeId id{{number}};
    roster.names[id] = name;
    exposers.insert(id);
    owners[id] = IdentityKey{owner == 0 ? number : owner};
    return id;
  }

  const TrustView& trust() const override { return roster; }
  NodeId self() const override { return me; }
  std::string label(const NodeId& node) const override {
    return roster.name_of(roster.network, node).value_or("?");
  }
  Result<NodeId> find(const std::string& who) const override {
    if (auto node = roster.node_named(roster.network, who)) return *node;
    return fail(Errc::NotFound, "no node " + who);
  }
  bool is_member(const NodeId& node) const override { return roster.names.contains(node); }
  bool may_expose(const NodeId& node) const override { return exposers.contains(node); }
  std::optional<IdentityKey> owner(const NodeId& node) const override {
    if (!is_member(node)) return std::nullopt;
    return owners.at(node);
  }
  std::optional<std::uint64_t> session(const NodeId& node) const override {
    return here.contains(node) ? std::optional<std::uint64_t>(100 + node.bytes[0]) : std::nullopt;
  }
  bool is_direct(std::uint64_t session) const override { return !relayed.contains(session); }
  std::optional<Endpoint> place(std::uint64_t) const override { return std::nullopt; }
  std::optional<Duration> distance(const NodeId& node) const override {
    const auto at = here.find(node);
    return at == here.end() ? std::nullopt : std::optional(at->second);
  }
  bool is_away(const NodeId& node) const override { return away.contains(node); }
};

}  // namespace weft::service
