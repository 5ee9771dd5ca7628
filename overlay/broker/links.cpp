#include "overlay/broker/links.hpp"

#include <utility>

namespace weft::broker {

void Links::add(LinkId id, const NodeId& peer) {
  if (links_.try_emplace(id, Link{peer, {}, 0, false, false, {}, {}, {}}).second)
    ring_.insert(peer);
}

void Links::remove(LinkId id) {
  const auto at = links_.find(id);
  if (at == links_.end()) return;
  ring_.erase(ring_.find(at->second.peer));
  links_.erase(at);
  std::erase_if(parents_, [&](const auto& entry) { return entry.second == id; });
}

const NodeId* Links::peer(LinkId id) const {
  const auto at = links_.find(id);
  return at == links_.end() ? nullptr : &at->second.peer;
}

std::vector<LinkId> Links::all() const {
  std::vector<LinkId> out;
  for (const auto& [id, link] : links_) out.push_back(id);
  return out;
}

bool Links::reaches(const NodeId& node) const { return ring_.contains(node); }

// ---- writing ------------------------------------------------------------------------------------

void Links::send(LinkId id, FramePtr frame) {
  const auto at = links_.find(id);
  if (at == links_.end()) return;
  Link& link = at->second;
  if (link.bytes + frame->size() > 2 * kMaxWaiting) {
    ++counts_.frames_lost;
    link.behind = true;
    return;
  }
  link.bytes += frame->size();
  link.waiting.push_back(std::move(frame));
  if (!std::exchange(link.told, true)) busy_.push_back(id);
}

bool Links::push(LinkId id, const Batch& batch, FramePtr frame) {
  const auto at = links_.find(id);
  if (at == links_.end()) return false;
  Link& link = at->second;
  if (link.bytes + frame->size() > kMaxWaiting) {
    if (!std::exchange(link.behind, true)) ++counts_.slowed;
    return false;
  }
  knows(id, batch.publisher, batch.epoch, batch.last());
  send(id, std::move(frame));
  return true;
}

FramePtr Links::front(LinkId id) const {
  const auto at = links_.find(id);
  return at == links_.end() || at->second.waiting.empty() ? nullptr : at->second.waiting.front();
}

void Links::taken(LinkId id) {
  const auto at = links_.find(id);
  if (at == links_.end() || at->second.waiting.empty()) return;
  Link& link = at->second;
  link.bytes -= link.waiting.front()->size();
  link.waiting.pop_front();
  if (link.waiting.empty()) link.told = false;
  if (link.behind && link.bytes < kPlentyWaits) {
    link.behind = false;
    caught_up_.push_back(id);
  }
}

std::optional<LinkId> Links::poll_busy() {
  if (busy_.empty()) return std::nullopt;
  const auto id = busy_.front();
  busy_.pop_front();
  return id;
}

std::optional<LinkId> Links::poll_caught_up() {
  if (caught_up_.empty()) return std::nullopt;
  const auto id = caught_up_.front();
  caught_up_.pop_front();
  return id;
}

std::size_t Links::waiting_bytes() const {
  std::size_t all = 0;
  for (const auto& [id, link] : links_) all += link.bytes;
  return all;
}

// ---- the trees ----------------------------------------------------------------------------------

std::vector<LinkId> Links::eager(const Batch& batch, LinkId from) const {
  std::vector<LinkId> out;
  for (const auto& [id, link] : links_) {
    if (id == from || link.peer == batch.publisher || link.behind) continue;
    if (link.lazy.contains(batch.publisher)) continue;
    const auto known = link.known.find(batch.publisher);
    if (known != link.known.end() && known->second >= std::pair{batch.epoch, batch.last()})
      continue;
    out.push_back(id);
  }
  return out;
}

bool Links::is_ring_neighbour(const NodeId& peer) const {
  if (ring_.size() <= 2) return true;
  auto after = ring_.upper_bound(self_);
  const NodeId& next = after == ring_.end() ? *ring_.begin() : *after;
  const NodeId& previous = after == ring_.begin() ? *ring_.rbegin() : *std::prev(after);
  return peer == next || peer == previous;
}

bool Links::duplicate(Instant now, const NodeId& publisher, LinkId from) {
  const auto at = links_.find(from);
  if (at == links_.end() || at->second.peer == publisher) return false;
  Link& link = at->second;
  if (++link.duplicates[publisher] < kMaxDuplicates) return false;
  if (is_ring_neighbour(link.peer) || parent(publisher) == from || !prunes_.take(now)) return false;
  link.duplicates.erase(publisher);
  link.lazy.insert(publisher);
  ++counts_.pruned;
  return true;
}

void Links::first_copy(const NodeId& publisher, LinkId from) {
  const auto at = links_.find(from);
  if (at == links_.end()) return;
  at->second.duplicates.erase(publisher);
  parents_[publisher] = from;
}

void Links::prune(const NodeId& publisher, LinkId link) {
  if (const auto at = links_.find(link); at != links_.end()) at->second.lazy.insert(publisher);
}

void Links::graft(const NodeId& publisher, LinkId link) {
  const auto at = links_.find(link);
  if (at == links_.end()) return;
  at->second.duplicates.erase(publisher);
  if (at->second.lazy.erase(publisher) > 0) ++counts_.grafted;
}

void Links::knows(LinkId link, const NodeId& publisher, std::uint64_t epoch, std::uint64_t high) {
  const auto at = links_.find(link);
  if (at == links_.end()) return;
  auto& known = at->second.known[publisher];
  known = std::max(known, {epoch, high});
}

LinkId Links::parent(const NodeId& publisher) const {
  const auto at = parents_.find(publisher);
  return at == parents_.end() ? 0 : at->second;
}

void Links::news(Instant now, const NodeId& publisher) {
  bool any = false;
  for (const auto& [id, link] : links_)
    any = any || (link.lazy.contains(publisher) && link.peer != publisher);
  if (!any) return;
  news_.insert(publisher);
  if (!news_at_) news_at_ = now + kNewsPause;
}

std::vector<Links::Tell> Links::take_news(Instant now) {
  std::vector<Tell> out;
  if (!news_at_ || now < *news_at_) return out;
  news_at_.reset();
  const auto news = std::exchange(news_, {});
  for (const auto& [id, link] : links_) {
    Tell tell{id, {}};
    for (const auto& publisher : news)
      if (link.lazy.contains(publisher) && link.peer != publisher)
        tell.publishers.insert(publisher);
    if (!tell.publishers.empty()) out.push_back(std::move(tell));
  }
  return out;
}

std::size_t Links::lazy_count() const {
  std::size_t all = 0;
  for (const auto& [id, link] : links_) all += link.lazy.size();
  return all;
}

}  // namespace weft::broker
