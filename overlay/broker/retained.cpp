#include "overlay/broker/retained.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/share.hpp"
#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

constexpr std::size_t kLeastTopics = 16;  // whatever the others hold
constexpr std::size_t kLeastBytes = 128u << 10;

const std::string& topic_of(const Batch& batch) { return batch.messages.front().topic; }

std::uint64_t mark_of(const Batch& batch) {
  Bytes what;
  append_be(what, topic_hash(topic_of(batch)));
  append_be(what, batch.stamp);
  append(what, batch.publisher.view());
  return read_be<std::uint64_t>(crypto::siphash24({}, what));
}

bool newer(const Batch& a, const Batch& b) {
  return std::tie(a.stamp, a.publisher) > std::tie(b.stamp, b.publisher);
}

}  // namespace

std::uint64_t topic_hash(std::string_view topic) {
  return read_be<std::uint64_t>(crypto::sha256(bytes_of(topic)));
}

Retained::Take Retained::look(const Batch& batch) const {
  const auto at = by_topic_.find(topic_of(batch));
  if (at != by_topic_.end() && !newer(batch, *at->second)) return Take::Older;
  const auto mine = used_.find(batch.publisher);
  auto [topics, bytes] = mine == used_.end() ? std::pair<std::size_t, std::size_t>{} : mine->second;
  std::size_t all = by_topic_.size();
  std::size_t all_bytes = bytes_;
  if (at != by_topic_.end()) {
    all -= 1;
    all_bytes -= at->second->raw.size();
    if (at->second->publisher == batch.publisher) {
      topics -= 1;
      bytes -= at->second->raw.size();
    }
  }
  const bool fits = may_take(kMaxRetained, all, topics, 1, kLeastTopics) &&
                    may_take(kMaxRetainedBytes, all_bytes, bytes, batch.raw.size(), kLeastBytes);
  return fits ? Take::Newer : Take::Full;
}

Retained::Take Retained::put(const BatchPtr& batch) {
  const auto take = look(*batch);
  if (take != Take::Newer) return take;
  auto& place = by_topic_[topic_of(*batch)];
  if (place) count(*place, false);
  place = batch;
  count(*batch, true);
  return take;
}

void Retained::drop(const std::function<bool(const Batch&)>& which) {
  std::vector<BatchPtr> out;
  for (const auto& [topic, batch] : by_topic_)
    if (which(*batch)) out.push_back(batch);
  for (const auto& batch : out) {
    count(*batch, false);
    by_topic_.erase(topic_of(*batch));
  }
}

void Retained::count(const Batch& batch, bool add) {
  digest_ ^= mark_of(batch);
  const auto hash = topic_hash(topic_of(batch));
  auto& used = used_[batch.publisher];
  if (add) {
    by_hash_.emplace(hash, by_topic_.find(topic_of(batch))->second);
    bytes_ += batch.raw.size();
    ++used.first;
    used.second += batch.raw.size();
    return;
  }
  const auto [begin, end] = by_hash_.equal_range(hash);
  const auto at =
      std::find_if(begin, end, [&](const auto& entry) { return entry.second.get() == &batch; });
  if (at != end) by_hash_.erase(at);
  bytes_ -= batch.raw.size();
  used.second -= batch.raw.size();
  if (--used.first == 0) used_.erase(batch.publisher);
}

std::vector<BatchPtr> Retained::matching(std::string_view pattern) const {
  std::vector<BatchPtr> out;
  if (!has_wildcard(pattern)) {
    if (const auto at = by_topic_.find(pattern); at != by_topic_.end()) out.push_back(at->second);
    return out;
  }
  for (const auto& [topic, batch] : by_topic_)
    if (matches(pattern, topic)) out.push_back(batch);
  return out;
}

std::vector<Kept> Retained::summary() const {
  std::vector<Kept> out(1);
  for (const auto& [hash, batch] : by_hash_) {
    auto& entries = out.back().entries;
    if (!entries.empty() && entries.back().topic == hash) continue;  // two topics of one hash
    if (entries.size() == kMaxKept) {
      out.back().to = hash - 1;
      out.emplace_back().from = hash;
    }
    out.back().entries.push_back({hash, batch->stamp});
  }
  out.back().to = std::numeric_limits<std::uint64_t>::max();
  return out;
}

std::vector<BatchPtr> Retained::beyond(const Kept& theirs) const {
  std::vector<BatchPtr> out;
  auto other = theirs.entries.begin();
  for (auto at = by_hash_.lower_bound(theirs.from); at != by_hash_.end() && at->first <= theirs.to;
       ++at) {
    while (other != theirs.entries.end() && other->topic < at->first) ++other;
    const bool has = other != theirs.entries.end() && other->topic == at->first;
    if (!has || other->stamp < at->second->stamp) out.push_back(at->second);
  }
  return out;
}

}  // namespace weft::broker
