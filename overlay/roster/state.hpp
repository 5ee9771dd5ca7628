// What a chain of roster entries adds up to. apply() is the one place that says whether an entry is
// valid after the ones before it; a failed apply leaves the state as it was.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "overlay/roster/entry.hpp"

namespace weft::roster {

inline constexpr std::size_t kMaxMembers = 10000;
inline constexpr std::size_t kMaxSigningKeys = 512;

struct Member {
  NodeId id;
  IdentityKey identity{};
  std::string name;
  IdentityKey owner{};  // a person's key
  MayFlags may = 0;
  UnixTime since = 0;
  std::uint64_t seq = 0;  // of the entry that added it
  bool operator==(const Member&) const = default;
};

struct Person {
  IdentityKey key{};
  std::string name;
  MayFlags may = 0;
  std::uint64_t seq = 0;
  bool operator==(const Person&) const = default;
};

class State {
 public:
  // REQUIRES: genesis.kind == Genesis. The bytes' hash names the network.
  [[nodiscard]] static Result<State> from_genesis(const Entry& genesis, const NetworkId& network);
  // Checks the signer and the body's meaning, then applies. Unknown kinds change nothing.
  [[nodiscard]] Result<void> apply(const Entry& entry);

  // Lower is senior: (seq that added the key) * 2 + (a node's key, not a person's). nullopt: may
  // not sign now.
  [[nodiscard]] std::optional<std::uint64_t> seniority(const IdentityKey& key) const;
  [[nodiscard]] bool is_founder(const IdentityKey& key) const;  // genesis person or its nodes

  [[nodiscard]] const Member* member(const NodeId& node) const;
  [[nodiscard]] const Member* member_named(const std::string& name) const;
  [[nodiscard]] bool is_removed(const NodeId& node) const { return removed_.contains(node); }
  [[nodiscard]] bool in_group(const NodeId& node, const std::string& group) const;

  [[nodiscard]] const NetworkId& network() const { return network_; }
  [[nodiscard]] const GenesisBody& genesis() const { return genesis_; }
  [[nodiscard]] const std::map<NodeId, Member>& members() const { return members_; }
  [[nodiscard]] const std::map<IdentityKey, Person>& persons() const { return persons_; }
  [[nodiscard]] const std::map<std::string, std::set<NodeId>>& groups() const { return groups_; }
  [[nodiscard]] const std::vector<GrantBody>& grants() const { return grants_; }
  [[nodiscard]] const std::map<NodeId, std::uint64_t>& quotas() const { return quotas_; }
  void check_invariants() const;
  bool operator==(const State&) const = default;

 private:
  Result<void> on(const Entry& entry, const GenesisBody& body);
  Result<void> on(const Entry& entry, const PersonBody& body);
  Result<void> on(const Entry& entry, const NodeBody& body);
  Result<void> on(const Entry& entry, const GroupBody& body);
  Result<void> on(const Entry& entry, const GrantBody& body);
  Result<void> on(const Entry& entry, const QuotaBody& body);
  Result<void> on(const Entry& entry, const KeyChangeBody& body);
  Result<void> on(const Entry& entry, const RemovalBody& body);
  Result<void> on(const Entry& entry, const CheckpointBody& body);
  Result<void> on(const Entry&, const UnknownBody&) { return {}; }
  [[nodiscard]] std::size_t signing_keys() const;
  // Somebody must be able to sign, and not too many may.
  [[nodiscard]] Result<void> check_admin_change(MayFlags before, MayFlags after) const;
  void drop_member(const NodeId& node);

  NetworkId network_;
  GenesisBody genesis_;
  std::map<NodeId, Member> members_;
  std::map<std::string, NodeId> names_;
  std::map<IdentityKey, Person> persons_;
  std::set<NodeId> removed_;
  std::map<std::string, std::set<NodeId>> groups_;
  std::vector<GrantBody> grants_;
  std::map<NodeId, std::uint64_t> quotas_;
};

}  // namespace weft::roster
