// Rows on their way to the disk, by the journal.
#include <algorithm>

#include "base/assert.hpp"
#include "overlay/overlay_impl.hpp"

namespace weft::overlay {

void Overlay::Impl::persist(std::vector<Row> rows, Then then, Again again) {
  journal.store(network ? network->id : NetworkId{}, {std::move(rows), std::move(then), again});
  emit_batches();
}

void Overlay::Impl::emit_batches() {
  while (auto batch = journal.poll_persist()) events.push_back(PersistRequest{std::move(*batch)});
}

void Overlay::Impl::persist_quietly(std::vector<Row> rows) {
  if (!rows.empty()) persist(std::move(rows), [](Instant, const Result<void>&) {});
}

void Overlay::persisted(Instant now, std::uint64_t persist_id, Result<void> result) {
  const auto settled = impl_->journal.persisted(now, persist_id, result);
  if (!settled) return;
  if (!result) impl_->events.push_back(StoreChanged{result.error().detail});
  impl_->tell_store_works();
  if (settled->then) settled->then(now, settled->result);
  impl_->emit_batches();
  for (const auto& id : settled->whole)
    if (impl_->network && impl_->network->id == id && !impl_->roster_unstored())
      impl_->roster_stored(now);
  impl_->settle(now);
}

void Overlay::Impl::tell_store_works() {
  const bool had_trouble = std::exchange(store_troubled, journal.trouble().has_value());
  if (had_trouble && !store_troubled) events.push_back(StoreChanged{});
}

std::optional<Overlay::StoreTrouble> Overlay::store_trouble() const {
  if (!impl_->journal.trouble()) return std::nullopt;
  return StoreTrouble{*impl_->journal.trouble(), impl_->journal.unsaved()};
}

const JournalCounters& Overlay::store_counters() const { return impl_->journal.counters(); }

bool Overlay::Impl::roster_unstored() const {
  return network && journal.roster_unstored(network->id);
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

Then Overlay::Impl::done_when_stored(CommandId id, Outcome outcome) {
  return [this, id, outcome = std::move(outcome)](Instant, const Result<void>& stored) {
    if (stored)
      done(id, outcome);
    else
      done(id, fail(Errc::Storage, "it works now but is not saved, so a restart would lose it: " +
                                       stored.error().detail));
  };
}

}  // namespace weft::overlay
