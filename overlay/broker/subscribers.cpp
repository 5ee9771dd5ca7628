#include "overlay/broker/subscribers.hpp"

#include <algorithm>
#include <utility>

#include "overlay/broker/topic.hpp"

namespace weft::broker {

Result<SubscriberId> Subscribers::add(const Wanted& wanted) {
  if (all_.size() >= kMaxSubscribers) return fail(Errc::Limit, "too many subscribers");
  const SubscriberId id = ++last_;
  all_.emplace(id, Subscriber{wanted, {}, 0, 0, false});
  for (const auto& pattern : wanted.patterns)
    (has_wildcard(pattern) ? wild_ : exact_)[pattern].insert(id);
  return id;
}

void Subscribers::remove(SubscriberId id) {
  const auto at = all_.find(id);
  if (at == all_.end()) return;
  for (const auto& pattern : at->second.wanted.patterns) {
    auto& index = has_wildcard(pattern) ? wild_ : exact_;
    const auto place = index.find(pattern);
    if (place == index.end()) continue;
    place->second.erase(id);
    if (place->second.empty()) index.erase(place);
  }
  all_.erase(at);
}

const Wanted* Subscribers::find(SubscriberId id) const {
  const auto at = all_.find(id);
  return at == all_.end() ? nullptr : &at->second.wanted;
}

// Each once, in the order of their ids.
std::vector<SubscriberId> Subscribers::wanting(const std::string& topic) const {
  std::vector<SubscriberId> out;
  if (const auto at = exact_.find(topic); at != exact_.end())
    out.assign(at->second.begin(), at->second.end());
  const auto exact = out.size();
  for (const auto& [pattern, ids] : wild_)
    if (matches(pattern, topic)) out.insert(out.end(), ids.begin(), ids.end());
  if (out.size() == exact) return out;
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

void Subscribers::put(const Placed& placed, const Ours& ours) {
  std::map<std::string, std::vector<SubscriberId>> groups;
  for (const auto id : wanting(placed.message().topic)) {
    auto& subscriber = all_.at(id);
    if (subscriber.wanted.group.empty())
      push(id, subscriber, {placed, 0, false});
    else
      groups[subscriber.wanted.group].push_back(id);
  }
  for (const auto& [group, ids] : groups) {
    if (!ours(group)) continue;
    const auto id = ids[placed.sequence() % ids.size()];
    push(id, all_.at(id), {placed, 0, false});
  }
}

void Subscribers::put_to(SubscriberId id, const Placed& placed, bool retained) {
  const auto at = all_.find(id);
  if (at != all_.end()) push(id, at->second, {placed, 0, retained});
}

void Subscribers::show(const Placed& placed) {
  for (const auto id : wanting(placed.message().topic))
    if (const auto& wanted = all_.at(id).wanted; wanted.retained && wanted.group.empty())
      put_to(id, placed, true);
}

void Subscribers::missed(std::uint64_t count) {
  for (auto& [id, subscriber] : all_) subscriber.missed += count;
}

void Subscribers::push(SubscriberId id, Subscriber& subscriber, Delivered delivered) {
  auto& queue = subscriber.queue;
  const auto size = delivered.placed.message().size();
  while (!queue.empty() && (queue.size() >= subscriber.wanted.max_queued ||
                            subscriber.bytes + size > kMaxQueuedBytes)) {
    pop(subscriber);
    ++subscriber.missed;
    ++dropped_;
  }
  delivered.missed = 0;
  subscriber.bytes += size;
  queue.push_back(std::move(delivered));
  if (!std::exchange(subscriber.told, true)) waiting_.push_back(id);
}

void Subscribers::pop(Subscriber& subscriber) {
  const auto& front = subscriber.queue.front();
  subscriber.bytes -= front.placed.message().size();
  subscriber.queue.pop_front();
}

std::optional<Delivered> Subscribers::next(SubscriberId id) {
  const auto at = all_.find(id);
  if (at == all_.end()) return std::nullopt;
  auto& subscriber = at->second;
  if (subscriber.queue.empty()) {
    subscriber.told = false;
    return std::nullopt;
  }
  Delivered out = subscriber.queue.front();
  pop(subscriber);
  out.missed = std::exchange(subscriber.missed, 0);
  return out;
}

std::optional<SubscriberId> Subscribers::poll_waiting() {
  if (waiting_.empty()) return std::nullopt;
  const auto id = waiting_.front();
  waiting_.pop_front();
  return id;
}

std::set<std::pair<std::string, std::string>> Subscribers::groups() const {
  std::set<std::pair<std::string, std::string>> out;
  for (const auto& [id, subscriber] : all_)
    if (!subscriber.wanted.group.empty())
      for (const auto& pattern : subscriber.wanted.patterns)
        out.emplace(subscriber.wanted.group, pattern);
  return out;
}

std::map<std::string, std::size_t> Subscribers::patterns() const {
  std::map<std::string, std::size_t> out;
  for (const auto* index : {&exact_, &wild_})
    for (const auto& [pattern, ids] : *index) out[pattern] += ids.size();
  return out;
}

}  // namespace weft::broker
