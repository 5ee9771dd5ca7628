// Who is in the network: tickets, removals, entries that admins sign, and whether all know it.
#include <algorithm>

#include "simulations/whole/workload.hpp"

namespace weft::sim {

namespace {
constexpr Duration kAskAgain = 10s;
constexpr Duration kTicketLife = 15min;
constexpr Duration kExposeAfter = 5s;
constexpr Duration kJudged = 1s;  // from a removal on the disk to the end of what it ends
}  // namespace

// The ticket goes from the admin to the joiner outside of the network, as people do it.
void WholeWorkload::ask_ticket(Instant now, std::uint32_t node) {
  Whole& whole = *nodes_[node];
  if (!whole.asked) whole.asked = now;
  const auto admin = static_cast<std::uint32_t>(
      node < options_.admins ? 0 : hash_of(seed_, node, 3) % options_.admins);
  if (!online(admin) || !nodes_[admin]->joined) return run_.post(now + kAskAgain, kInvite, node);
  std::vector<std::string> may{"expose"};
  if (node < options_.admins) may.emplace_back("admin");
  const auto id =
      node_at(admin).overlay().invite(now, name_of_node(node), std::move(may), {}, kTicketLife);
  remember(admin, id, {Pending::What::Invite, node, now}, Table::Ticket);
  run_.simulator().drain(admin);
}

void WholeWorkload::answered(Instant now, std::uint32_t node, const CommandAnswered& fact) {
  auto& commands = nodes_[node]->commands;
  const auto at = commands.find(fact.id);
  if (at == commands.end()) return;
  const Pending pending = at->second;
  commands.erase(at);
  using What = Pending::What;
  if (pending.what == What::Publish) {
    if (const auto since = talk_.answered(now, pending.about, fact.result.has_value()))
      note(now, Operation::Publish, *since, fact.result.has_value());
    return;
  }
  const auto about = static_cast<std::uint32_t>(pending.about);
  if (fact.result)
    laws_.check(Law::AcknowledgedIsStored, now, fact.stored, [&] {
      return "a command of " + name_of_node(node) + " was acknowledged before its rows were stored";
    });
  switch (pending.what) {
    case What::Invite: {
      if (!online(about) || nodes_[about]->joined) return;
      if (!fact.result) return run_.post(now + kAskAgain, kInvite, about);
      const auto& ticket = std::get<overlay::InviteOutcome>(*fact.result).ticket;
      const auto id = node_at(about).overlay().join(now, ticket);
      remember(about, id, {What::Join, about, *nodes_[about]->asked}, Table::Network);
      return run_.simulator().drain(about);
    }
    case What::Join:
      if (fact.result) return joined(now, node, pending, fact.stored);
      return run_.post(now + kAskAgain, kInvite, node);
    case What::Expose:
      if (!fact.result) return run_.post(now + kAskAgain, kExpose, node);
      nodes_[node]->exposed = true;
      return run_.post(now, kAllow, node);
    case What::Allow:
      if (fact.result) return servers_.push_back(node);
      return run_.post(now + kAskAgain, kAllow, node);  // it does not know all of them yet
    case What::Remove:
      if (fact.result) {
        nodes_[about]->removed = now;
        talk_.stopped(about);
        presence_.removed(about);
      }
      disturbed_ = now;
      return;
    case What::Sign:
      if (fact.result) ++signed_;
      return;
    case What::Publish:
      return;  // above
  }
}

void WholeWorkload::joined(Instant now, std::uint32_t node, const Pending& pending, bool stored) {
  Whole& whole = *nodes_[node];
  whole.joined = true;
  ++joins_;
  population_.at(node).ready = true;
  note(now, Operation::Join, pending.since, true);
  laws_.check(Law::AcknowledgedIsStored, now, stored && whole.disk.roster_of(network_) != 0, [&] {
    return name_of_node(node) + " joined and its disk does not know the network";
  });
  if (exposes(node)) run_.post(now + kExposeAfter, kExpose, node);
  run_.post(now + 1s, kSubscribe, node);
}

void WholeWorkload::on(Instant now, std::uint32_t, const RosterMoved&) { disturbed_ = now; }

// After kill -9 a node is what it had acknowledged to be.
void WholeWorkload::check_restart(Instant now, std::uint32_t node) {
  auto& overlay = node_at(node).overlay();
  const Whole& whole = *nodes_[node];
  laws_.check(Law::AcknowledgedIsStored, now,
              overlay.network() == network_ || whole.removed.has_value(),
              [&] { return name_of_node(node) + " was a member and is none after its restart"; });
  laws_.check(Law::AcknowledgedIsStored, now,
              !whole.exposed || whole.removed || !overlay.exposures().empty(), [&] {
                return name_of_node(node) + " exposed a service and exposes none after its restart";
              });
}

// A node without a session hears of nothing: it is not asked.
void WholeWorkload::check_heads(Instant now) {
  if (parted_ || now - disturbed_ < options_.settle) return;
  std::map<std::uint64_t, std::uint32_t> heads;
  for (const auto node : population_.online()) {
    if (!nodes_[node]->joined || nodes_[node]->removed) continue;
    const auto peers = node_at(node).overlay().peers();
    if (node != 0 && std::ranges::none_of(peers, [](const auto& p) { return p.state == "up"; }))
      continue;
    heads.try_emplace(nodes_[node]->disk.roster_of(network_), node);
  }
  laws_.check(Law::OneHead, now, heads.size() <= 1, [&] {
    std::string text = std::to_string(heads.size()) + " rosters:";
    for (const auto& [head, node] : heads) text += " that of " + name_of_node(node);
    return text;
  });
}

void WholeWorkload::remove_some(Instant now, std::uint32_t percent) {
  std::vector<std::uint32_t> members;
  for (const auto node : population_.online())
    if (!population_.is_seed(node) && nodes_[node]->joined && !nodes_[node]->removed)
      members.push_back(node);
  std::ranges::sort(members, {}, [&](std::uint32_t node) { return hash_of(seed_, node, 4); });
  members.resize(
      std::min(members.size(), std::max<std::size_t>(1, (members.size() * percent + 50) / 100)));
  for (const auto node : members) {
    if (options_.sabotage == Sabotage::ServesRemoved) {
      nodes_[node]->removed = now;
      continue;
    }
    const auto id = node_at(0).overlay().remove_node(now, name_of_node(node));
    remember(0, id, {Pending::What::Remove, node, now}, Table::Roster);
  }
  run_.simulator().drain(0);
}

// Every admin that is there signs so many entries: somebody comes into a group of its own.
void WholeWorkload::sign_some(Instant now, std::uint32_t entries) {
  for (std::uint32_t admin = 0; admin < options_.admins; ++admin) {
    if (!online(admin) || !nodes_[admin]->joined) continue;
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::string group = "g" + std::to_string(admin) + "-" + std::to_string(signed_ + i) +
                                "-" + std::to_string(now.time_since_epoch() / 1s);
      const auto id = node_at(admin).overlay().group_change(now, group, name_of_node(admin), true);
      remember(admin, id, {Pending::What::Sign, admin, now}, Table::Roster);
    }
    run_.simulator().drain(admin);
  }
  disturbed_ = now;
}

void WholeWorkload::on(Instant now, std::uint32_t node, const CallerServed& fact) {
  const auto caller = by_id_.find(fact.caller);
  const std::string who = caller == by_id_.end() ? "a stranger" : name_of_node(caller->second);
  laws_.check(Law::RemovedIsNotServed, now, !fact.removed_for || *fact.removed_for < kJudged, [&] {
    return name_of_node(node) + " knows the removal of " + who + " and serves it";
  });
  if (caller == by_id_.end()) return;
  const auto& gone = nodes_[caller->second]->removed;
  const bool all_know = gone && !parted_ && now - std::max(*gone, disturbed_) > options_.settle;
  laws_.check(Law::RemovedIsNotServed, now, !all_know, [&] {
    return name_of_node(node) + " serves " + who + ", which was removed long ago";
  });
  laws_.check(Law::DefaultDeny, now, nodes_[node]->readers.contains(caller->second),
              [&] { return name_of_node(node) + " serves " + who + ", whom nobody let in"; });
}

}  // namespace weft::sim
