#include "overlay/broker/cache.hpp"

#include <algorithm>

#include "base/share.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

constexpr std::size_t kLeastBytes = 256u << 10;  // whatever the others hold
constexpr std::size_t kLeastBatches = 64;

std::tuple<NodeId, std::uint64_t, std::uint64_t> key_of(const Batch& batch) {
  return {batch.publisher, batch.epoch, batch.first};
}

}  // namespace

void Cache::add(const BatchPtr& batch) {
  const auto key = key_of(*batch);
  if (batches_.contains(key)) return;
  const NodeId& who = batch->publisher;
  for (;;) {
    const auto own = used_.contains(who) ? used_.at(who) : std::pair<std::size_t, std::size_t>{};
    const bool full = bytes_ + batch->raw.size() > max_bytes_ || batches_.size() >= max_batches_;
    if (!full) break;
    const bool greedy =
        own.first > share_of(max_bytes_, bytes_ - own.first, kLeastBytes) ||
        own.second > share_of(max_batches_, batches_.size() - own.second, kLeastBatches);
    if (own.second > 0 && greedy) {
      drop_oldest_of(who);
      continue;
    }
    while (!order_.empty() && !batches_.contains(order_.front())) order_.pop_front();
    if (order_.empty()) return;
    drop(batches_.find(order_.front()));
    order_.pop_front();
  }
  batches_.emplace(key, batch);
  order_.push_back(key);
  if (order_.size() > 2 * batches_.size() + 64)
    std::erase_if(order_, [&](const Key& old) { return !batches_.contains(old); });
  auto& used = used_[who];
  used.first += batch->raw.size();
  ++used.second;
  bytes_ += batch->raw.size();
}

void Cache::drop(std::map<Key, BatchPtr>::iterator at) {
  const auto size = at->second->raw.size();
  const auto used = used_.find(at->second->publisher);
  used->second.first -= size;
  if (--used->second.second == 0) used_.erase(used);
  bytes_ -= size;
  batches_.erase(at);
}

void Cache::drop_oldest_of(const NodeId& publisher) {
  drop(batches_.lower_bound({publisher, 0, 0}));
}

bool Cache::contains(const Batch& batch) const { return batches_.contains(key_of(batch)); }

std::vector<BatchPtr> Cache::range(const NodeId& publisher, std::uint64_t epoch, std::uint64_t from,
                                   std::uint64_t to, std::size_t limit) const {
  std::vector<BatchPtr> out;
  auto at = batches_.upper_bound({publisher, epoch, from});
  if (at != batches_.begin()) {
    const auto before = std::prev(at);
    const Batch& batch = *before->second;
    if (batch.publisher == publisher && batch.epoch == epoch && batch.last() >= from) at = before;
  }
  std::size_t bytes = 0;
  for (; at != batches_.end(); ++at) {
    const Batch& batch = *at->second;
    if (batch.publisher != publisher || batch.epoch != epoch || batch.first > to) break;
    bytes += batch.raw.size();
    if (!out.empty() && bytes > limit) break;
    out.push_back(at->second);
  }
  return out;
}

std::uint64_t Cache::whole_to(const NodeId& publisher, std::uint64_t epoch,
                              std::uint64_t from) const {
  std::uint64_t next = from;
  for (const auto& batch : range(publisher, epoch, from, kMaxNumber, max_bytes_)) {
    if (batch->first > next) break;
    next = batch->last() + 1;
  }
  return next - 1;
}

std::vector<Placed> Cache::last(const std::vector<std::string>& patterns, std::size_t count) const {
  std::vector<Placed> out;
  for (auto at = order_.rbegin(); at != order_.rend() && out.size() < count; ++at) {
    const auto found = batches_.find(*at);
    if (found == batches_.end()) continue;
    const auto& batch = found->second;
    for (auto i = batch->messages.size(); i-- > 0 && out.size() < count;)
      if (std::ranges::any_of(patterns, [&](const auto& pattern) {
            return matches(pattern, batch->messages[i].topic);
          }))
        out.push_back({batch, i});
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace weft::broker
