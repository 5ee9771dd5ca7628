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
                          std::optional<std::uint64_t> cas, std::optional<std::uint64_t> left,
                          const NodeId& from) {
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
    return put(now, unix_now, key, record, cas, left, from);
  }
  const PutError error = may_replace(known ? &(*place)->record : nullptr, record, cas);
  if (error != PutError::None) return error;
  next_expiry_ = std::min(next_expiry_, now + span);
  if (known) {
    Stored& stored = **place;
    discharge(stored);
    stored.size = static_cast<std::uint32_t>(size_of(record));
    stored.record = record;
    charge(stored);
    // Another holder's view of its life shortens none, so that nobody can end a record early.
    stored.until = std::clamp(stored.until, now + span, now + life);
    stored.repair_at = now + config_.repair;
    return PutError::None;
  }
  const auto same_key = std::ranges::equal_range(records_, key, {}, kKeyOf);
  if (static_cast<std::size_t>(same_key.size()) >= config_.providers_per_key)
    return PutError::Refused;
  const bool authored = record.kind != RecordKind::Immutable;
  auto stored = std::make_unique<Stored>();
  *stored = {key,
             record,
             now + span,
             now + config_.repair,
             static_cast<std::uint32_t>(size_of(record)),
             read_be<std::uint64_t>((authored ? node_id_of(record.author) : from).view())};
  if (!make_room(*stored)) return PutError::Refused;
  charge(*stored);
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
    discharge(*item);
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
  std::array<Room, 2> counted;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const Stored& stored = *records_[i];
    Room& room = counted[stored.record.is_presence() ? 1 : 0];
    for (Held* held : {&room.all, &room.by[stored.charged]}) {
      ++held->count;
      held->bytes += stored.size;
    }
    WEFT_ASSERT(stored.key == stored.record.key());
    WEFT_ASSERT(i == 0 || records_[i - 1]->key <= stored.key);
  }
  for (std::size_t i = 0; i < rooms_.size(); ++i) {
    const Held limit = limit_of(i == 1);
    WEFT_ASSERT(counted[i].all.bytes == rooms_[i].all.bytes);
    WEFT_ASSERT(counted[i].all.count == rooms_[i].all.count);
    WEFT_ASSERT(counted[i].by.size() == rooms_[i].by.size());
    WEFT_ASSERT(rooms_[i].all.count <= limit.count && rooms_[i].all.bytes <= limit.bytes);
  }
}

RecordStore::Held RecordStore::limit_of(bool presence) const {
  if (presence) return {config_.presence_records, config_.presence_bytes};
  return {config_.records, config_.record_bytes};
}

bool RecordStore::over_share(const Room& room, std::uint64_t who, const Held& share) const {
  const auto at = room.by.find(who);
  return at != room.by.end() && (at->second.count > share.count || at->second.bytes > share.bytes);
}

bool RecordStore::make_room(const Stored& fresh) {
  const bool presence = fresh.record.is_presence();
  const Room& room = rooms_[presence ? 1 : 0];
  const Held limit = limit_of(presence);
  const Held share{limit.count / config_.record_share, limit.bytes / config_.record_share};
  const auto in_room = [&](const Item& item) { return item->record.is_presence() == presence; };
  while (room.all.count >= limit.count || room.all.bytes + fresh.size > limit.bytes) {
    const auto own = room.by.find(fresh.charged);
    const bool greedy = own != room.by.end() && (own->second.count >= share.count ||
                                                 own->second.bytes + fresh.size > share.bytes);
    const bool others_greedy = !greedy && std::ranges::any_of(room.by, [&](const auto& entry) {
      return over_share(room, entry.first, share);
    });
    auto farthest = records_.end();
    for (auto at = records_.begin(); at != records_.end(); ++at) {
      if (!in_room(*at)) continue;
      if (greedy && (*at)->charged != fresh.charged) continue;
      if (others_greedy && !over_share(room, (*at)->charged, share)) continue;
      if (farthest == records_.end() ||
          distance((*farthest)->key, self_) < distance((*at)->key, self_))
        farthest = at;
    }
    if (farthest == records_.end()) return false;
    if (!others_greedy && distance((*farthest)->key, self_) <= distance(fresh.key, self_))
      return false;
    erase(farthest);
  }
  return true;
}

void RecordStore::charge(const Stored& stored) {
  Room& room = rooms_[stored.record.is_presence() ? 1 : 0];
  for (Held* held : {&room.all, &room.by[stored.charged]}) {
    ++held->count;
    held->bytes += stored.size;
  }
}

void RecordStore::discharge(const Stored& stored) {
  Room& room = rooms_[stored.record.is_presence() ? 1 : 0];
  const auto by = room.by.find(stored.charged);
  WEFT_ASSERT(by != room.by.end());
  for (Held* held : {&room.all, &by->second}) {
    --held->count;
    held->bytes -= stored.size;
  }
  if (by->second.count == 0) room.by.erase(by);
}

void RecordStore::erase(Iterator place) {
  discharge(**place);
  records_.erase(place);
}

}  // namespace weft::dht
