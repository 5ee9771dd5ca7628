#include "overlay/broker/shelf.hpp"

namespace weft::broker {

namespace {

Bytes key_of(const Batch& batch) {
  Bytes key;
  if (batch.retain) {
    key.push_back(Shelf::kRetained);
    append(key, bytes_of(batch.messages.front().topic));
    return key;
  }
  key.push_back(Shelf::kBatch);
  append(key, batch.publisher.view());
  append_be(key, batch.epoch);
  append_be(key, batch.first);
  return key;
}

}  // namespace

DiskRow epoch_row(std::uint64_t epoch) {
  Bytes value;
  append_be(value, epoch);
  return {{Shelf::kEpoch}, std::move(value)};
}

void Shelf::enter(const Batch& batch) {
  if (batch.retain) {
    topics_[batch.messages.front().topic] = {batch.stamp, batch.publisher};
    return;
  }
  Bytes key = key_of(batch);
  if (!keys_.insert(key).second) return;
  by_age_.emplace(std::pair{batch.stamp, std::move(key)}, batch.raw.size());
  bytes_ += batch.raw.size();
}

void Shelf::loaded(const Batch& batch) { enter(batch); }

void Shelf::failed(const Batch& batch) {
  if (batch.retain) {
    topics_.erase(batch.messages.front().topic);
    return;
  }
  const auto key = key_of(batch);
  if (keys_.erase(key) == 0) return;
  by_age_.erase({batch.stamp, key});
  bytes_ -= batch.raw.size();
}

bool Shelf::contains(const Batch& batch) const {
  if (!batch.retain) return keys_.contains(key_of(batch));
  const auto at = topics_.find(batch.messages.front().topic);
  return at != topics_.end() && at->second >= std::pair{batch.stamp, batch.publisher};
}

std::vector<DiskRow> Shelf::add(const Batch& batch) {
  std::vector<DiskRow> rows;
  if (contains(batch)) return rows;
  rows.push_back({key_of(batch), batch.raw});
  enter(batch);
  while (bytes_ > kShelfBytes || by_age_.size() > kShelfBatches) {
    const auto oldest = by_age_.begin();
    rows.push_back({oldest->first.second, std::nullopt});
    bytes_ -= oldest->second;
    keys_.erase(oldest->first.second);
    by_age_.erase(oldest);
  }
  return rows;
}

}  // namespace weft::broker
