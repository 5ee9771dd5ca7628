#include "overlay/discovery/address_book.hpp"

#include <algorithm>

namespace weft::discovery {

AddressBook::Member& AddressBook::member(Instant now, const NodeId& node) {
  if (members_.size() >= kMostMembers && !members_.contains(node))
    members_.erase(std::ranges::min_element(members_, {},
                                            [](const auto& entry) { return entry.second.heard; }));
  Member& member = members_[node];
  member.heard = now;
  return member;
}

bool AddressBook::learn(Instant now, const NodeId& node, const Address& address, Source source,
                        bool surely) {
  auto& entries = member(now, node).entries;
  const auto known = std::ranges::find(entries, address, &Entry::address);
  const bool news = known == entries.end();
  Entry entry{address, source, now, std::nullopt};
  if (!news) {
    known->heard = now;
    if (!surely) return false;
    entry.worked = known->worked;
    entries.erase(known);
  }
  if (surely) {
    entries.insert(entries.begin(), std::move(entry));
    if (entries.size() > kMostOfMember) entries.pop_back();
  } else if (entries.size() < kMostOfMember) {
    entries.push_back(std::move(entry));
  } else {
    entries.back() = std::move(entry);
  }
  return news;
}

void AddressBook::worked(Instant now, const NodeId& node, const Endpoint& endpoint) {
  if (endpoint.port == 0 || endpoint.is_unspecified()) return;
  learn(now, node, UdpAddress{endpoint}, Source::Session, true);
  members_[node].entries.front().worked = now;
}

const std::vector<AddressBook::Entry>& AddressBook::of(const NodeId& node) const {
  static const std::vector<Entry> kNone;
  const auto found = members_.find(node);
  return found == members_.end() ? kNone : found->second.entries;
}

std::vector<Endpoint> AddressBook::endpoints(const NodeId& node) const {
  std::vector<Endpoint> out;
  for (const Entry& entry : of(node))
    if (const auto* udp = std::get_if<UdpAddress>(&entry.address)) out.push_back(udp->endpoint);
  return out;
}

std::optional<AddressBook::Best> AddressBook::best(Instant now, const NodeId& node) const {
  for (const Entry& entry : of(node))
    if (const auto* udp = std::get_if<UdpAddress>(&entry.address))
      return Best{udp->endpoint, entry.worked && now - *entry.worked < kWorksFor};
  return std::nullopt;
}

}  // namespace weft::discovery
