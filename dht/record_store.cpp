#include "dht/record_store.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"

namespace weft::dht {

namespace {

using Item = std::unique_ptr<Stored>;

constexpr auto kKeyOf = [](const Item& item) -> const Key& { return item->key; };

std::size_t size_of(const Record& record) {
  return sizeof(Stored) + record.value.size() + record.label.size();
}

}  // namespace

PutError RecordStore::put(Instant now, UnixTime unix_now, const Key& key, const Record& record,
                          std::optional<std::uint64_t> cas, std::optional<std::uint64_t> left) {
  Duration life = record.is_presence() ? config_.presence_life : config_.record_life;
  if (record.expires != 0) {
    if (record.expires <= unix_now) return PutError::Protocol;
    const UnixTime allowed = record.expires - unix_now;
    if (allowed < life / 1s) life = std::chrono::seconds(allowed);
  }
  Duration span = life;
  if (left) span = std::chrono::seconds(std::min(*left, static_cast<std::uint64_t>(life / 1s)));
  const auto before = [](const Item& item, const std::tuple<const Key&, const Record&>& wanted) {
    const auto& [wanted_key, wanted_record] = wanted;
    return std::tie(item->key, item->record.kind, item->record.author) <
           std::tie(wanted_key, wanted_record.kind, wanted_record.author);
  };
  const std::tuple<const Key&, const Record&> wanted{key, record};
  auto place = std::lower_bound(records_.begin(), records_.end(), wanted, before);
  const bool known = place != records_.end() && (*place)->key == key &&
                     (*place)->record.kind == record.kind &&
                     (*place)->record.author == record.author;
  if (known && (*place)->until <= now) {
    erase(place);
    return put(now, unix_now, key, record, cas, left);
  }
  const PutError error = may_replace(known ? &(*place)->record : nullptr, record, cas);
  if (error != PutError::None) return error;
  next_expiry_ = std::min(next_expiry_, now + span);
  if (known) {
    Stored& stored = **place;
    const std::size_t size = size_of(record);
    bytes_ += size - stored.size;
    stored.size = static_cast<std::uint32_t>(size);
    stored.record = record;
    // Another holder's view of its life shortens none, so that nobody can end a record early.
    stored.until = std::clamp(stored.until, now + span, now + life);
    stored.repair_at = now + config_.repair;
    return PutError::None;
  }
  const auto same_key = std::ranges::equal_range(records_, key, {}, kKeyOf);
  if (static_cast<std::size_t>(same_key.size()) >= config_.providers_per_key)
    return PutError::Refused;
  if (!make_room(key, size_of(record))) return PutError::Refused;
  auto stored = std::make_unique<Stored>();
  *stored = {key, record, now + span, now + config_.repair,
             static_cast<std::uint32_t>(size_of(record))};
  bytes_ += stored->size;
  place = std::lower_bound(records_.begin(), records_.end(), wanted, before);
  records_.insert(place, std::move(stored));
  return PutError::None;
}

std::vector<const Stored*> RecordStore::find(Instant now, const Key& key, RecordKind kind) const {
  std::vector<const Stored*> result;
  for (const Item& item : std::ranges::equal_range(records_, key, {}, kKeyOf))
    if (item->record.kind == kind && item->until > now) result.push_back(item.get());
  std::ranges::sort(result, [](const Stored* a, const Stored* b) {
    if (a->record.seq != b->record.seq) return a->record.seq > b->record.seq;
    return std::tie(a->record.author, a->record.label, a->record.value) <
           std::tie(b->record.author, b->record.label, b->record.value);
  });
  return result;
}

bool RecordStore::holds(const Key& key) const {
  return std::ranges::binary_search(records_, key, {}, kKeyOf);
}

void RecordStore::expire(Instant now) {
  if (now < next_expiry_) return;
  next_expiry_ = Instant::max();
  std::erase_if(records_, [&](const Item& item) {
    if (item->until > now) {
      next_expiry_ = std::min(next_expiry_, item->until);
      return false;
    }
    bytes_ -= item->size;
    return true;
  });
  if (records_.empty()) records_.shrink_to_fit();
}

Stored* RecordStore::due_for_repair(Instant limit) {
  Stored* due = nullptr;
  for (const Item& item : records_)
    if (item->repair_at < limit && (due == nullptr || item->repair_at < due->repair_at))
      due = item.get();
  return due;
}

void RecordStore::check_invariants() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const Stored& stored = *records_[i];
    bytes += stored.size;
    WEFT_ASSERT(stored.key == stored.record.key());
    WEFT_ASSERT(i == 0 || records_[i - 1]->key <= stored.key);
  }
  WEFT_ASSERT(bytes == bytes_);
  WEFT_ASSERT(records_.size() <= config_.records && bytes_ <= config_.record_bytes);
}

bool RecordStore::make_room(const Key& key, std::size_t size) {
  while (records_.size() >= config_.records || bytes_ + size > config_.record_bytes) {
    const auto farthest = std::ranges::max_element(
        records_, {}, [&](const Item& item) { return distance(item->key, self_); });
    if (farthest == records_.end() || distance((*farthest)->key, self_) <= distance(key, self_))
      return false;
    erase(farthest);
  }
  return true;
}

void RecordStore::erase(Iterator place) {
  bytes_ -= (*place)->size;
  records_.erase(place);
}

}  // namespace weft::dht
