// Upkeep: joining, keeping the table alive, records where they belong, everybody known.
#include <algorithm>
#include <bit>
#include <utility>

#include "dht/state.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kSeeds = 16;
constexpr std::size_t kHandOver = 32;  // records given to one newcomer at a time
constexpr Duration kRecordTick = 60s;
constexpr std::uint8_t kHurry = 4;     // lost ones asked at once when one came back
constexpr std::uint8_t kReturned = 3;  // so many back together were behind a cut

std::uint64_t seconds_of(Duration left) {
  return static_cast<std::uint64_t>(std::max<Duration>(left, 0s) / 1s);
}

}  // namespace

void DhtState::upkeep(Instant now) {
  sweep_book();
  cookies.expire(now);
  decide_mode(now);
  join(now);
  const bool refreshing = refresh(now);
  const bool crawling = crawl(now);
  const bool stepping = refreshing || crawling;
  Instant next = now + config.ping_min;
  const Entry* due = table.due(now, next, directory_on);
  if (now < next_ping) {
    next = std::max(next, next_ping);
  } else if (due != nullptr || (!fresh.empty() && table.size() > 0)) {
    // News waits for nobody's turn: without anybody due it goes to one at random.
    const ContactHandle to = due != nullptr ? due->handle : table.nth(rng.uniform(table.size()));
    next_ping = now + config.ping_pace;
    next = next_ping;
    if (!rpc.asking(to, Purpose::Upkeep)) {
      Request ping;
      const Bytes contacts = news();
      ping.contacts = contacts;
      if (request(now, to, ping, Purpose::Upkeep) && !contacts.empty())
        told_in = rpc.all().back().first;
    }
  } else if (const ContactHandle waiting = table.take_replacement(directory_on);
             waiting != ContactHandle::None) {
    next_ping = now + config.ping_pace;
    next = next_ping;
    verify(now, waiting);
  }
  if (records.size() > 0 || !own.empty()) {
    records.expire(now);
    republish(now);
    next = std::min(next, now + kRecordTick);
    for (const OwnRecord& record : own) next = std::min(next, record.next);
  }
  keep_peers(now);
  next = std::min(next, next_persist);
  ask_lost(now);
  if (lost.size() > 0) next = std::min(next, next_lost);
  if (!fresh.empty()) next = std::min(next, std::max(next_ping, now + config.upkeep_step));
  if (stepping) next = std::min(next, now + config.upkeep_step);
  if (table.size() == 0 && !seeds.empty()) next = std::min(next, next_join);
  upkeep_at = std::max(next, now + config.upkeep_step);
}

void DhtState::verify(Instant now, ContactHandle contact, bool introduced) {
  if (rpc.count(Purpose::Verify) >= config.verifying || rpc.asking(contact, Purpose::Verify))
    return;
  const Entry* known = table.find(book.id(contact));
  if (known != nullptr && known->handle == contact) return;
  Request ping;
  request(now, contact, ping, Purpose::Verify, {.introduced = introduced});
}

void DhtState::on_new_contact(Instant now, ContactHandle contact, bool newcomer) {
  hand_over(now, contact);
  learn(contact, newcomer);  // who has been here for long is news to nobody else
}

// A newcomer among the k closest to a record gets it from whoever was closest until now.
void DhtState::hand_over(Instant now, ContactHandle to) {
  if (records.size() == 0) return;
  const NodeId& newcomer = book.id(to);
  std::size_t given = 0;
  std::vector<ContactHandle> near;
  for (const auto& stored : records.all()) {
    if (stored->until <= now) continue;
    const Distance theirs = distance(newcomer, stored->key);
    const Distance ours = distance(self.id, stored->key);
    table.closest(stored->key, config.k, 0, to, near);
    std::size_t nearer = 0;
    bool we_are_first = true;
    for (const ContactHandle other : near) {
      const Distance reach_of_other = distance(book.id(other), stored->key);
      if (reach_of_other < theirs) ++nearer;
      if (reach_of_other < ours) we_are_first = false;
    }
    if (nearer >= config.k || !we_are_first) continue;
    if (!store_directly(now, to, stored->record, stored->until - now) || ++given >= kHandOver)
      break;
  }
}

bool DhtState::store_directly(Instant now, ContactHandle to, const Record& record, Duration left) {
  if (!cookies.find(now, to)) return false;
  const Bytes encoded = record.encode();
  Request put;
  put.type = MessageType::Put;
  put.record = encoded;
  put.left = seconds_of(left);
  return request(now, to, put, Purpose::Store);
}

void DhtState::join(Instant now) {
  if (table.size() > 0 || seeds.empty() || now < next_join) return;
  next_join = now + config.join_retry;
  for (const auto& task : tasks)
    if (task->origin == Origin::Bootstrap) return;
  Task* task =
      start(now, TaskKind::Find, self.id, limits_for(TaskKind::Find, 1, false), Origin::Bootstrap);
  if (task == nullptr) return;
  for (const ContactHandle handle : seeds) task->lookup.add_seed(handle, book.id(handle), 0);
  pump(now, *task);
}

// True while ranges remain to be filled: one lookup at a time. First who is around us, which also
// tells how many there are, then one range after the other, the near ones first.
bool DhtState::refresh(Instant now) {
  if (table.size() == 0) return false;
  for (const auto& task : tasks)
    if (task->origin == Origin::Refresh || task->origin == Origin::Bootstrap) return false;
  LookupLimits limits = limits_for(TaskKind::Find, 1, false);
  NodeId target = self.id;
  if (now >= next_self_lookup) {
    // A new server asks its whole neighbourhood, so that each of them hears of it.
    limits = limits_for(TaskKind::Find, 1, server && !announced);
    announced = server;
    next_self_lookup = now + self_lookup_pause();
  } else if (const auto range = next_range(now)) {
    target = random_id_near(self.id, *range);
    // With a directory of everybody each one met is news, here and there.
    if (!directory_on) {
      const bool wide = table.capacity(*range) > config.k;
      limits.queries = wide ? config.wide_queries : config.range_queries;
    }
  } else {
    return false;
  }
  Task* task = start(now, TaskKind::Find, target, limits, Origin::Refresh);
  if (task != nullptr) pump(now, *task);
  return filling || ranges_left > 0;
}

// A range worth a lookup: after joining each that holds few contacts, later what nobody touched.
std::optional<std::size_t> DhtState::next_range(Instant now) {
  if (std::exchange(filling, false))
    ranges_left = static_cast<std::uint32_t>(std::bit_width(table.network_size() / config.k)) + 1;
  while (ranges_left > 0) {
    const std::size_t range = --ranges_left;
    if (directory_on || range >= table.bucket_count() ||
        table.bucket(range).live.size() < config.k / 2)
      return range;
  }
  return directory_on ? std::nullopt : table.stale_bucket(now);
}

// Neighbours come and go with the churn seen: a quarter of the life to be expected.
Duration DhtState::self_lookup_pause() const {
  if (!server) return config.refresh;
  const Duration quarter = from_ticks(table.lifetime() / 4).time_since_epoch();
  return std::clamp(quarter, config.self_lookup_min, config.refresh);
}

void DhtState::republish(Instant now) {
  for (OwnRecord& mine : own) {
    if (mine.next > now) continue;
    mine.next = now + (mine.record.is_presence() ? config.presence_republish : config.republish);
    Task* task =
        start(now, TaskKind::Put, mine.key, limits_for(TaskKind::Put, 1, true), Origin::Repair);
    if (task == nullptr) return;
    task->record = mine.record.encode();
    pump(now, *task);
    return;
  }
  repair(now);
}

// One holder repairs for all: its put puts off everybody's repair. Spread by id, so that they do
// not all start in the same minute.
void DhtState::repair(Instant now) {
  const Duration spread = std::chrono::seconds(self.id.bytes[31] * 16);
  if (now.time_since_epoch() < spread) return;
  for (const auto& task : tasks)
    if (task->origin == Origin::Repair) return;
  Stored* stored = records.due_for_repair(now - spread);
  if (stored == nullptr) return;
  stored->repair_at = now + config.repair;
  // Nobody's put reaches whoever does not belong to the region any more: each of these would repair
  // for itself. They leave it to those who do, and now and then make sure of it.
  if (!among_nearest(stored->key) && rng.uniform(config.repair_outside) != 0) return;
  Task* task =
      start(now, TaskKind::Put, stored->key, limits_for(TaskKind::Put, 1, true), Origin::Repair);
  if (task == nullptr) return;
  task->record = stored->record.encode();
  task->left = seconds_of(stored->until - now);
  pump(now, *task);
}

bool DhtState::among_nearest(const Key& key) const {
  std::vector<ContactHandle> near;
  table.closest(key, config.k, 0, ContactHandle::None, near);
  return near.size() < config.k || distance(self.id, key) < distance(book.id(near.back()), key);
}

void DhtState::keep_peers(Instant now) {
  if (now < next_persist) return;
  next_persist = now + config.persist_peers;
  std::vector<Contact> peers = best_peers();
  if (!peers.empty()) emit(PeersToPersist{std::move(peers)});
}

// A neighbour that stopped answering may be back: one of them is asked now and then.
void DhtState::ask_lost(Instant now) {
  if (lost.size() == 0 || now < next_lost) return;
  if (hurry > 0) --hurry;
  next_lost = now + (hurry > 0 ? config.upkeep_step : config.ask_lost);
  if (hurry == 0) returned = 0;
  const ContactHandle contact = lost.next();
  if (contact == ContactHandle::None || table.find(book.id(contact)) != nullptr) return;
  Request ping;
  request(now, contact, ping, Purpose::Lost);
}

// Then so may others: some more are asked at once, as long as that finds any. Several of them are
// the other side of a partition: we look around ourselves.
void DhtState::found_again(Instant now, const NodeId& node) {
  lost.forget(book, node);
  hurry = kHurry;
  next_lost = std::min(next_lost, now + config.upkeep_step);
  upkeep_at = std::min(upkeep_at, next_lost);
  if (++returned == kReturned) next_self_lookup = std::min(next_self_lookup, now + config.settle);
}

// We were away, or moved: a server's neighbours are told, as when it began to serve.
void DhtState::show_up(Instant now) {
  announced = false;
  next_self_lookup = now;
  upkeep_at = std::min(upkeep_at, now + config.upkeep_step);
}

// Long known first: those are the ones that will be there after a restart.
std::vector<Contact> DhtState::best_peers() const {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < table.bucket_count(); ++i)
    for (const Entry& entry : table.bucket(i).live)
      if (entry.fails == 0) entries.push_back(entry);
  std::ranges::sort(entries, {}, [&](const Entry& entry) {
    return std::pair(entry.born, book.id(entry.handle));
  });
  std::vector<Contact> peers;
  for (const Entry& entry : entries) {
    if (peers.size() >= config.persisted_peers) break;
    peers.push_back(book.at(entry.handle));
  }
  return peers;
}

void DhtState::decide_mode(Instant now) {
  const bool serve_now = reachable && (server || now - reachable_since >= config.server_after);
  // Every node comes and goes once per session: two events of 60 bytes, heard twice.
  const auto session = static_cast<std::uint64_t>(config.mean_session / 1s);
  const std::uint64_t bits = table.network_size() * 2 * 60 * 8 * 2 / session;
  const std::uint64_t limit = config.full_table_bits_per_second;
  const bool everybody = config.full_table && bits <= (directory_on ? limit : limit * 3 / 4);
  if (serve_now == server && everybody == directory_on) return;
  if (everybody && !directory_on) next_crawl = now;
  if (!everybody) {
    directory = {};
    fresh = {};
    crawl_left = 0;
  }
  if (serve_now && !server) next_self_lookup = now;  // else nobody learns of it for long
  announced = announced && serve_now;
  server = serve_now;
  directory_on = everybody;
  emit(ModeChanged{server, directory_on});
}

NodeId DhtState::random_id_near(const NodeId& base, std::size_t shared_bits) {
  NodeId id{rng.bytes<32>()};
  for (std::size_t bit = 0; bit <= shared_bits && bit < 256; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
    const bool one = ((base.bytes[bit / 8] & mask) != 0) != (bit == shared_bits);
    if (one)
      id.bytes[bit / 8] = static_cast<std::uint8_t>(id.bytes[bit / 8] | mask);
    else
      id.bytes[bit / 8] = static_cast<std::uint8_t>(id.bytes[bit / 8] & ~mask);
  }
  return id;
}

void Dht::bootstrap(Instant now, std::span<const Contact> contacts) {
  DhtState& s = *state_;
  Task* task = s.start(now, TaskKind::Find, s.self.id, s.limits_for(TaskKind::Find, 1, false),
                       Origin::Bootstrap);
  for (const Contact& contact : contacts) {
    if (contact.id == s.self.id) continue;
    const ContactHandle handle = s.book.intern(contact);
    if (handle == ContactHandle::None) continue;
    if (std::ranges::find(s.seeds, handle) == s.seeds.end()) {
      if (s.seeds.size() >= kSeeds) s.seeds.erase(s.seeds.begin());
      s.seeds.push_back(handle);
    }
    if (task != nullptr) task->lookup.add_seed(handle, contact.id, 0);
    s.verify(now, handle);  // its answer also tells our address
  }
  s.next_join = now + s.config.join_retry;
  if (task != nullptr) s.pump(now, *task);
  s.reap();
}

}  // namespace weft::dht
