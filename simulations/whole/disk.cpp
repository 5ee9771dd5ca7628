#include "simulations/whole/disk.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"
#include "overlay/roster/entry.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

namespace {

// Not keyed: nobody hostile picks what a simulation stores.
std::uint64_t hash_bytes(std::uint64_t seed, ByteView bytes) {
  std::uint64_t hash = mix64(seed ^ bytes.size());
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    hash = mix64(hash ^ word);
  }
  std::uint64_t rest = 0;
  if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  return mix64(hash ^ rest);
}

std::uint64_t place_of(const Row& row) {
  return hash_bytes(hash_bytes(static_cast<std::uint64_t>(row.table), row.network.bytes), row.key);
}

RowPool::Meaning meaning_of(const Row& row) {
  if (row.table != Table::Roster) return {};
  const auto entry = roster::Entry::decode(*row.value);
  if (!entry || !entry->is(roster::Kind::Removal)) return {};
  const auto body = entry->parse_body();
  const auto* removal = body ? std::get_if<roster::RemovalBody>(&*body) : nullptr;
  if (removal == nullptr || removal->person) return {};
  return {NodeId{removal->target}};
}

}  // namespace

RowPool::Number RowPool::add(const Row& row) {
  const std::size_t hash = hash_bytes(place_of(row), *row.value);
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (rows_[at->second].row != row) continue;
    ++rows_[at->second].holders;
    return at->second;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<Number>(rows_.size()));
    rows_.emplace_back();
  }
  const Number number = free_.back();
  free_.pop_back();
  rows_[number] = {row, meaning_of(row), 1};
  bytes_ += sizeof(Kept) + row.key.size() + row.value->size();
  by_hash_.emplace(hash, number);
  return number;
}

void RowPool::release(Number number) {
  Kept& kept = rows_[number];
  if (--kept.holders > 0) return;
  const auto [first, last] = by_hash_.equal_range(hash_bytes(place_of(kept.row), *kept.row.value));
  by_hash_.erase(std::find_if(first, last, [&](const auto& e) { return e.second == number; }));
  bytes_ -= sizeof(Kept) + kept.row.key.size() + kept.row.value->size();
  kept = {};
  free_.push_back(number);
}

Disk::~Disk() {
  for (const auto& [place, number] : rows_) pool_.release(number);
}

void Disk::write(Instant now, Persist persist) {
  Instant at = now + delay_;
  if (!writing_.empty()) at = std::max(at, writing_.back().first);
  writing_.emplace_back(at, std::move(persist));
}

std::optional<Instant> Disk::poll_timeout() const {
  if (writing_.empty()) return std::nullopt;
  return writing_.front().first;
}

std::optional<std::uint64_t> Disk::arrived(Instant now) {
  if (writing_.empty() || writing_.front().first > now) return std::nullopt;
  const Persist persist = std::move(writing_.front().second);
  writing_.pop_front();
  for (const Row& row : persist.rows)
    if (row.table != forgotten_) put(now, row);
  return persist.id;
}

void Disk::put(Instant now, const Row& row) {
  ++versions_[index_of(row.table)];
  const std::uint64_t place = place_of(row);
  const bool roster = row.table == Table::Roster;
  if (const auto old = rows_.find(place); old != rows_.end()) {
    WEFT_ASSERT(pool_.at(old->second).key == row.key);  // two places never share a hash
    pool_.release(old->second);
    rows_.erase(old);
    --counts_[index_of(row.table)];
    if (roster) rosters_[row.network] ^= place;
  }
  if (!row.value) return;
  const auto number = pool_.add(row);
  rows_.emplace(place, number);
  ++counts_[index_of(row.table)];
  if (!roster) return;
  rosters_[row.network] ^= place;  // the key is the entry's hash
  if (const auto& gone = pool_.meaning(number).removes) removals_.try_emplace(*gone, now);
}

std::vector<Row> Disk::rows() const {
  std::vector<const Row*> sorted;
  for (const auto& [place, number] : rows_) sorted.push_back(&pool_.at(number));
  std::ranges::sort(sorted, {}, [](const Row* row) {
    return std::tie(row->table, row->network.bytes, row->key);
  });
  std::vector<Row> out;
  out.reserve(sorted.size());
  for (const Row* row : sorted) out.push_back(*row);
  return out;
}

bool Disk::holds(Table table, const NetworkId& network, ByteView key) const {
  return rows_.contains(place_of({table, network, to_bytes(key), std::nullopt}));
}

std::uint64_t Disk::roster_of(const NetworkId& network) const {
  const auto at = rosters_.find(network);
  return at == rosters_.end() ? 0 : at->second;
}

std::optional<Instant> Disk::removal_of(const NodeId& node) const {
  const auto at = removals_.find(node);
  if (at == removals_.end()) return std::nullopt;
  return at->second;
}

}  // namespace weft::sim
