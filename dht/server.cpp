// Answering: nothing here trusts the sender beyond what its seal and cookie prove.
#include <algorithm>

#include "dht/state.hpp"

namespace weft::dht {

void DhtState::serve(Instant now, const Arrived& in, ContactHandle from) {
  const Unsealed& unsealed = in.message;
  const auto request = Request::decode(unsealed.body);
  if (!request) {
    ++counters.malformed;
    return;
  }
  const bool proven =
      request->cookie && jar.valid(now, rng, post, in.from, unsealed.sender, *request->cookie);
  if (request->cookie && !proven) ++counters.bad_cookies;
  if (!limiter.allow(now, in.from, proven)) {
    ++counters.rate_limited;
    return;
  }
  const Entry* known = table.find(unsealed.sender);
  if (!proven && (known == nullptr || known->handle != from) && !cookies.find(now, from) &&
      !rpc.asking(from, Purpose::Verify) && !rpc.asking(from, Purpose::Lost) &&
      !rpc.asking(from, Purpose::Walk))
    ++counters.unsolicited;
  Reply reply;
  reply.type = request->type;
  reply.cookie = jar.issue(now, rng, post, in.from, unsealed.sender);
  const std::size_t limit = proven ? config.max_datagram : in.size;
  const std::size_t overhead = post.overhead(true, unsealed.hello);
  const std::size_t room = limit > overhead + 32 ? limit - overhead - 32 : 0;
  Bytes contacts;
  bool more = false;
  std::vector<Bytes> encoded;
  switch (request->type) {
    case MessageType::Ping:
      if (!proven) reply.observed = in.from;
      // News is hearsay, and taken only from whom we verified, or who echoes our cookie.
      if (directory_on && (proven || known != nullptr))
        reply.known = take_news(now, unsealed.sender, request->contacts);
      break;
    case MessageType::FindNode:
      contacts = near_contacts(now, *request, from, room, more);
      break;
    case MessageType::Get: {
      std::size_t left = room;
      bool cut = false;
      encoded = records_for(now, *request, left, cut);
      if (cut && !proven) reply.flags |= kFlagMore;
      // Who got what it asked for needs no long list of others.
      const std::size_t wanted = encoded.empty() ? left : std::min(left, 4 * kContactSize);
      contacts = near_contacts(now, *request, from, wanted, more);
      if (!encoded.empty()) more = false;
      for (const Bytes& bytes : encoded) reply.records.emplace_back(bytes);
      break;
    }
    case MessageType::Put:
      if (!proven) {
        reply.error = PutError::Protocol;
        if (!request->cookie) ++counters.bad_cookies;
      } else {
        reply.error = store(now, *request, unsealed.sender);
      }
      if (reply.error != PutError::None) ++counters.puts_refused;
      break;
  }
  if (more) reply.flags |= kFlagMoreContacts;
  reply.contacts = contacts;
  answer(now, unsealed, from, reply, limit);
  if ((request->flags & kFlagServer) == 0) return;
  if (known != nullptr) {
    if (proven) table.on_heard(now, from);
  } else if (!shunned.has(now, unsealed.sender) && table.suggest(from)) {
    verify(now, from, unsealed.hello);
  }
}

void DhtState::answer(Instant now, const Unsealed& unsealed, ContactHandle to, const Reply& reply,
                      std::size_t limit) {
  Reply complete = reply;
  complete.flags |= flags(now);
  Outgoing out;
  out.to = to;
  out.body = complete.encode();
  out.hello = unsealed.hello;  // who introduces itself may not have seen our certificate either
  const std::size_t overhead = post.overhead(true, out.hello);
  if (overhead + out.body.size() > limit && complete.observed) {
    complete.observed.reset();
    out.body = complete.encode();
  }
  if (overhead + out.body.size() > limit) {
    ++counters.dropped;  // it would be longer than the request of an unproven address
    return;
  }
  out.nonce = rng.bytes<24>();
  out.answers = unsealed.nonce;
  enqueue(std::move(out));
}

// The records under a key that fit into `left` bytes, of which they use some. `cut`: there are
// more.
std::vector<Bytes> DhtState::records_for(Instant now, const Request& request, std::size_t& left,
                                         bool& cut) {
  auto found = records.find(now, request.target, request.kind);
  // Of many providers a reply holds a few: each time others, so that all of them are found.
  if (request.kind == RecordKind::Provider && found.size() > 1)
    std::ranges::rotate(found,
                        found.begin() + static_cast<std::ptrdiff_t>(rng.uniform(found.size())));
  std::vector<Bytes> out;
  for (const Stored* stored : found) {
    Bytes bytes = stored->record.encode();
    if (bytes.size() + 3 > left || out.size() == Reply::kMaxRecords) {
      cut = true;
      continue;
    }
    left -= bytes.size() + 3;
    out.push_back(std::move(bytes));
  }
  return out;
}

PutError DhtState::store(Instant now, const Request& request, const NodeId& from) {
  const auto record = Record::decode(request.record);
  if (!record) {
    ++counters.malformed;
    return PutError::Protocol;
  }
  const PutError error = record->check(network);
  if (error != PutError::None) {
    ++counters.bad_records;
    return error;
  }
  // An author costs nothing to make up; members are few, and each has a share of the room.
  if (record->kind != RecordKind::Immutable &&
      !post.may_author(node_id_of(record->author), wall.at(now)))
    return PutError::Refused;
  return records.put(now, wall.at(now), record->key(), *record, request.cas, request.left, from);
}

// Bit i: contact i was known here already. What is beyond the teller's budget is not looked at.
std::uint64_t DhtState::take_news(Instant now, const NodeId& teller, ByteView contacts) {
  std::uint64_t known = 0;
  std::uint32_t learned = 0;
  const std::uint32_t most = news_budget.left(now, teller);
  for (std::size_t i = 0; i < std::min(contact_count(contacts), config.news); ++i) {
    if (learned == most) {
      ++counters.dropped;
      break;
    }
    if (learn(book.intern_wire(contact_at(contacts, i)), true))
      ++learned;
    else
      known |= std::uint64_t{1} << i;
  }
  news_budget.spend(now, teller, learned);
  return known;
}

Bytes DhtState::near_contacts(Instant now, const Request& request, ContactHandle except,
                              std::size_t room, bool& more) {
  Bytes out;
  const std::size_t fit = room / kContactSize;
  const std::size_t count = std::min(fit, config.k);
  const std::size_t skip = request.skip;
  const Ticks oldest = to_ticks(now) - std::min(to_ticks(now), to_ticks(config.relay_age));
  std::vector<ContactHandle> near;
  table.closest(request.target, skip + count + 1, oldest, except, near);
  more = near.size() > skip + count && skip + count < config.k;
  if (near.size() <= skip) return out;
  const std::size_t end = std::min(near.size(), skip + count);
  out.reserve((end - skip) * kContactSize);
  for (std::size_t i = skip; i < end; ++i) book.warm(near[i]);
  for (std::size_t i = skip; i < end; ++i) append_wire(out, book.at(near[i]));
  return out;
}

}  // namespace weft::dht
