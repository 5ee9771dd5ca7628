// Lookups: walking, reading, storing.
#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "dht/plausible.hpp"
#include "dht/prefix.hpp"
#include "dht/state.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kRepairs = 8;     // stale holders written back to after one get
constexpr std::size_t kRimTellers = 2;  // nodes asked for the rim of a region,
constexpr std::size_t kConfirm = 2;     // of the nearest, asked for all they know
constexpr unsigned kDoubt = 32000;      // DhtState::doubts if every answer is doubted,
constexpr unsigned kMemory = 32;        // and over so many answers
constexpr std::size_t kDoubtful = 5;    // doubted replies of a walk that make it start wider
constexpr std::size_t kAskOn = 2;       // and how often each

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

bool is_mutable(RecordKind kind) { return kind == RecordKind::Mutable || kind == RecordKind::Node; }

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

// The first step decides little about where a walk leads and much about when: a bit of distance
// costs less time than a slow contact.
void DhtState::favour_fast(Task& task, const std::vector<ContactHandle>& near) {
  // Who knows everybody need not come near first: the nearest are asked at once.
  if (directory_on && task.kind == TaskKind::Find && task.origin == Origin::Caller) return;
  if (config.favoured == 0) return;
  std::vector<std::pair<std::int64_t, ContactHandle>> order;
  for (const ContactHandle handle : near) {
    const Entry* entry = table.find(book.id(handle));
    if (entry == nullptr || entry->rtt_ms == 0) continue;
    const int bits = common_prefix(book.id(handle), task.lookup.target());
    order.emplace_back(entry->rtt_ms - bits * (config.bit_cost / 1ms), handle);
  }
  std::ranges::sort(order);
  for (std::size_t i = 0; i < std::min(order.size(), config.favoured); ++i)
    task.lookup.favour(order[i].second);
}

void DhtState::pump(Instant now, Task& task) {
  if (task.stats.took != Duration::zero()) return;  // finished, waiting to be removed
  const bool confirming = confirm(now, task);
  while (!confirming) {
    if (task.kind == TaskKind::Get && get_finished(task)) break;
    const ContactHandle to = task.lookup.next();
    if (to == ContactHandle::None) break;
    Request ask;
    ask.type = task.kind == TaskKind::Get ? MessageType::Get : MessageType::FindNode;
    ask.target = task.lookup.target();
    ask.kind = task.options.kind;
    if (!request(now, to, ask, Purpose::Walk, {.task = &task, .padding = padding_in(task, to)}))
      task.lookup.on_failure(to);
  }
  const bool put = task.kind == TaskKind::Put;
  const bool rim = rpc.asking_again(static_cast<std::uint32_t>(task.id));
  const bool walked = task.lookup.done() || (put && task.lookup.settled());
  if (put) {
    store_where_ready(now, task);
    const std::size_t holders = task.sent_to.size() + (task.stored_here ? 1 : 0);
    // Before the walk has ended only those are stored to that surely belong to the region: then
    // three quarters of a whole one are needed.
    const std::size_t region =
        rim || !walked ? config.k : std::clamp<std::size_t>(holders, 1, config.k);
    if (task.stored * 100U >= region * config.store_percent) report_put(now, task);
    if (walked && task.outstanding == 0 && !rim) finish(now, task);
  } else if ((walked && !(rim && task.origin == Origin::Crawl)) ||
             (task.kind == TaskKind::Get && get_finished(task))) {
    finish(now, task);
  }
}

// Too few are known where the walk would end. The nearest are asked for all they know, as their
// first answers held two or five: mostly that is enough, and liars have to name far ones.
bool DhtState::confirm(Instant now, Task& task) {
  if (!task.lookup.thin()) return false;
  const auto id = static_cast<std::uint32_t>(task.id);
  if (std::exchange(task.confirmed, true)) return rpc.asking_again(id);
  for (const auto& [teller, told] : task.lookup.believed(kConfirm)) {
    if (told >= config.k / 2) continue;
    Request on;
    on.type = MessageType::FindNode;
    on.target = task.lookup.target();
    on.skip = told;
    request(now, teller, on, Purpose::Walk, {.task = &task, .again = 1});
  }
  return rpc.asking_again(id);
}

// A caller's walk ends among the nearest, and what they name decides whether it may: the two
// nearest known are asked for as many contacts as a datagram holds. A put needs the region at once,
// and a cookie of each: so are its nearest, and when enough are known the others for their cookie
// alone. 0: as usual.
std::uint16_t DhtState::padding_in(const Task& task, ContactHandle to) const {
  const bool called = task.kind == TaskKind::Find && task.origin == Origin::Caller;
  if (called && task.lookup.rank(to) < config.witnesses &&
      !(distance(book.id(to), task.lookup.target()) > task.lookup.limits().crowded))
    return static_cast<std::uint16_t>(config.max_datagram);
  if (task.kind != TaskKind::Put || !task.lookup.in_region(to)) return 0;
  if (task.lookup.rank(to) < config.tellers) return static_cast<std::uint16_t>(config.max_datagram);
  return task.lookup.region_size() >= config.k
             ? static_cast<std::uint16_t>(config.padded_hello_ping)
             : std::uint16_t{0};
}

void DhtState::on_walk_reply(Instant now, Task& task, const Pending& pending, const Reply& reply) {
  const ContactHandle from = pending.to;
  const std::size_t count =
      std::min({contact_count(reply.contacts), config.k, Reply::kMaxContacts});
  if (count == 0 && ask_anew(now, task, pending, reply)) return;
  book.warm_wire(reply.contacts);
  std::array<ContactHandle, Reply::kMaxContacts> named;
  for (std::size_t i = 0; i < count; ++i)
    named[i] = book.intern_wire(contact_at(reply.contacts, i));
  const bool believed = weigh(now, task, pending, reply, std::span(named).first(count));
  for (const ContactHandle told : std::span(named).first(count)) {
    if (told == ContactHandle::None || book.id(told) == self.id) continue;
    const Contact& contact = book.at(told);
    if (contact.endpoint.is_unspecified() || contact.endpoint.port == 0) continue;
    const bool bad = shunned.has(now, contact.id);
    task.lookup.add(from, told, contact.id, short_prefix(prefix_of(contact.endpoint)), bad);
    if (bad) continue;
    learn(told, false);  // a directory is hearsay anyway
    if (!believed) continue;
    if (task.origin != Origin::Caller && table.suggest(told)) verify(now, told);
  }
  const auto hop = static_cast<std::uint16_t>(task.lookup.hop_of(from) + 1);
  task.stats.hops = std::max(task.stats.hops, hop);
  if (task.kind == TaskKind::Get && reply.type == MessageType::Get) {
    if ((reply.flags & kFlagMore) != 0 && reply.records.empty() && !pending.again) {
      // It holds more than an unproven address may be sent; now we have its cookie.
      Request again;
      again.type = MessageType::Get;
      again.target = task.lookup.target();
      again.kind = task.options.kind;
      if (request(now, from, again, Purpose::Walk, {.task = &task, .again = 1})) return;
    }
    take_records(now, task, from, reply);
  }
  task.lookup.on_reply(from);
  ask_on(now, task, pending, reply, count);
  pump(now, task);
}

// An empty answer to one who showed a cookie: it is not accepted any more, since a translator gave
// us another port or the server began anew. The answer brought a fresh one.
bool DhtState::ask_anew(Instant now, Task& task, const Pending& pending, const Reply& reply) {
  if (!pending.cookie || pending.again > 0 || !reply.records.empty()) return false;
  Request again;
  again.type = reply.type;
  again.target = task.lookup.target();
  again.kind = task.options.kind;
  return request(now, pending.to, again, Purpose::Walk, {.task = &task, .again = 1});
}

bool DhtState::wary() const { return doubts > kDoubt / 100 * config.wary; }

// Whether what it names may be all it knows. Whoever had the record has said enough.
bool DhtState::weigh(Instant now, Task& task, const Pending& pending, const Reply& reply,
                     std::span<const ContactHandle> told) {
  if (!reply.records.empty() || (told.empty() && pending.skip > 0)) return true;
  const NodeId& teller = book.id(pending.to);
  Testimony said{teller, pending.skip + told.size(), {}};
  for (const ContactHandle handle : told)
    if (handle != ContactHandle::None)
      said.last = std::max(said.last, distance(book.id(handle), task.lookup.target()));
  const Verdict verdict = Density(table.network_size(), config.k).judge(task.lookup.target(), said);
  doubts = static_cast<std::uint16_t>(doubts - doubts / kMemory);
  if (verdict != Verdict::Believed) doubts = static_cast<std::uint16_t>(doubts + kDoubt / kMemory);
  if (verdict == Verdict::Believed) {
    table.on_word(teller, true);
    return true;
  }
  task.lookup.doubt(pending.to);
  if (task.lookup.doubted() == kDoubtful) {  // ours may be the wrong ones to ask: ask others too
    std::vector<ContactHandle> near;
    table.closest(task.lookup.target(), 3 * config.k, 0, ContactHandle::None, near);
    add_seeds(now, task, near);
  }
  // Who has just begun knows few. Nobody has for long, whatever it says.
  const Entry* entry = table.find(teller);
  const bool young = entry == nullptr || age_of(*entry) < to_ticks(2 * config.newcomer);
  if ((reply.flags & kFlagNewcomer) != 0 && young) return false;
  if (table.on_word(teller, false) || verdict == Verdict::Absurd) {
    shunned.add(now, teller, config.shun);
    table.remove(teller);
    unlearn(pending.to);
  }
  return false;
}

// A reply holds fewer contacts than a region: the nearest, who know it best, are asked for the
// rest.
bool DhtState::ask_on(Instant now, Task& task, const Pending& pending, const Reply& reply,
                      std::size_t count) {
  const bool all_wanted = task.lookup.limits().exhaustive || task.origin == Origin::Crawl;
  if (!all_wanted || (reply.flags & kFlagMoreContacts) == 0) return false;
  if (pending.again >= kAskOn || task.lookup.rank(pending.to) >= kRimTellers) return false;
  Request on;
  on.type = task.kind == TaskKind::Get ? MessageType::Get : MessageType::FindNode;
  on.target = task.lookup.target();
  on.kind = task.options.kind;
  on.skip = std::min<std::uint64_t>(pending.skip + count, Request::kMaxSkip);
  return request(now, pending.to, on, Purpose::Walk,
                 {.task = &task, .again = static_cast<std::uint8_t>(pending.again + 1)});
}

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

bool DhtState::get_finished(const Task& task) const {
  if (!task.best) return false;
  if (task.options.first_only || task.options.kind == RecordKind::Immutable) return true;
  if (!is_mutable(task.options.kind)) return false;
  return task.votes.size() * 2 >= config.k && agreed(task);
}

void DhtState::send_store(Instant now, Task& task, ContactHandle to) {
  task.sent_to.push_back(to);
  Request put;
  put.type = MessageType::Put;
  put.record = task.record;
  put.cas = task.cas;
  put.left = task.left;
  if (request(now, to, put, Purpose::Store, {.task = &task})) ++task.outstanding;
}

void DhtState::store_where_ready(Instant now, Task& task) {
  // Whoever replied and surely belongs to the region is stored to while the walk goes on.
  const bool walked = task.lookup.done() || task.lookup.settled();
  const bool sure = walked || (task.lookup.arrived() && task.lookup.region_size() >= config.k);
  std::vector<ContactHandle> ready;
  for (const auto& candidate : task.lookup.candidates()) {
    if (candidate.state != Lookup::State::Replied) continue;
    if (std::ranges::find(task.sent_to, candidate.handle) != task.sent_to.end()) continue;
    if (!task.lookup.in_region(candidate.handle)) break;
    if (!sure && candidate.distance > task.lookup.limits().region) continue;
    ready.push_back(candidate.handle);
  }
  for (const ContactHandle handle : ready) send_store(now, task, handle);
  if (walked && !task.stored_here) store_here(now, task);
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

LookupId Dht::find_node(Instant now, const NodeId& target) {
  DhtState& s = *state_;
  LookupLimits limits = s.limits_for(TaskKind::Find, 1, false);
  limits.crowd = s.wary() ? s.config.crowd_doubting : s.config.crowd;
  limits.crowd_doubting = s.config.crowd_doubting;
  Task* task = s.start(now, TaskKind::Find, target, limits, Origin::Caller);
  if (task == nullptr) return LookupId::None;
  const LookupId id = task->id;
  s.pump(now, *task);
  return id;
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
