// A walk and what it is for: how wide it is, where it begins, when it ends.
#include <algorithm>
#include <bit>
#include <utility>

#include "dht/prefix.hpp"
#include "dht/state.hpp"

namespace weft::dht {

namespace {

// Twice, four times as far, or half; everything stays everything.
Distance scaled(Distance distance, int doublings) {
  if (distance == farthest()) return distance;
  for (; doublings > 0; --doublings) {
    if ((distance.bytes[0] & 0x80) != 0) return farthest();
    for (std::size_t i = 0; i < 32; ++i)
      distance.bytes[i] = static_cast<std::uint8_t>(distance.bytes[i] << 1 |
                                                    (i + 1 < 32 ? distance.bytes[i + 1] >> 7 : 0));
  }
  for (; doublings < 0; ++doublings)
    for (std::size_t i = 32; i-- > 0;)
      distance.bytes[i] = static_cast<std::uint8_t>(distance.bytes[i] >> 1 |
                                                    (i > 0 ? (distance.bytes[i - 1] & 1) << 7 : 0));
  return distance;
}

}  // namespace

LookupLimits DhtState::limits_for(TaskKind kind, std::size_t paths, bool exhaustive) const {
  LookupLimits limits;
  limits.k = config.k;
  limits.alpha = kind == TaskKind::Put ? config.alpha * 2 : std::max(config.alpha, paths);
  limits.max_in_flight = std::max(config.max_in_flight, limits.alpha);
  limits.converge = config.converge;
  limits.stragglers = config.stragglers;
  limits.paths = std::min(paths, Lookup::kMaxPaths);
  limits.candidates = config.candidates;
  limits.queries = config.queries;
  limits.exhaustive = exhaustive;
  limits.region_max = config.region_max;
  const Distance region = reach();
  if (exhaustive) limits.region = region;
  if (kind == TaskKind::Put) limits.head = config.put_head;
  limits.crowded = region;
  // Three of ten that should be there; of paths that share them, three of forty or eighty.
  limits.dense = scaled(region, paths == 1 ? -1 : paths <= 4 ? 1 : 2);
  return limits;
}

// The distance within which about k nodes lie, as seen around ourselves.
Distance DhtState::reach() const {
  std::vector<ContactHandle> near;
  table.closest(self.id, config.k, 0, ContactHandle::None, near);
  if (near.size() < config.k) return farthest();
  return distance(self.id, book.id(near.back()));
}

Task* DhtState::start(Instant now, TaskKind kind, const NodeId& target, const LookupLimits& limits,
                      Origin origin) {
  if (tasks.size() >= config.lookups) {
    ++counters.dropped;
    return nullptr;
  }
  if (++last_id == 0) ++last_id;
  tasks.push_back(std::make_unique<Task>(LookupId{last_id}, kind, target, limits));
  Task& task = *tasks.back();
  task.started = now;
  task.origin = origin;
  seed(now, task);
  return &task;
}

void DhtState::seed(Instant now, Task& task) {
  std::vector<ContactHandle> near;
  table.closest(task.lookup.target(), config.k, 0, ContactHandle::None, near);
  add_seeds(now, task, near);
  favour_fast(task, near);
  if (directory_on && !directory.empty()) {
    near.clear();
    directory_nearest(task.lookup.target(), 0, directory.size(), 0, config.k, near);
    add_seeds(now, task, near);
  }
  table.touch(now, task.lookup.target());
}

void DhtState::add_seeds(Instant now, Task& task, const std::vector<ContactHandle>& near) {
  for (const ContactHandle handle : near) {
    const Contact& contact = book.at(handle);
    if (contact.id == self.id || shunned.has(now, contact.id)) continue;
    task.lookup.add_seed(handle, contact.id, short_prefix(prefix_of(contact.endpoint)));
  }
}

void DhtState::pump(Instant now, Task& task) {
  if (task.stats.took != Duration::zero()) return;  // finished, waiting to be removed
  const bool confirming = confirm(now, task);
  while (!confirming) {
    if (heard_enough(task)) break;
    const ContactHandle to = task.lookup.next();
    if (to == ContactHandle::None) break;
    Request ask;
    ask.type = task.kind == TaskKind::Get ? MessageType::Get : MessageType::FindNode;
    ask.target = task.lookup.target();
    ask.kind = task.options.kind;
    if (!request(now, to, ask, Purpose::Walk, {.task = &task, .padding = padding_in(task, to)}))
      task.lookup.on_failure(to);
  }
  if (task.kind == TaskKind::Put) store_what_may(now, task);
  if (ended(task)) finish(now, task);
}

// ---- when a task ends: all of it is here and, for the walk alone, in lookup_ending.cpp ----------

// Nobody is left to ask, slow ones aside where something else waits for them.
bool DhtState::walked(const Task& task) const {
  return task.lookup.done() || (task.kind == TaskKind::Put && task.lookup.settled());
}

// Somebody near the target is asked once more for what its first answer had no room for.
bool DhtState::rim_open(const Task& task) const {
  return rpc.asking_again(static_cast<std::uint32_t>(task.id));
}

bool DhtState::ended(const Task& task) const {
  switch (task.kind) {
    case TaskKind::Find:
      return walked(task) && !(rim_open(task) && task.origin == Origin::Crawl);
    case TaskKind::Get:
      return walked(task) || heard_enough(task);
    case TaskKind::Put:  // all who hold it have answered too
      return walked(task) && task.outstanding == 0 && !rim_open(task);
  }
  return true;
}

void DhtState::finish(Instant now, Task& task) {
  if (task.stats.took != Duration::zero()) return;
  if (task.kind == TaskKind::Get) {
    finish_get(now, task);
    return;
  }
  task.stats.took = std::max<Duration>(now - task.started, 1ns);
  rpc.release(static_cast<std::uint32_t>(task.id));
  if (task.origin == Origin::Bootstrap) {
    emit(Bootstrapped{table.size() > 0, table.size()});
    filling = true;
    next_self_lookup = now;
    upkeep_at = std::min(upkeep_at, now + config.upkeep_step);
  }
  if (task.origin != Origin::Caller) return;
  if (task.kind == TaskKind::Find) {
    emit(NodesFound{task.id, task.lookup.exact(), task.lookup.closest(config.k, true), task.stats});
    return;
  }
  report_put(now, task);
}

Task* DhtState::find_task(std::uint32_t id) {
  if (id == 0) return nullptr;
  for (const auto& task : tasks)
    if (static_cast<std::uint32_t>(task->id) == id && task->stats.took == Duration::zero())
      return task.get();
  return nullptr;
}

void DhtState::reap() {
  if (tasks.empty()) return;
  std::erase_if(tasks, [](const auto& task) { return task->stats.took != Duration::zero(); });
  if (tasks.empty()) tasks.shrink_to_fit();
}

}  // namespace weft::dht
