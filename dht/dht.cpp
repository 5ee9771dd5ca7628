#include "dht/dht.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "dht/state.hpp"

namespace weft::dht {

DhtState::DhtState(Instant now, const DhtSetup& setup)
    : config(setup.config),
      book(setup.book),
      post(setup.post),
      rng(setup.rng),
      network(setup.network),
      self(setup.self),
      wall(setup.wall),
      table(setup.config, setup.book, setup.self.id),
      records(setup.config, setup.self.id),
      rpc(setup.config),
      jar(setup.config),
      cookies(setup.config),
      limiter(setup.config),
      server(setup.server),
      reachable(setup.server),
      reachable_since(now),
      newcomer_until(now + setup.config.newcomer),
      upkeep_at(now + setup.config.ping_pace),
      next_persist(now + setup.config.persist_peers),
      next_self_lookup(now + setup.config.refresh) {
  self_handle = book.intern(self);
}

void DhtState::receive(Instant now, const Arrived& in) {
  ++counters.messages_in;
  counters.bytes_in += in.size;
  if (in.message.sender == self.id) return;
  sweep_book();
  if (in.message.answers) {
    on_reply(now, in.message);
    return;
  }
  const ContactHandle from = sender_of(in.message, in.from);
  if (from == ContactHandle::None)
    ++counters.dropped;
  else
    serve(now, in, from);
}

ContactHandle DhtState::sender_of(const Unsealed& in, const Endpoint& from) {
  if (in.identity) return book.intern({in.sender, *in.identity, in.static_key, from});
  const ContactHandle known = book.find(in.sender);
  if (known == ContactHandle::None) return known;
  Contact sender = book.at(known);
  sender.endpoint = from;
  // Hearsay may have named it with another static key since.
  if (in.proven) sender.static_key = in.static_key;
  return book.intern(sender);
}

void DhtState::on_reply(Instant now, const Unsealed& in) {
  const auto reply = Reply::decode(in.body);
  if (!reply) {
    ++counters.malformed;
    return;
  }
  if (!in.proven) {  // anybody may claim an identity: wait for the answer to our HELLO
    ++counters.unproven;
    return;
  }
  std::optional<Duration> rtt;
  const auto pending = rpc.answered(now, *in.answers, rtt);
  if (!pending || book.id(pending->to) != in.sender) {
    ++counters.stray_replies;
    return;
  }
  // The address the request went to is the one that was proven, wherever the reply came from.
  ContactHandle from = pending->to;
  if (in.hello && in.identity && in.static_key != book.at(from).static_key) {
    const ContactHandle renewed =  // it has a new static key since we heard of it
        book.intern({in.sender, *in.identity, in.static_key, book.at(from).endpoint});
    if (renewed != ContactHandle::None) from = renewed;
  }
  cookies.store(now, from, reply->cookie);
  if (reply->observed) emit(AddressSeen{*reply->observed, in.sender});
  if ((reply->flags & kFlagServer) != 0) {
    proven(now, from, rtt, (reply->flags & kFlagNewcomer) != 0);
  } else {
    table.remove(in.sender);
    unlearn(from);
  }
  if (pending->first == told_in) news_arrived(reply->known);
  Task* task = find_task(pending->task);
  if (task == nullptr) return;
  ++task->stats.replies;
  if (pending->purpose == Purpose::Store)
    on_store_result(now, *task, reply->error, true);
  else
    on_walk_reply(now, *task, *pending, *reply);
}

// A server answered a request of ours.
void DhtState::proven(Instant now, ContactHandle from, std::optional<Duration> rtt, bool newcomer) {
  const NodeId& node = book.id(from);
  if (lost.has(book, node)) found_again(now, node);
  if (shunned.has(now, node)) return;
  if (table.on_reply(now, from, rtt) == RoutingTable::Inserted::New)
    on_new_contact(now, from, newcomer);
  else
    learn(from, false);
}

void DhtState::on_deadline(Instant now) {
  while (Pending* pending = rpc.due(now)) {
    ++counters.timeouts;
    if (pending->attempt < config.attempts && pending->purpose != Purpose::Lost) {
      Task* task = find_task(pending->task);
      if (task != nullptr && pending->purpose == Purpose::Walk) {
        task->lookup.on_slow(pending->to);
        ++task->stats.requests;
      }
      Request again = rebuild(now, *pending);
      Outgoing out;
      out.to = pending->to;
      out.body = again.encode();
      out.nonce = rng.bytes<24>();
      // The peer may have forgotten our key: introduce ourselves again, if there is room.
      out.hello = post.overhead(false, true) + out.body.size() <= config.max_datagram;
      out.pad_to = padding_for(again, out.hello);
      rpc.resent(now, *pending, out.nonce);
      ++counters.retransmits;
      enqueue(std::move(out));
      if (task != nullptr) pump(now, *task);
      continue;
    }
    const Pending failed = rpc.take(pending);
    cookies.forget(failed.to);
    if (table.on_failure(failed.to)) {
      // Who answers pings and nothing else is not lost, it is of no use.
      if (failed.purpose == Purpose::Upkeep) lost.add(book, self.id, failed.to);
      table.remove(book.id(failed.to));
    }
    unlearn(failed.to);
    Task* task = find_task(failed.task);
    if (task == nullptr) continue;
    if (failed.purpose == Purpose::Store) {
      on_store_result(now, *task, PutError::None, false);
    } else {
      task->lookup.on_failure(failed.to);
      ++task->stats.failures;
      pump(now, *task);
    }
  }
  reap();
}

Request DhtState::rebuild(Instant now, const Pending& pending) {
  Request request;
  request.flags = flags(now);
  request.cookie = cookies.find(now, pending.to);
  const Task* task = find_task(pending.task);
  if (task == nullptr) return request;  // a ping proves life as well as anything
  if (pending.purpose == Purpose::Store) {
    request.type = MessageType::Put;
    request.record = task->record;
    request.cas = task->cas;
  } else if (task->kind == TaskKind::Get) {
    request.type = MessageType::Get;
    request.target = task->lookup.target();
    request.kind = task->options.kind;
    request.skip = pending.skip;
  } else {
    request.type = MessageType::FindNode;
    request.target = task->lookup.target();
    request.skip = pending.skip;
  }
  return request;
}

bool DhtState::request(Instant now, ContactHandle to, Request& request, Purpose purpose,
                       const Errand& errand) {
  if (rpc.full() || outgoing.size() - out_head >= config.queue) {
    ++counters.dropped;
    return false;
  }
  request.flags = flags(now);
  request.cookie = cookies.find(now, to);
  const Entry* known = table.find(book.id(to));
  const bool knows_us =
      errand.introduced || request.cookie || (known != nullptr && known->handle == to);
  Outgoing out;
  out.to = to;
  out.body = request.encode();
  out.nonce = rng.bytes<24>();
  out.hello = request.type != MessageType::Put && (!knows_us || !post.proven(book.at(to)));
  out.pad_to = padding_for(request, out.hello);
  if (errand.padding != 0 && out.pad_to != 0) out.pad_to = errand.padding;
  const Duration rtt = known != nullptr ? Duration(std::chrono::milliseconds(known->rtt_ms)) : 0ms;
  Pending& pending =
      rpc.sent(now, out.nonce, to, purpose,
               errand.task != nullptr ? static_cast<std::uint32_t>(errand.task->id) : 0, rtt);
  pending.again = errand.again;
  pending.skip = static_cast<std::uint8_t>(request.skip);
  pending.cookie = request.cookie.has_value();
  if (errand.task != nullptr) ++errand.task->stats.requests;
  enqueue(std::move(out));
  return true;
}

// What a request without cookie must weigh, so that its reply may be useful and yet not longer.
std::uint16_t DhtState::padding_for(const Request& request, bool hello) const {
  if (request.cookie) return 0;
  const bool ping = request.type == MessageType::Ping;
  if (hello)
    return static_cast<std::uint16_t>(ping ? config.padded_hello_ping : config.padded_hello);
  return static_cast<std::uint16_t>(ping ? config.padded_ping : config.padded_request);
}

void DhtState::enqueue(Outgoing&& out) {
  if (outgoing.size() - out_head >= config.queue) {
    ++counters.dropped;
    return;
  }
  outgoing.push_back(std::move(out));
}

void DhtState::emit(DhtEvent&& event) {
  if (events.size() - event_head >= config.queue) {
    ++counters.dropped;
    return;
  }
  events.push_back(std::move(event));
}

std::uint64_t DhtState::flags(Instant now) const {
  return (server ? kFlagServer : 0) | (directory_on ? kFlagFullTable : 0) |
         (now < newcomer_until ? kFlagNewcomer : 0);
}

void DhtState::sweep_book() {
  if (!book.wants_sweep()) return;
  std::vector<ContactHandle> keep = directory;
  keep.push_back(self_handle);
  keep.insert(keep.end(), seeds.begin(), seeds.end());
  for (std::size_t i = 0; i < table.bucket_count(); ++i) {
    for (const Entry& entry : table.bucket(i).live) keep.push_back(entry.handle);
    for (const ContactHandle handle : table.bucket(i).replacements) keep.push_back(handle);
  }
  for (const auto& task : tasks) {
    for (const auto& candidate : task->lookup.candidates()) keep.push_back(candidate.handle);
    for (const ContactHandle handle : task->sent_to) keep.push_back(handle);
    for (const auto& vote : task->votes) keep.push_back(vote.holder);
  }
  for (const Pending& pending : rpc.all()) keep.push_back(pending.to);
  for (std::size_t i = out_head; i < outgoing.size(); ++i) keep.push_back(outgoing[i].to);
  for (const NewsItem& item : fresh) keep.push_back(item.who);
  lost.keep(keep);
  for (std::size_t i = event_head; i < events.size(); ++i)
    if (const auto* found = std::get_if<NodesFound>(&events[i]))
      keep.insert(keep.end(), found->closest.begin(), found->closest.end());
  book.keep_only(std::move(keep));
}

Dht::Dht(Instant now, const DhtSetup& setup) : state_(std::make_unique<DhtState>(now, setup)) {}
Dht::~Dht() = default;

void Dht::handle_message(Instant now, const Arrived& in) {
  state_->receive(now, in);
  state_->reap();
}

void Dht::handle_timeout(Instant now) {
  state_->on_deadline(now);
  if (now >= state_->upkeep_at) state_->upkeep(now);
  state_->reap();
}

std::optional<Departing> Dht::poll_message() {
  DhtState& s = *state_;
  if (s.out_head >= s.outgoing.size()) return std::nullopt;
  Outgoing next = std::move(s.outgoing[s.out_head++]);
  if (s.out_head == s.outgoing.size()) {
    s.outgoing = {};
    s.out_head = 0;
  }
  ++s.counters.messages_out;
  return Departing{&s.book.at(next.to), std::move(next.body), next.nonce,
                   next.answers,        next.hello,           next.pad_to};
}

std::optional<Dht::Event> Dht::poll_event() {
  DhtState& s = *state_;
  if (s.event_head >= s.events.size()) return std::nullopt;
  std::optional<Event> event = std::move(s.events[s.event_head++]);
  if (s.event_head == s.events.size()) {
    s.events = {};
    s.event_head = 0;
  }
  return event;
}

std::optional<Instant> Dht::poll_timeout() const {
  const auto rpc = state_->rpc.next();
  return rpc ? std::min(*rpc, state_->upkeep_at) : state_->upkeep_at;
}

void Dht::cancel(LookupId id) {
  state_->rpc.release(static_cast<std::uint32_t>(id));
  std::erase_if(state_->tasks, [&](const auto& task) { return task->id == id; });
}

void Dht::forget_record(const Key& key, const IdentityKey& author) {
  std::erase_if(state_->own, [&](const OwnRecord& own) {
    return own.key == key && own.record.author == author;
  });
}

void Dht::forget_node(const NodeId& node) {
  state_->lost.forget(state_->book, node);
  state_->table.remove(node);
  std::erase_if(state_->seeds,
                [&](ContactHandle handle) { return state_->book.id(handle) == node; });
  std::erase_if(state_->directory,
                [&](ContactHandle handle) { return state_->book.id(handle) == node; });
  std::erase_if(state_->fresh, [&](const auto& item) { return state_->book.id(item.who) == node; });
}

std::vector<NodeId> Dht::known_nodes() const {
  const DhtState& s = *state_;
  std::vector<NodeId> nodes;
  for (const ContactHandle handle : s.directory) nodes.push_back(s.book.id(handle));
  for (const ContactHandle handle : s.seeds) nodes.push_back(s.book.id(handle));
  for (std::size_t i = 0; i < s.table.bucket_count(); ++i) {
    const Bucket& bucket = s.table.bucket(i);
    for (const Entry& entry : bucket.live) nodes.push_back(s.book.id(entry.handle));
    for (const ContactHandle handle : bucket.replacements) nodes.push_back(s.book.id(handle));
  }
  std::ranges::sort(nodes);
  const auto rest = std::ranges::unique(nodes);
  nodes.erase(rest.begin(), rest.end());
  return nodes;
}

void Dht::set_self(Instant now, const Contact& self) {
  WEFT_ASSERT(self.id == state_->self.id);
  state_->self = self;
  state_->self_handle = state_->book.intern(self);
  state_->newcomer_until = now + state_->config.newcomer;
  state_->show_up(now);  // nobody finds us at the old address
  for (OwnRecord& own : state_->own)
    if (own.record.is_presence()) own.next = std::min(own.next, now);
  state_->upkeep_at = std::min(state_->upkeep_at, now + state_->config.ping_pace);
}

void Dht::set_reachable(Instant now, bool reachable) {
  DhtState& s = *state_;
  if (reachable && !s.reachable) s.reachable_since = now;
  s.reachable = reachable;
  s.decide_mode(now);
  if (reachable && !s.server)
    s.upkeep_at = std::min(s.upkeep_at, s.reachable_since + s.config.server_after);
}

void Dht::set_wall_clock(const WallClock& wall) { state_->wall = wall; }

const Contact& Dht::self() const { return state_->self; }
bool Dht::is_server() const { return state_->server; }
bool Dht::full_table() const { return state_->directory_on; }
std::size_t Dht::table_size() const { return state_->table.size(); }
bool Dht::knows(const NodeId& node) const {
  const DhtState& s = *state_;
  return s.table.find(node) != nullptr ||
         std::ranges::binary_search(s.directory, node, {},
                                    [&](ContactHandle handle) { return s.book.id(handle); });
}
std::size_t Dht::directory_size() const { return state_->directory.size(); }
std::size_t Dht::record_count() const { return state_->records.size(); }
bool Dht::holds(const Key& key) const { return state_->records.holds(key); }
std::uint64_t Dht::network_size() const { return state_->table.network_size(); }
const DhtCounters& Dht::counters() const { return state_->counters; }
const RoutingTable& Dht::table() const { return state_->table; }

void Dht::warm(int step, ContactHandle sender, bool reply) const {
  const DhtState* s = state_.get();
  const bool named = s->book.contains(sender);
  if (step == 0) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(s);
    for (std::size_t at = 0; at < sizeof(DhtState); at += 64) __builtin_prefetch(bytes + at);
    if (named) s->book.warm(sender);
  } else if (step == 1) {
    s->rpc.warm();
    s->cookies.warm();
    s->table.warm_buckets();
    if (reply) __builtin_prefetch(s->tasks.data());
  } else if (named && reply) {
    s->table.warm_bucket(s->book.id(sender));
    for (const auto& task : s->tasks) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(task.get());
      for (std::size_t at = 0; at < sizeof(Task); at += 64) __builtin_prefetch(bytes + at);
    }
  } else if (named) {
    s->table.warm_contents();  // who asks for contacts makes us look through much of it
  }
}

std::size_t Dht::memory() const {
  const DhtState& s = *state_;
  std::size_t total = sizeof(Dht) + sizeof(DhtState) + s.table.memory() + s.rpc.memory() +
                      s.cookies.memory() + s.limiter.memory() + s.shunned.memory() +
                      s.lost.memory() + s.records.bytes();
  total += s.directory.capacity() * sizeof(ContactHandle) +
           s.fresh.capacity() * sizeof(s.fresh[0]) + s.news_budget.memory();
  total += s.outgoing.capacity() * sizeof(Outgoing) + s.events.capacity() * sizeof(DhtEvent);
  for (const auto& task : s.tasks)
    total += sizeof(Task) + task->lookup.candidates().capacity() * sizeof(Lookup::Candidate);
  for (const auto& own : s.own) total += sizeof(OwnRecord) + own.record.value.capacity();
  return total;
}

void Dht::check_invariants() const {
  const DhtState& s = *state_;
  s.table.check_invariants();
  s.records.check_invariants();
  for (const auto& task : s.tasks) task->lookup.check_invariants();
  WEFT_ASSERT(s.rpc.size() <= s.config.pending);
  WEFT_ASSERT(s.tasks.size() <= s.config.lookups);
  WEFT_ASSERT(s.shunned.size() <= ShunList::kMost && s.lost.size() <= LostList::kMost);
  WEFT_ASSERT(s.directory.size() <= s.config.full_table_max);
  WEFT_ASSERT(s.outgoing.size() - s.out_head <= s.config.queue);
  for (std::size_t i = 1; i < s.directory.size(); ++i)
    WEFT_ASSERT(s.book.id(s.directory[i - 1]) < s.book.id(s.directory[i]));
}

}  // namespace weft::dht
