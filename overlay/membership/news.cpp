#include "overlay/membership/news.hpp"

#include <algorithm>
#include <iterator>

namespace weft::membership {

void News::add(const Claim& claim) {
  // Whoever has spoken is not accused of what it was before.
  for (auto at = words_.lower_bound({claim.node, {}});
       at != words_.end() && at->first.first == claim.node;) {
    const auto next = std::next(at);
    if (at->first.second.is_zero() || at->second.incarnation < claim.incarnation) erase(at);
    at = next;
  }
  put({claim.node, {}}, claim.incarnation, claim.raw);
}

void News::add(const Accusation& accusation) {
  const auto claim = words_.find({accusation.subject, {}});
  if (claim != words_.end() && claim->second.incarnation > accusation.incarnation) return;
  put({accusation.subject, accusation.accuser}, accusation.incarnation, accusation.raw);
}

void News::forget(const NodeId& subject) {
  for (auto at = words_.lower_bound({subject, {}});
       at != words_.end() && at->first.first == subject;) {
    const auto next = std::next(at);
    erase(at);
    at = next;
  }
}

void News::put(const Key& key, Incarnation incarnation, const Bytes& raw) {
  if (const auto at = words_.find(key); at != words_.end()) erase(at);
  if (words_.size() >= kMaxNews) erase(words_.find(std::get<Key>(*places_.rbegin())));
  const Told told{raw, incarnation, 0, ++order_};
  places_.insert(place(key, told));
  words_.emplace(key, told);
}

void News::erase(std::map<Key, Told>::iterator at) {
  places_.erase(place(at->first, at->second));
  words_.erase(at);
}

void News::fill(std::vector<Bytes>& words, std::size_t room, std::size_t limit) {
  std::vector<Key> picked;
  for (const auto& [times, order, key] : places_) {
    if (room < kMaxAccusation / 2) break;
    const Told& told = words_.at(key);
    const std::size_t size = told.raw.size() + Packet::kWordOverhead;
    if (size > room) continue;
    room -= size;
    picked.push_back(key);
  }
  for (const auto& key : picked) {
    const auto at = words_.find(key);
    if (std::ranges::find(words, at->second.raw) == words.end()) words.push_back(at->second.raw);
    Told told = at->second;
    erase(at);
    if (++told.times >= limit) continue;
    places_.insert(place(key, told));
    words_.emplace(key, std::move(told));
  }
}

}  // namespace weft::membership
