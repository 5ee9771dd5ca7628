// Rows on their way to the disk. A disk that refuses some (full, or failing) must neither lose what
// was said to work nor end up with a mixture that no moment ever had: the newest value of each key
// wins, and roster entries follow one another without a gap.
#include <algorithm>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

namespace {

bool of_roster(const Row& row) { return row.table == Table::Roster; }

}  // namespace

void Overlay::Impl::persist(std::vector<Row> rows, Then then, Again again) {
  WEFT_ASSERT(!rows.empty());
  const std::uint64_t id = ++last_persist;
  const bool roster = std::ranges::any_of(rows, of_roster);
  persists.emplace(id, Pending{std::move(rows), std::move(then), again, roster});
  if (roster && roster_write)
    roster_held.push_back(id);
  else
    emit(id);
}

void Overlay::Impl::persist_quietly(std::vector<Row> rows) {
  if (!rows.empty()) persist(std::move(rows), [](Instant, const Result<void>&) {});
}

void Overlay::Impl::emit(std::uint64_t id) {
  Pending& pending = persists.at(id);
  for (const auto& row : pending.rows) unsaved.erase({row.table, row.network, row.key});
  if (pending.roster) {
    roster_write = id;
    // What the disk refused before goes first, in the same transaction.
    std::vector<Row> rows;
    std::erase_if(unsaved, [&](auto& entry) {
      if (!is_trust(entry.second.table)) return false;
      rows.push_back(std::move(entry.second));
      return true;
    });
    std::ranges::move(pending.rows, std::back_inserter(rows));
    pending.rows = std::move(rows);
  }
  events.push_back(PersistRequest{Persist{id, pending.rows}});
}

void Overlay::persisted(Instant now, std::uint64_t persist_id, Result<void> result) {
  const auto at = impl_->persists.find(persist_id);
  if (at == impl_->persists.end()) return;
  auto pending = std::move(at->second);
  impl_->persists.erase(at);
  if (impl_->roster_write == persist_id) impl_->roster_write.reset();
  if (result && impl_->unsaved.empty()) impl_->store_trouble.reset();
  if (!result) {
    impl_->store_trouble = result.error().detail;
    impl_->notice(Notice::Level::Warning, "could not store a change: " + result.error().detail);
    if (pending.again == Impl::Again::UntilStored)
      impl_->keep_unsaved(persist_id, std::move(pending.rows));
    if (!impl_->retry_store_at) impl_->retry_store_at = now + kRetryStore;
  }
  pending.then(now, result);
  if (!impl_->roster_write && !impl_->roster_held.empty()) {
    const auto next = impl_->roster_held.front();
    impl_->roster_held.pop_front();
    impl_->emit(next);
  }
  if (result && pending.roster && !impl_->roster_unstored()) impl_->roster_stored(now);
  impl_->settle(now);
}

std::optional<Overlay::StoreTrouble> Overlay::store_trouble() const {
  if (!impl_->store_trouble) return std::nullopt;
  return StoreTrouble{*impl_->store_trouble, impl_->unsaved.size()};
}

void Overlay::Impl::keep_unsaved(std::uint64_t id, std::vector<Row> rows) {
  for (auto& row : rows) {
    const bool newer = std::ranges::any_of(persists, [&](const auto& other) {
      return other.first > id && std::ranges::any_of(other.second.rows, [&](const Row& r) {
               return r.table == row.table && r.network == row.network && r.key == row.key;
             });
    });
    if (newer) continue;
    if (unsaved.size() >= kMaxUnsaved) return;
    const RowKey key{row.table, row.network, row.key};
    unsaved.insert_or_assign(key, std::move(row));
  }
}

void Overlay::Impl::retry_unsaved() {
  if (unsaved.empty()) store_trouble.reset();  // only refused commands, which nobody waits for
  std::vector<Row> trusted;
  std::vector<Row> rest;
  for (const auto& [key, row] : unsaved) (is_trust(row.table) ? trusted : rest).push_back(row);
  persist_quietly(std::move(trusted));
  persist_quietly(std::move(rest));
}

bool Overlay::Impl::roster_unstored() const {
  return std::ranges::any_of(persists, [](const auto& entry) { return entry.second.roster; }) ||
         std::ranges::any_of(unsaved, [](const auto& entry) { return of_roster(entry.second); });
}

void Overlay::Impl::roster_stored(Instant now) {
  if (!network) return;
  if (network->announced.hash != network->roster.head().hash ||
      network->told_beside != network->roster.beside()) {
    apply_roster(now);
    announce_roster(now);
  }
  for (auto& [id, link] : links)
    if (const auto asked = std::exchange(link.asked, std::nullopt)) said(now, link, *asked);
}

Overlay::Impl::Then Overlay::Impl::done_when_stored(CommandId id, Outcome outcome) {
  return [this, id, outcome = std::move(outcome)](Instant, const Result<void>& stored) {
    if (stored)
      done(id, outcome);
    else
      done(id, fail(Errc::Storage, "it works now but is not saved, so a restart would lose it: " +
                                       stored.error().detail));
  };
}

}  // namespace weft::overlay
