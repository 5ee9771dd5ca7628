// What the nodes of an run are asked to do, and whether they did it right. The rule for a
// lookup: right if the node it came for answered, or if its result lists the server that really is
// the closest of those settled for two minutes (a younger one may be listed before it, that is
// right as well).
#include "base/assert.hpp"
#include "simulations/dht/workload.hpp"

namespace weft::sim {

namespace {
constexpr Duration kSettled = 2min;
constexpr std::size_t kRecall = 20;
constexpr std::size_t kValueSize = 200;

std::uint64_t key_of(std::uint32_t node, dht::LookupId id) {
  return std::uint64_t{node} << 32 | static_cast<std::uint32_t>(id);
}
NodeId random_id(ModelRandom& random) {
  NodeId id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next() >> 56);
  return id;
}
}  // namespace

void DhtWorkload::start_requests(Instant now) {
  const auto& workload = scenario_.workload;
  records_.resize(workload.records);
  // Records go out over the minute before the measuring starts.
  const Instant first = now - std::min(scenario_.workload.warmup / 2, Duration{2min});
  for (std::uint32_t i = 0; i < workload.records; ++i)
    run_.post(first + 60s * i / workload.records, kPut, i);
  next_lookup_ = now;
  next_get_ = now + 1s;
  if (workload.lookups_per_node_hour > 0) run_.post(next_lookup_, kLookup);
  if (workload.gets_per_node_hour > 0 && workload.records > 0) run_.post(next_get_, kGet);
}

void DhtWorkload::make_victim(const NetworkId& network) {
  Bytes value(100);
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = static_cast<std::uint8_t>(hash_of(seed_, 13, i));
  SeededRng rng(hash_of(seed_, 15));
  victim_ = scenario_.attack.victim_mutable
                ? dht::Record::mutable_item(Identity::generate(rng), network, {}, 1, value)
                : dht::Record::immutable(value);
}

void DhtWorkload::remember(std::uint32_t node, dht::LookupId id, const Pending& pending) {
  if (id == dht::LookupId::None) {
    ++abandoned_;
    return;
  }
  pending_[key_of(node, id)] = pending;
}

void DhtWorkload::abandon(std::uint32_t node) {
  abandoned_ +=
      std::erase_if(pending_, [&](const auto& entry) { return entry.first >> 32 == node; });
}

void DhtWorkload::start_lookup(Instant now) {
  next_lookup_ += run_.pause(scenario_.workload.lookups_per_node_hour);
  run_.post(next_lookup_, kLookup);
  const auto node = population_.draw_online();
  if (!node) return;
  auto& random = population_.random();
  Pending pending;
  pending.since = now;
  pending.target = random_id(random);
  if (random.below(100) < scenario_.workload.existing_percent) {
    const auto settled = truth_near(pending.target, 1, now - kSettled);
    if (!settled.empty() && settled[0] != *node) {
      pending.target = book_.id(directory_->at(settled[0]).contact);
      pending.existing = true;
    }
  }
  dht::Dht& dht = node_at(*node).dht();
  remember(*node, dht.find_node(now, pending.target), pending);
  run_.simulator().drain(*node);
}

void DhtWorkload::start_put(Instant now, std::uint32_t record) {
  const auto node = population_.draw_online();
  if (!node) return;
  Stored& stored = records_[record];
  Bytes value(kValueSize);
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = static_cast<std::uint8_t>(hash_of(seed_ ^ 0x7265, record, i));
  dht::Record made;
  if (record == 0 && scenario_.attack.sybils > 0) {
    made = victim_;
  } else if (record != 0 && hash_of(seed_, record, 21) % 100 < scenario_.workload.mutable_percent) {
    const Identity author = Identity::generate(rng_);
    made = dht::Record::mutable_item(author, network_, {}, 1, value);
  } else {
    made = dht::Record::immutable(value);
  }
  stored.key = made.key();
  stored.kind = made.kind;
  Pending pending;
  pending.since = now;
  pending.target = stored.key;
  pending.record = record;
  pending.operation = Operation::Put;
  dht::Dht& dht = node_at(*node).dht();
  remember(*node, dht.put(now, made, {.cas = std::nullopt, .keep = false}), pending);
  run_.simulator().drain(*node);
}

void DhtWorkload::start_get(Instant now) {
  next_get_ += run_.pause(scenario_.workload.gets_per_node_hour);
  run_.post(next_get_, kGet);
  const auto node = population_.draw_online();
  if (!node) return;
  auto& random = population_.random();
  auto record = static_cast<std::uint32_t>(random.below(records_.size()));
  if (scenario_.attack.sybils > 0 && random.below(2) == 0) record = 0;  // the one under attack
  const Stored& stored = records_[record];
  if (!stored.done) return;
  Pending pending;
  pending.since = now;
  pending.target = stored.key;
  pending.record = record;
  pending.operation = Operation::Get;
  dht::Dht& dht = node_at(*node).dht();
  const bool immutable = stored.kind == dht::RecordKind::Immutable;
  remember(*node, dht.get(now, stored.key, {.kind = stored.kind, .first_only = immutable}),
           pending);
  run_.simulator().drain(*node);
}

std::vector<std::uint32_t> DhtWorkload::truth_near(const NodeId& target, std::size_t count,
                                                   Instant settled_before) const {
  return directory_->truth().closest(target, count, [&](std::uint32_t node) {
    const Person& person = population_.at(node);
    return person.online && person.fault == FaultKind::None &&
           directory_->at(node).serving_since <= settled_before &&
           person.online_since <= settled_before;
  });
}

void DhtWorkload::note(Instant now, const Pending& pending, const dht::LookupStats& stats, bool ok,
                       unsigned recall) {
  Measured row;
  row.at_second = static_cast<std::uint32_t>(pending.since.time_since_epoch() / 1s);
  row.micros = pending.first_micros != 0 ? pending.first_micros
                                         : static_cast<std::uint32_t>((now - pending.since) / 1us);
  row.hops = stats.hops;
  row.requests = stats.requests;
  row.failures = stats.failures;
  row.operation = pending.operation;
  row.ok = ok;
  row.recall = static_cast<std::uint8_t>(recall);
  row.victim =
      scenario_.attack.sybils > 0 && pending.operation == Operation::Get && pending.record == 0;
  measured_.push_back(row);
  if (pending.operation == Operation::Lookup) {
    ++open_.lookups;
    open_.lookups_ok += ok ? 1 : 0;
    open_micros_.push_back(row.micros);
  } else if (pending.operation == Operation::Get) {
    ++open_.gets;
    open_.gets_ok += ok ? 1 : 0;
  }
}

void DhtWorkload::finished(Instant now, std::uint32_t node, const dht::NodesFound& found) {
  const auto entry = pending_.find(key_of(node, found.id));
  if (entry == pending_.end()) return;
  const Pending pending = entry->second;
  pending_.erase(entry);
  const auto truth = truth_near(pending.target, kRecall + 1, pending.since - kSettled);
  std::size_t hits = 0;
  std::size_t expected = 0;
  bool nearest = truth.empty();
  for (const auto settled : truth) {
    if (settled == node || expected == kRecall) continue;  // nobody lists itself
    const NodeId& id = book_.id(directory_->at(settled).contact);
    bool listed = false;
    for (const auto handle : found.closest) listed = listed || side_of(node).book.id(handle) == id;
    hits += listed ? 1 : 0;
    if (expected++ == 0) nearest = listed;
  }
  // A target that went away meanwhile is not the lookup's fault: then the nearest counts.
  const bool ok = found.exact || nearest;
  const unsigned recall = expected == 0 ? 100 : static_cast<unsigned>(hits * 100 / expected);
  note(now, pending, found.stats, ok, recall);
}

void DhtWorkload::value_arrived(Instant now, std::uint32_t node, const dht::RecordFound& found) {
  const auto entry = pending_.find(key_of(node, found.id));
  if (entry == pending_.end() || entry->second.first_micros != 0) return;
  entry->second.first_micros =
      std::max(1U, static_cast<std::uint32_t>((now - entry->second.since) / 1us));
}

void DhtWorkload::finished(Instant now, std::uint32_t node, const dht::GetDone& done) {
  const auto entry = pending_.find(key_of(node, done.id));
  if (entry == pending_.end()) return;
  const Pending pending = entry->second;
  pending_.erase(entry);
  // A wrong value must never be accepted, whoever lies.
  if (done.best) WEFT_ASSERT(done.best->key() == pending.target);
  note(now, pending, done.stats, done.best.has_value(), 0);
}

void DhtWorkload::finished(Instant now, std::uint32_t node, const dht::PutDone& done) {
  const auto entry = pending_.find(key_of(node, done.id));
  if (entry == pending_.end()) return;
  const Pending pending = entry->second;
  pending_.erase(entry);
  records_[pending.record].done = records_[pending.record].done || done.ok;
  note(now, pending, done.stats, done.ok, 0);
}

}  // namespace weft::sim
