#include "overlay/journal/journal.hpp"

#include <algorithm>
#include <set>

#include "base/assert.hpp"

namespace weft::overlay {

namespace {

bool of_roster(const Row& row) { return row.table == Table::Roster; }

}  // namespace

void Journal::store(const NetworkId& owner, Store store) {
  WEFT_ASSERT(!store.rows.empty());
  const std::uint64_t id = ++last_id_;
  const bool roster = std::ranges::any_of(store.rows, of_roster);
  batches_.emplace(id,
                   Batch{owner, std::move(store.rows), std::move(store.then), store.again, roster});
  if (roster && (roster_write_ || !roster_held_.empty()))
    roster_held_.push_back(id);
  else
    emit(id);
}

void Journal::emit(std::uint64_t id) {
  Batch& batch = batches_.at(id);
  for (const auto& row : batch.rows) unsaved_.erase({row.table, row.network, row.key});
  if (batch.roster) {
    roster_write_ = id;
    std::vector<Row> rows;
    std::erase_if(unsaved_, [&](auto& entry) {
      if (!is_trust(entry.second.table)) return false;
      rows.push_back(std::move(entry.second));
      return true;
    });
    std::ranges::move(batch.rows, std::back_inserter(rows));
    batch.rows = std::move(rows);
  }
  ready_.push_back(id);
}

std::optional<Persist> Journal::poll_persist() {
  if (ready_.empty()) return std::nullopt;
  const std::uint64_t id = ready_.front();
  ready_.pop_front();
  return Persist{id, batches_.at(id).rows};
}

std::optional<Journal::Settled> Journal::persisted(Instant now, std::uint64_t id,
                                                   const Result<void>& result) {
  const auto at = batches_.find(id);
  if (at == batches_.end()) return std::nullopt;
  Batch batch = std::move(at->second);
  batches_.erase(at);
  if (roster_write_ == id) roster_write_.reset();
  if (result && unsaved_.empty()) trouble_.reset();
  if (!result) {
    ++counters_.refused;
    trouble_ = result.error().detail;
    if (batch.again == Again::UntilStored) keep_unsaved(id, std::move(batch.rows));
    if (!retry_at_) retry_at_ = now + kRetryStore;
  }
  if (!roster_write_ && !roster_held_.empty()) {
    const auto next = roster_held_.front();
    roster_held_.pop_front();
    emit(next);
  }
  Settled settled{std::move(batch.then), result, {}};
  if (!result || !batch.roster) return settled;
  std::set<NetworkId> networks;
  for (const auto& row : batch.rows)
    if (of_roster(row)) networks.insert(row.network);
  for (const auto& network : networks)
    if (!roster_unstored(network)) settled.whole.push_back(network);
  return settled;
}

std::vector<Then> Journal::forget(const NetworkId& owner) {
  std::vector<Then> out;
  for (auto& [id, batch] : batches_)
    if (batch.owner == owner && batch.then) out.push_back(std::exchange(batch.then, {}));
  return out;
}

bool Journal::awaited(const NetworkId& owner) const {
  return std::ranges::any_of(batches_, [&](const auto& entry) {
    return entry.second.owner == owner && entry.second.then;
  });
}

bool Journal::newer_under_way(std::uint64_t id, const Row& row) const {
  return std::ranges::any_of(batches_, [&](const auto& other) {
    return other.first > id && std::ranges::any_of(other.second.rows, [&](const Row& r) {
             return r.table == row.table && r.network == row.network && r.key == row.key;
           });
  });
}

void Journal::keep_unsaved(std::uint64_t id, std::vector<Row> rows) {
  for (auto& row : rows) {
    if (newer_under_way(id, row)) continue;
    const RowKey key{row.table, row.network, row.key};
    if (unsaved_.size() >= kMaxUnsaved && !unsaved_.contains(key)) {
      ++counters_.given_up;
      continue;
    }
    unsaved_.insert_or_assign(key, std::move(row));
  }
}

void Journal::handle_timeout(Instant now) {
  if (!retry_at_ || *retry_at_ > now) return;
  retry_at_.reset();
  if (unsaved_.empty()) trouble_.reset();  // only refused commands, which nobody waits for
  // Each network's own, so that each learns when its roster is whole.
  std::map<std::pair<NetworkId, bool>, std::vector<Row>> again;
  for (const auto& [key, row] : unsaved_) again[{row.network, is_trust(row.table)}].push_back(row);
  for (auto& [key, rows] : again) store(key.first, {std::move(rows)});
}

bool Journal::roster_unstored(const NetworkId& network) const {
  const auto mine = [&](const Row& row) { return of_roster(row) && row.network == network; };
  return std::ranges::any_of(batches_,
                             [&](const auto& entry) {
                               return entry.second.roster &&
                                      std::ranges::any_of(entry.second.rows, mine);
                             }) ||
         std::ranges::any_of(unsaved_, [&](const auto& entry) { return mine(entry.second); });
}

}  // namespace weft::overlay
