#include "overlay/roster/state.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::roster {
namespace {

constexpr std::size_t kMaxGrants = 1024;

constexpr const char* kStaysOut = "that key was removed, and who was removed stays out";

bool is_admin(MayFlags may) { return (may & kMayAdmin) != 0; }

}  // namespace

Result<State> State::from_genesis(const Entry& genesis, const NetworkId& network) {
  WEFT_TRY(const auto body, genesis.parse_body());
  const auto* first = std::get_if<GenesisBody>(&body);
  if (first == nullptr) return fail(Errc::Malformed, "the first entry is not a genesis");
  if (genesis.seq != 0 || genesis.prev != crypto::Hash{} || !genesis.network.is_zero())
    return fail(Errc::Malformed, "a genesis has no predecessor and no network");
  if (genesis.signer != first->person_key)
    return fail(Errc::Denied, "a genesis is signed by its person");
  if (first->person_key == first->node_key)
    return fail(Errc::Malformed, "person and node share a key");
  State s;
  s.network_ = network;
  s.genesis_ = *first;
  const MayFlags all = kMayExpose | kMayRelay | kMayAdmin;
  s.persons_[first->person_key] = {first->person_key, first->person_name, all, 0, 0,
                                   first->person_key};
  const Member node{node_id_of(first->node_key),
                    first->node_key,
                    first->node_name,
                    first->person_key,
                    all,
                    genesis.time,
                    0,
                    0,
                    first->node_key};
  s.names_[node.name] = node.id;
  s.members_[node.id] = node;
  return s;
}

Result<void> State::apply(const Entry& entry) {
  if (entry.network != network_) return fail(Errc::WrongNetwork, "roster entry");
  WEFT_TRY(const auto body, entry.parse_body());
  const auto rank = rank_of(entry);
  if (rank == kNoRank && !removes_itself(entry, body))
    return fail(Errc::Denied, "the signer may not change the roster");
  WEFT_CHECK(check_room(entry, rank));
  const auto lineage = lineage_of(entry.signer);
  WEFT_CHECK(std::visit([&](const auto& b) { return on(entry, b); }, body));
  if (rank != kNoRank) ++signed_[lineage];
  return {};
}

std::optional<std::uint64_t> State::seniority(const IdentityKey& key) const {
  if (const auto person = persons_.find(key); person != persons_.end()) {
    if (!is_admin(person->second.may)) return std::nullopt;
    return person->second.rank * 2;
  }
  const auto* node = member(node_id_of(key));
  if (node == nullptr || !is_admin(node->may)) return std::nullopt;
  return node->rank * 2 + 1;
}

std::uint64_t State::rank_of(const Entry& entry) const {
  auto rank = seniority(entry.signer).value_or(kNoRank);
  for (const auto& other : entry.others)
    rank = std::max(rank, seniority(other.signer).value_or(kNoRank));
  return rank;
}

std::vector<NodeId> State::names_of(const Entry& entry) const {
  std::vector<NodeId> names;
  const auto name = [&](const IdentityKey& key) {
    names.push_back(node_id_of(key));
    if (const auto* node = member(names.back())) names.push_back(node_id_of(node->owner));
  };
  name(entry.signer);
  for (const auto& other : entry.others) name(other.signer);
  return names;
}

std::vector<NodeId> State::named_by(const RemovalBody& body) const {
  if (!body.person) return {NodeId{body.target}};
  std::vector<NodeId> named{node_id_of(body.target)};
  for (const auto& [id, node] : members_)
    if (node.owner == body.target) named.push_back(id);
  return named;
}

// A key that the removal knew as a node's may be a person's on this chain: it is out all the same,
// and its nodes with it.
void State::put_out(const RemovalBody& body, const std::vector<NodeId>& named) {
  auto all = named_by(body);
  all.insert(all.end(), named.begin(), named.end());
  std::vector<IdentityKey> persons;
  for (const auto& [key, person] : persons_)
    if (std::ranges::find(all, node_id_of(key)) != all.end()) persons.push_back(key);
  for (const auto& key : persons)
    for (const auto& id : named_by(RemovalBody{true, key})) all.push_back(id);
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  const auto admins = admins_in(all);
  if (admins > 0 && signing_keys() <= admins) return;
  put_out_now(body, all);
  for (const auto& key : persons) persons_.erase(key);
}

void State::put_out_now(const RemovalBody& body, const std::vector<NodeId>& named) {
  for (const auto& id : named) {
    if (members_.contains(id)) drop_member(id);
    removed_.insert(id);
  }
  if (body.person) persons_.erase(body.target);
}

IdentityKey State::lineage_of(const IdentityKey& key) const {
  if (const auto person = persons_.find(key); person != persons_.end())
    return person->second.lineage;
  const auto* node = member(node_id_of(key));
  return node == nullptr ? key : node->lineage;
}

std::uint64_t State::signed_by(const IdentityKey& lineage) const {
  const auto found = signed_.find(lineage);
  return found == signed_.end() ? 0 : found->second;
}

IdentityKey State::line_below(const Entry& entry, const IdentityKey& key) const {
  return rank_of(entry) <= 1 ? key : lineage_of(entry.signer);
}

bool State::removes_itself(const Entry& entry, const Body& body) const {
  const auto* removal = std::get_if<RemovalBody>(&body);
  if (removal == nullptr || !entry.others.empty()) return false;
  return removal->person ? removal->target == entry.signer
                         : NodeId{removal->target} == node_id_of(entry.signer);
}

Result<void> State::check_room(const Entry& entry, std::uint64_t rank) const {
  const bool founder = rank <= 1;  // the genesis person, or its first node
  if (entry.is(Kind::Removal)) {
    const auto end = founder ? kMaxChainFounder : kMaxChainRemovals;
    if (entry.seq >= end) return fail(Errc::Limit, "the roster is full");
    return {};
  }
  if (entry.seq >= kMaxChain) return fail(Errc::Limit, "the roster is full, but for removals");
  if (!founder && 2 * (signed_by(lineage_of(entry.signer)) + 1) > kMaxChain - entry.seq)
    return fail(Errc::Limit, "this admin's share of the roster is used up; the founder may go on");
  return {};
}

Result<void> State::check_seniority(const Entry& entry, const IdentityKey& target) const {
  const auto theirs = seniority(target);
  if (!theirs || entry.signer == target || rank_of(entry) < *theirs) return {};
  return fail(Errc::Denied, "only itself, or an admin that was one before it, may change an admin");
}

Result<void> State::check_removal(const Entry& entry, const RemovalBody& body,
                                  const std::vector<NodeId>& named) const {
  const auto admins = admins_in(named);
  if (admins == 0) return {};
  if (signing_keys() <= admins)
    return fail(Errc::Conflict, "nobody could change the roster any more");
  if (removes_itself(entry, body)) return {};
  std::uint64_t first = kNoRank;
  for (const auto& id : named)
    if (const auto* node = member(id); node != nullptr && is_admin(node->may))
      first = std::min(first, node->rank * 2 + 1);
  if (body.person) first = std::min(first, seniority(body.target).value_or(kNoRank));
  if (rank_of(entry) < first) return {};
  const auto judge = [&](const IdentityKey& key) {
    return std::ranges::find(named, node_id_of(key)) == named.end();
  };
  const auto signers = 1 + entry.others.size();
  if (signers >= 2 && 2 * signers > signing_keys() - admins && judge(entry.signer) &&
      std::ranges::all_of(entry.others, judge, &CoSignature::signer))
    return {};
  return fail(Errc::Denied,
              "an admin is removed by itself, by one that was admin before it, or by more than "
              "half of the other admins together");
}

std::size_t State::admins_in(const std::vector<NodeId>& named) const {
  std::size_t count = 0;
  for (const auto& id : named)
    if (const auto* node = member(id); node != nullptr && is_admin(node->may)) ++count;
  for (const auto& [key, person] : persons_)
    if (is_admin(person.may) && std::ranges::find(named, node_id_of(key)) != named.end()) ++count;
  return count;
}

bool State::is_founder(const IdentityKey& key) const {
  if (key == genesis_.person_key) return persons_.contains(key);
  const auto* node = member(node_id_of(key));
  return node != nullptr && node->owner == genesis_.person_key;
}

const Member* State::member(const NodeId& node) const {
  const auto found = members_.find(node);
  return found == members_.end() ? nullptr : &found->second;
}

const Member* State::member_named(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : member(found->second);
}

bool State::in_group(const NodeId& node, const std::string& group) const {
  const auto found = groups_.find(group);
  return found != groups_.end() && found->second.contains(node);
}

Result<void> State::on(const Entry&, const GenesisBody&) {
  return fail(Errc::Conflict, "a second genesis");
}

Result<void> State::on(const Entry& entry, const PersonBody& b) {
  const auto known = persons_.find(b.key);
  if (known == persons_.end() && member(node_id_of(b.key)) != nullptr)
    return fail(Errc::Conflict, "that key is a node's");
  for (const auto& [key, person] : persons_)
    if (person.name == b.name && key != b.key)
      return fail(Errc::AlreadyExists, "name taken: " + b.name);
  if (removed_.contains(node_id_of(b.key))) return fail(Errc::Conflict, kStaysOut);
  Person next{b.key, b.name, b.may, entry.seq, entry.seq, line_below(entry, b.key)};
  if (known == persons_.end()) {
    if (is_admin(b.may) && signing_keys() >= kMaxSigningKeys)
      return fail(Errc::Limit, "signing keys");
    if (persons_.size() >= kMaxMembers) return fail(Errc::Limit, "persons");
    persons_.emplace(b.key, std::move(next));
    return {};
  }
  next.seq = known->second.seq;
  if (is_admin(known->second.may) || !is_admin(b.may)) {  // else it rises now, and is junior
    next.rank = known->second.rank;
    next.lineage = known->second.lineage;
  }
  if (known->second == next) return fail(Errc::AlreadyExists, "nothing would change");
  WEFT_CHECK(check_seniority(entry, b.key));
  WEFT_CHECK(check_admin_change(known->second.may, b.may));
  known->second = std::move(next);
  return {};
}

Result<void> State::on(const Entry& entry, const NodeBody& b) {
  if (!persons_.contains(b.owner)) return fail(Errc::NotFound, "the owner is not in the roster");
  if (persons_.contains(b.identity)) return fail(Errc::Conflict, "that key is a person's");
  const auto id = node_id_of(b.identity);
  const auto named = names_.find(b.name);
  if (named != names_.end() && named->second != id)
    return fail(Errc::AlreadyExists, "name taken: " + b.name);
  if (removed_.contains(id)) return fail(Errc::Conflict, kStaysOut);
  Member next{id,        b.identity, b.name,
              b.owner,   b.may,      entry.time,
              entry.seq, entry.seq,  line_below(entry, b.identity)};
  const auto known = members_.find(id);
  if (known == members_.end()) {
    if (members_.size() >= kMaxMembers) return fail(Errc::Limit, "members");
    if (is_admin(b.may) && signing_keys() >= kMaxSigningKeys)
      return fail(Errc::Limit, "signing keys");
  } else {
    next.since = known->second.since;
    next.seq = known->second.seq;
    if (is_admin(known->second.may) || !is_admin(b.may)) {  // else it rises now, and is junior
      next.rank = known->second.rank;
      next.lineage = known->second.lineage;
    }
    if (known->second == next) return fail(Errc::AlreadyExists, "nothing would change");
    WEFT_CHECK(check_seniority(entry, b.identity));
    WEFT_CHECK(check_admin_change(known->second.may, b.may));
    names_.erase(known->second.name);
  }
  names_[b.name] = id;
  members_[id] = std::move(next);
  return {};
}

Result<void> State::on(const Entry&, const GroupBody& b) {
  if (b.add) {
    if (member(b.node) == nullptr) return fail(Errc::NotFound, "no such node");
    if (!groups_[b.group].insert(b.node).second)
      return fail(Errc::AlreadyExists, "already in group " + b.group);
    return {};
  }
  const auto found = groups_.find(b.group);
  if (found == groups_.end() || found->second.erase(b.node) == 0)
    return fail(Errc::NotFound, "not in group " + b.group);
  if (found->second.empty()) groups_.erase(found);
  return {};
}

Result<void> State::on(const Entry&, const GrantBody& b) {
  if (member(b.node) == nullptr) return fail(Errc::NotFound, "no such node");
  for (auto& grant : grants_)
    if (grant.node == b.node && grant.service == b.service) {
      grant.until = b.until;
      return {};
    }
  if (grants_.size() >= kMaxGrants) return fail(Errc::Limit, "grants");
  grants_.push_back(b);
  return {};
}

Result<void> State::on(const Entry&, const QuotaBody& b) {
  if (member(b.node) == nullptr) return fail(Errc::NotFound, "no such node");
  quotas_[b.node] = b.relayed_bytes_per_day;
  return {};
}

Result<void> State::on(const Entry& entry, const KeyChangeBody& b) {
  const auto* old = member(b.node);
  if (old == nullptr) return fail(Errc::NotFound, "no such node");
  const auto id = node_id_of(b.new_identity);
  if (member(id) != nullptr || removed_.contains(id) || persons_.contains(b.new_identity))
    return fail(Errc::Conflict, "the new key is or was in use");
  WEFT_CHECK(check_seniority(entry, old->identity));
  if (!verify_key_change(b, network_)) return fail(Errc::BadSignature, "key change proof");
  Member next = *old;
  next.id = id;
  next.identity = b.new_identity;
  next.seq = next.rank = entry.seq;  // the new key is junior: it was added now
  for (auto& [name, nodes] : groups_)
    if (nodes.contains(b.node)) nodes.insert(id);
  for (auto& grant : grants_)
    if (grant.node == b.node) grant.node = id;
  for (auto& rule : topics_)
    if (rule.node == b.node) rule.node = id;
  if (const auto quota = quotas_.find(b.node); quota != quotas_.end()) quotas_[id] = quota->second;
  drop_member(b.node);
  names_[next.name] = id;
  members_[id] = std::move(next);
  return {};
}

Result<void> State::on(const Entry& entry, const RemovalBody& b) {
  if (!b.person && member(NodeId{b.target}) == nullptr) return fail(Errc::NotFound, "no such node");
  if (b.person && !persons_.contains(b.target)) return fail(Errc::NotFound, "no such person");
  const auto named = named_by(b);
  WEFT_CHECK(check_removal(entry, b, named));
  put_out_now(b, named);
  return {};
}

Result<void> State::on(const Entry& entry, const CheckpointBody&) {
  if (!is_founder(entry.signer))
    return fail(Errc::Denied, "only the founding person or their nodes set checkpoints");
  return {};
}

Result<void> State::on(const Entry&, const TopicBody& b) {
  const bool none = b.publish == Ruling::None && b.read == Ruling::None;
  const auto same = std::ranges::find_if(topics_, [&](const TopicBody& rule) {
    return rule.topic == b.topic && rule.node == b.node && rule.group == b.group;
  });
  if (same != topics_.end()) {
    if (none)
      topics_.erase(same);
    else
      *same = b;
    return {};
  }
  if (none) return fail(Errc::NotFound, "no such rule");
  if (b.node && member(*b.node) == nullptr) return fail(Errc::NotFound, "no such node");
  if (topics_.size() >= kMaxTopicRules) return fail(Errc::Limit, "rules about topics");
  topics_.push_back(b);
  return {};
}

std::size_t State::signing_keys() const {
  const auto admin = [](const auto& item) { return is_admin(item.second.may); };
  return static_cast<std::size_t>(std::ranges::count_if(persons_, admin)) +
         static_cast<std::size_t>(std::ranges::count_if(members_, admin));
}

Result<void> State::check_admin_change(MayFlags before, MayFlags after) const {
  if (is_admin(before) && !is_admin(after) && signing_keys() <= 1)
    return fail(Errc::Conflict, "nobody could change the roster any more");
  if (!is_admin(before) && is_admin(after) && signing_keys() >= kMaxSigningKeys)
    return fail(Errc::Limit, "signing keys");
  return {};
}

void State::drop_member(const NodeId& node) {
  const auto found = members_.find(node);
  WEFT_ASSERT(found != members_.end());
  names_.erase(found->second.name);
  members_.erase(found);
  removed_.insert(node);
  quotas_.erase(node);
  std::erase_if(grants_, [&](const GrantBody& grant) { return grant.node == node; });
  for (auto group = groups_.begin(); group != groups_.end();) {
    group->second.erase(node);
    group = group->second.empty() ? groups_.erase(group) : std::next(group);
  }
}

void State::check_invariants() const {
  WEFT_ASSERT(members_.size() == names_.size());
  WEFT_ASSERT(members_.size() <= kMaxMembers);
  WEFT_ASSERT(topics_.size() <= kMaxTopicRules);
  WEFT_ASSERT(signing_keys() > 0 && signing_keys() <= kMaxSigningKeys);
  for (const auto& [id, node] : members_) {
    WEFT_ASSERT(node.id == id && node_id_of(node.identity) == id);
    WEFT_ASSERT(names_.at(node.name) == id);
    WEFT_ASSERT(persons_.contains(node.owner));
    WEFT_ASSERT(!removed_.contains(id));
  }
  for (const auto& [key, person] : persons_) WEFT_ASSERT(!removed_.contains(node_id_of(key)));
  for (const auto& [name, nodes] : groups_) {
    WEFT_ASSERT(!nodes.empty());
    for (const auto& id : nodes) WEFT_ASSERT(members_.contains(id));
  }
}

}  // namespace weft::roster
