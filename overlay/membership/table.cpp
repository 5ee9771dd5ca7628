#include "overlay/membership/table.hpp"

#include <algorithm>

namespace weft::membership {

bool Member::accused_by(const NodeId& accuser) const {
  return std::ranges::any_of(accusers, [&](const Accusation& a) { return a.accuser == accuser; });
}

Table::Change Table::set_members(const std::vector<Roster>& members, const NodeId& self) {
  Change change;
  for (const auto& [id, member] : members_)
    if (!std::ranges::binary_search(members, id, {}, &Roster::id)) change.removed.push_back(id);
  for (const auto& id : change.removed) {
    const auto at = members_.find(id);
    present_ -= at->second.present() ? 1 : 0;
    members_.erase(at);
  }
  for (const auto& one : members) {
    if (one.id == self || members_.contains(one.id)) continue;
    Member member;
    member.id = one.id;
    member.identity = one.identity;
    members_.emplace(one.id, std::move(member));
    change.added.push_back(one.id);
  }
  if (change.removed.empty()) return change;
  // Who is no member has no say any more.
  for (auto& [id, member] : members_)
    std::erase_if(member.accusers, [&](const Accusation& accusation) {
      return std::ranges::binary_search(change.removed, accusation.accuser);
    });
  return change;
}

Member* Table::find(const NodeId& node) {
  const auto at = members_.find(node);
  return at == members_.end() ? nullptr : &at->second;
}
const Member* Table::find(const NodeId& node) const {
  const auto at = members_.find(node);
  return at == members_.end() ? nullptr : &at->second;
}

Member* Table::find_short(std::uint64_t id) {
  NodeId first;
  for (std::size_t i = 0; i < 8; ++i)
    first.bytes[i] = static_cast<std::uint8_t>(id >> (56 - 8 * i));
  const auto at = members_.lower_bound(first);
  return at == members_.end() || short_id(at->first) != id ? nullptr : &at->second;
}

void Table::set_state(Instant now, Member& member, State state) {
  if (member.state == state) return;
  if (state == State::Alive &&
      (member.state == State::Suspect ||
       (member.state == State::Dead && member.since && now - *member.since < kSoonBack))) {
    if (member.unsteady_at && now - *member.unsteady_at > kSteadyAfter) member.unsteady = 0;
    member.unsteady = std::min(member.unsteady + 1, kMaxUnsteady);
    member.unsteady_at = now;
  }
  present_ -= member.present() ? 1 : 0;
  member.state = state;
  present_ += member.present() ? 1 : 0;
  member.since = now;
  if (state == State::Suspect) return;
  member.failed_us = false;
  member.checking = false;
  member.check_at.reset();
}

void Table::take(Member& member, const Claim& claim) {
  if (claim.incarnation > member.incarnation) {
    member.accusers.clear();
    member.failed_us = false;
  }
  member.incarnation = claim.incarnation;
  member.kind = claim.kind;
  member.flags = claim.flags;
  member.claim = claim.raw;
  member.digest = digest_of(member.id, claim.incarnation, claim.kind);
}

crypto::Hash Table::digest_of(const NodeId& node, Incarnation incarnation, ClaimKind kind) {
  Bytes number;
  append_be(number, incarnation);
  number.push_back(static_cast<std::uint8_t>(kind));
  return crypto::sha256({node.view(), number});
}

// A sum by exclusive or needs no order and costs no sorting; whoever made two sets of equal sums
// would keep two members from telling each other what both hear by gossip anyway.
Table::Sum Table::sum(const Range& range) const {
  Sum out;
  each(range, [&](const Member& member) {
    for (std::size_t i = 0; i < out.digest.size(); ++i) out.digest[i] ^= member.digest[i];
    ++out.count;
  });
  return out;
}

void Table::each(const Range& range, const std::function<void(const Member&)>& look) const {
  if (own_.incarnation > 0 && range.contains(own_.id)) look(own_);
  for (auto at = members_.lower_bound(range.first());
       at != members_.end() && range.contains(at->first); ++at)
    if (at->second.incarnation > 0) look(at->second);
}

}  // namespace weft::membership
