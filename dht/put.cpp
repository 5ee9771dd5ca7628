// Storing records: at whom, as soon as it is sure to belong to the region, and what the caller is
// told.
#include <algorithm>
#include <utility>

#include "dht/state.hpp"

namespace weft::dht {

void DhtState::send_store(Instant now, Task& task, ContactHandle to) {
  task.sent_to.push_back(to);
  Request put;
  put.type = MessageType::Put;
  put.record = task.record;
  put.cas = task.cas;
  put.left = task.left;
  if (request(now, to, put, Purpose::Store, {.task = &task})) ++task.outstanding;
}

void DhtState::store_what_may(Instant now, Task& task) {
  store_where_ready(now, task);
  const std::size_t holders = task.sent_to.size() + (task.stored_here ? 1 : 0);
  // Before the walk has ended only those are stored to that surely belong to the region: then
  // three quarters of a whole one are needed.
  const std::size_t region =
      rim_open(task) || !walked(task) ? config.k : std::clamp<std::size_t>(holders, 1, config.k);
  if (task.stored * 100U >= region * config.store_percent) report_put(now, task);
}

void DhtState::store_where_ready(Instant now, Task& task) {
  // Whoever replied and surely belongs to the region is stored to while the walk goes on.
  const bool over = walked(task);
  const bool sure = over || (task.lookup.arrived() && task.lookup.region_size() >= config.k);
  std::vector<ContactHandle> ready;
  for (const auto& candidate : task.lookup.candidates()) {
    if (candidate.state != Lookup::State::Replied) continue;
    if (std::ranges::find(task.sent_to, candidate.handle) != task.sent_to.end()) continue;
    if (!task.lookup.in_region(candidate.handle)) break;
    if (!sure && candidate.distance > task.lookup.limits().region) continue;
    ready.push_back(candidate.handle);
  }
  for (const ContactHandle handle : ready) send_store(now, task, handle);
  if (over && !task.stored_here) store_here(now, task);
}

void DhtState::store_here(Instant now, Task& task) {
  if (!server) return;
  const Distance own_distance = distance(self.id, task.lookup.target());
  const auto holders = task.lookup.closest(config.k, false);
  if (holders.size() >= config.k &&
      distance(book.id(holders.back()), task.lookup.target()) < own_distance)
    return;
  const auto record = Record::decode(task.record);
  if (!record) return;
  const PutError error =
      records.put(now, wall.at(now), task.lookup.target(), *record, task.cas, task.left, self.id);
  task.stored_here = true;
  if (error == PutError::None)
    ++task.stored;
  else
    task.error = error;
}

void DhtState::on_store_result(Instant now, Task& task, PutError error, bool answered) {
  if (task.outstanding > 0) --task.outstanding;
  if (!answered) {
    ++task.stats.failures;
  } else if (error == PutError::None) {
    ++task.stored;
  } else {
    ++task.refused;
    task.error = error;
  }
  pump(now, task);
}

// Once, when three quarters hold it or nobody is left to ask; the rest is stored to all the same.
void DhtState::report_put(Instant now, Task& task) {
  if (std::exchange(task.reported, true) || task.origin != Origin::Caller) return;
  PutDone done{task.id, false, task.stored, 0, task.error, task.stats};
  done.stats.took = std::max<Duration>(now - task.started, 1ns);
  done.region = static_cast<std::uint16_t>(task.sent_to.size() + (task.stored_here ? 1 : 0));
  const std::size_t wanted = std::min<std::size_t>(done.region, config.k);
  done.ok = done.region > 0 && done.stored * 100U >= wanted * config.store_percent;
  if (done.ok) done.error = PutError::None;
  emit(done);
}

LookupId Dht::put(Instant now, const Record& record, const PutOptions& options) {
  DhtState& s = *state_;
  LookupLimits limits = s.limits_for(TaskKind::Put, 1, true);
  if (!s.directory_on) limits.k += s.config.put_spares;
  Task* task = s.start(now, TaskKind::Put, record.key(), limits, Origin::Caller);
  if (task == nullptr) return LookupId::None;
  const LookupId id = task->id;
  task->record = record.encode();
  task->cas = options.cas;
  if (options.keep) {
    std::erase_if(s.own, [&](const OwnRecord& own) {
      return own.key == task->lookup.target() && own.record.author == record.author;
    });
    const Duration after = record.is_presence() ? s.config.presence_republish : s.config.republish;
    if (s.own.size() < s.config.own_records)
      s.own.push_back({record, task->lookup.target(), now + after});
    else
      ++s.counters.dropped;
  }
  s.pump(now, *task);
  return id;
}

}  // namespace weft::dht
