// Reading records: votes of the holders, when they agree, and what stale holders are told.
#include <algorithm>
#include <utility>

#include "dht/state.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kRepairs = 8;  // stale holders written back to after one get

bool is_mutable(RecordKind kind) { return kind == RecordKind::Mutable || kind == RecordKind::Node; }

}  // namespace

void DhtState::take_records(Instant now, Task& task, ContactHandle from, const Reply& reply) {
  Task::Vote vote{from, 0, false, static_cast<std::uint8_t>(task.lookup.path_of(from))};
  for (const ByteView bytes : reply.records) {
    const auto record = Record::decode(bytes);
    if (!record || record->kind != task.options.kind || record->key() != task.lookup.target() ||
        record->check(network) != PutError::None ||
        (record->expires != 0 && record->expires <= wall.at(now))) {
      ++counters.bad_records;
      if (table.on_failure(from)) table.remove(book.id(from));
      continue;
    }
    vote.seq = std::max(vote.seq, record->seq);
    vote.has = true;
    take_record(now, task, *record);
  }
  const auto before = std::ranges::find(task.votes, from, &Task::Vote::holder);
  if (before == task.votes.end())
    task.votes.push_back(vote);
  else if (vote.has)
    *before = vote;
}

void DhtState::take_record(Instant now, Task& task, const Record& record) {
  const auto told =
      std::ranges::find(task.told, record.author, [](const auto& t) { return t.first; });
  const bool news = told == task.told.end() || told->second < record.seq;
  if (!news) return;
  if (told == task.told.end())
    task.told.emplace_back(record.author, record.seq);
  else
    told->second = record.seq;
  if (!task.best || record.seq > task.best->seq) task.best = record;
  if (task.origin == Origin::Caller) emit(RecordFound{task.id, record, now - task.started});
}

bool DhtState::agreed(const Task& task) const {
  if (!task.best) return false;
  if (task.options.kind == RecordKind::Immutable) return true;
  std::uint32_t paths = 0;
  std::size_t holders = task.best_is_ours ? 1 : 0;
  for (const Task::Vote& vote : task.votes) {
    if (!vote.has || vote.seq != task.best->seq) continue;
    paths |= 1U << vote.path;
    ++holders;
  }
  const bool two_paths = (paths & (paths - 1)) != 0;
  // A network with fewer nodes than half a region has no more to say than all of them did.
  const bool all_said = task.lookup.candidates().size() < config.k / 2 && holders >= 1;
  return (two_paths && task.votes.size() * 2 >= config.k) || all_said;
}

bool DhtState::heard_enough(const Task& task) const {
  if (task.kind != TaskKind::Get || !task.best) return false;
  if (task.options.first_only || task.options.kind == RecordKind::Immutable) return true;
  if (!is_mutable(task.options.kind)) return false;
  return task.votes.size() * 2 >= config.k && agreed(task);
}

void DhtState::finish_get(Instant now, Task& task) {
  const bool sure = agreed(task) || (task.options.first_only && task.best) ||
                    (!is_mutable(task.options.kind) && task.best);
  if (!sure && !task.second_try) {
    // Nothing, or no agreement: once more over twice the paths, and the whole region.
    const Lookup walked = task.lookup;
    task.second_try = true;
    rpc.release(static_cast<std::uint32_t>(task.id));
    task.votes.clear();
    task.lookup = Lookup(walked.target(), limits_for(task.kind, config.paths_after_fail, true));
    for (const auto& candidate : walked.candidates())
      if (candidate.state != Lookup::State::Failed)
        task.lookup.add_seed(candidate.handle, book.id(candidate.handle), candidate.prefix);
    pump(now, task);
    return;
  }
  task.stats.took = std::max<Duration>(now - task.started, 1ns);
  rpc.release(static_cast<std::uint32_t>(task.id));
  if (task.best && is_mutable(task.options.kind)) write_back(now, task);
  if (task.origin == Origin::Caller) emit(GetDone{task.id, task.best, agreed(task), task.stats});
}

// How long it is to live, its holders know: they tell with the next repair.
void DhtState::write_back(Instant now, Task& task) {
  std::size_t repaired = 0;
  for (const ContactHandle handle : task.lookup.closest(config.k, false)) {
    const auto vote = std::ranges::find(task.votes, handle, &Task::Vote::holder);
    if (vote == task.votes.end() || (vote->has && vote->seq >= task.best->seq)) continue;
    if (repaired++ >= kRepairs || !store_directly(now, handle, *task.best, config.repair * 2))
      break;
  }
}

LookupId Dht::get(Instant now, const Key& key, const GetOptions& options) {
  DhtState& s = *state_;
  const bool plain = options.kind == RecordKind::Immutable || options.first_only;
  Task* task =
      s.start(now, TaskKind::Get, key,
              s.limits_for(TaskKind::Get, plain ? 1 : s.config.paths, false), Origin::Caller);
  if (task == nullptr) return LookupId::None;
  const LookupId id = task->id;
  task->options = options;
  for (const Stored* stored : s.records.find(now, key, options.kind)) {
    task->best_is_ours = true;
    s.take_record(now, *task, stored->record);
  }
  s.pump(now, *task);
  return id;
}

}  // namespace weft::dht
