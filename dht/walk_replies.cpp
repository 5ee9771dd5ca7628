// What is made of the answers to a walk: whom they name, whether that is believed, who is asked
// again.
#include <algorithm>
#include <array>
#include <utility>

#include "dht/plausible.hpp"
#include "dht/prefix.hpp"
#include "dht/state.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kRimTellers = 2;  // nodes asked for the rim of a region,
constexpr std::size_t kAskOn = 2;       // and how often each
constexpr unsigned kDoubt = 32000;      // DhtState::doubts if every answer is doubted,
constexpr unsigned kMemory = 32;        // and over so many answers
constexpr std::size_t kDoubtful = 5;    // doubted replies of a walk that make it start wider

}  // namespace

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

}  // namespace weft::dht
