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
inline constexpr std::size_t kMaxTopicRules = 256;  // each message is judged by all of them
// How long a chain may get, by seq: ordinary entries end at the first, any removal at the second,
// removals by a founder's key at the third. So whoever fills the roster can still be put out.
inline constexpr std::uint64_t kMaxChain = 57344;
inline constexpr std::uint64_t kMaxChainRemovals = kMaxChain + 1024;
inline constexpr std::uint64_t kMaxChainFounder = kMaxChain + 2048;
// Of whoever has no right to sign and yet signs one thing: its own removal.
inline constexpr std::uint64_t kNoRank = ~std::uint64_t{0};

struct Member {
  NodeId id;
  IdentityKey identity{};
  std::string name;
  IdentityKey owner{};  // a person's key
  MayFlags may = 0;
  UnixTime since = 0;
  std::uint64_t seq = 0;   // of the entry that added it
  std::uint64_t rank = 0;  // seq of the entry that last let it sign
  IdentityKey lineage{};   // the first below the founders in whose name it signs; itself, or above
  bool operator==(const Member&) const = default;
};

struct Person {
  IdentityKey key{};
  std::string name;
  MayFlags may = 0;
  std::uint64_t seq = 0;
  std::uint64_t rank = 0;
  IdentityKey lineage{};
  bool operator==(const Person&) const = default;
};

class State {
 public:
  // REQUIRES: genesis.kind == Genesis. The bytes' hash names the network.
  [[nodiscard]] static Result<State> from_genesis(const Entry& genesis, const NetworkId& network);
  // Checks the signer and the body's meaning, then applies. Unknown kinds change nothing.
  [[nodiscard]] Result<void> apply(const Entry& entry);

  // Lower is senior: (seq of the entry that let the key sign) * 2 + (a node's key, not a person's).
  // nullopt: may not sign now.
  [[nodiscard]] std::optional<std::uint64_t> seniority(const IdentityKey& key) const;
  // Of an entry: its least senior signer's. kNoRank: a member without that right removes itself.
  [[nodiscard]] std::uint64_t rank_of(const Entry& entry) const;
  // In whose names an entry is signed: its signers, and the persons who own them, as ids.
  [[nodiscard]] std::vector<NodeId> names_of(const Entry& entry) const;
  // Whom a removal takes out here: a node, or a person (by the id of its key) and its nodes.
  [[nodiscard]] std::vector<NodeId> named_by(const RemovalBody& body) const;
  // Takes them out, and keeps them out, whatever the chain says; not the last who may sign.
  void put_out(const RemovalBody& body, const std::vector<NodeId>& named);
  [[nodiscard]] bool is_founder(const IdentityKey& key) const;  // genesis person or its nodes
  [[nodiscard]] std::uint64_t signed_by(const IdentityKey& lineage) const;

  [[nodiscard]] const Member* member(const NodeId& node) const;
  [[nodiscard]] const Member* member_named(const std::string& name) const;
  [[nodiscard]] bool is_removed(const NodeId& node) const { return removed_.contains(node); }
  // Everybody who is out for good; a person by the id of its key.
  [[nodiscard]] const std::set<NodeId>& removed() const { return removed_; }
  [[nodiscard]] bool in_group(const NodeId& node, const std::string& group) const;

  [[nodiscard]] const NetworkId& network() const { return network_; }
  [[nodiscard]] const GenesisBody& genesis() const { return genesis_; }
  [[nodiscard]] const std::map<NodeId, Member>& members() const { return members_; }
  [[nodiscard]] const std::map<IdentityKey, Person>& persons() const { return persons_; }
  [[nodiscard]] const std::map<std::string, std::set<NodeId>>& groups() const { return groups_; }
  [[nodiscard]] const std::vector<GrantBody>& grants() const { return grants_; }
  // Rules about topics, as they came. Those of a node that was removed stay: without its last rule
  // that allows, a topic would be open to everybody.
  [[nodiscard]] const std::vector<TopicBody>& topics() const { return topics_; }
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
  Result<void> on(const Entry& entry, const TopicBody& body);
  Result<void> on(const Entry&, const UnknownBody&) { return {}; }
  [[nodiscard]] std::size_t signing_keys() const;
  [[nodiscard]] IdentityKey lineage_of(const IdentityKey& key) const;
  // The line a key belongs to that this entry lets in: a founder's entry begins a new one.
  [[nodiscard]] IdentityKey line_below(const Entry& entry, const IdentityKey& key) const;
  [[nodiscard]] bool removes_itself(const Entry& entry, const Body& body) const;
  // Whether there is room for it, for its kind and for its signer's share.
  [[nodiscard]] Result<void> check_room(const Entry& entry, std::uint64_t rank) const;
  // Who may sign is changed or put out only by itself, its senior, or most of the others.
  [[nodiscard]] Result<void> check_seniority(const Entry& entry, const IdentityKey& target) const;
  [[nodiscard]] Result<void> check_removal(const Entry& entry, const RemovalBody& body,
                                           const std::vector<NodeId>& named) const;
  [[nodiscard]] std::size_t admins_in(const std::vector<NodeId>& named) const;
  void put_out_now(const RemovalBody& body, const std::vector<NodeId>& named);
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
  std::vector<TopicBody> topics_;
  std::map<NodeId, std::uint64_t> quotas_;
  std::map<IdentityKey, std::uint64_t> signed_;  // entries on the chain, by lineage
};

}  // namespace weft::roster
