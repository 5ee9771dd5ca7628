// Answering: nothing here trusts the sender beyond what its seal and cookie prove.
#include <algorithm>

#include "dht/state.hpp"

namespace weft::dht {

void DhtState::serve(Instant now, const Datagram& in, const Unsealed& unsealed,
                     ContactHandle from) {
  const auto request = Request::decode(unsealed.body);
  if (!request) {
    ++counters.malformed;
    return;
  }
  const bool proven =
      request->cookie && jar.valid(now, rng, sealer, in.from, unsealed.sender, *request->cookie);
  if (request->cookie && !proven) ++counters.bad_cookies;
  if (!limiter.allow(now, in.from, proven)) {
    ++counters.rate_limited;
    return;
  }
  Reply reply;
  reply.type = request->type;
  reply.cookie = jar.issue(now, rng, sealer, in.from, unsealed.sender);
  const std::size_t limit = proven ? config.max_datagram : in.payload.size();
  const std::size_t overhead = sealer.overhead(true, unsealed.hello);
  const std::size_t room = limit > overhead + 32 ? limit - overhead - 32 : 0;
  Bytes contacts;
  std::vector<Bytes> encoded;
  switch (request->type) {
    case MessageType::Ping:
      if (!proven) reply.observed = in.from;
      // News is hearsay, and taken only from whom we verified ourselves.
      if (directory_on && table.find(unsealed.sender) != nullptr)
        for (std::size_t i = 0; i < std::min(contact_count(request->contacts), config.news); ++i)
          learn(book.intern_wire(contact_at(request->contacts, i)), true);
      break;
    case MessageType::FindNode:
      contacts = near_contacts(now, request->target, from, room);
      break;
    case MessageType::Get: {
      std::size_t left = room;
      for (const Stored* stored : records.find(now, request->target, request->kind)) {
        Bytes bytes = stored->record.encode();
        if (bytes.size() + 3 > left || encoded.size() == Reply::kMaxRecords) {
          if (!proven) reply.flags |= kFlagMore;
          continue;
        }
        left -= bytes.size() + 3;
        encoded.push_back(std::move(bytes));
      }
      // Who got what it asked for needs no long list of others.
      const std::size_t wanted = encoded.empty() ? left : std::min(left, 4 * kContactSize);
      contacts = near_contacts(now, request->target, from, wanted);
      for (const Bytes& bytes : encoded) reply.records.emplace_back(bytes);
      break;
    }
    case MessageType::Put:
      if (!proven) {
        reply.error = PutError::Protocol;
        if (!request->cookie) ++counters.bad_cookies;
      } else {
        reply.error = store(now, *request);
      }
      if (reply.error != PutError::None) ++counters.puts_refused;
      break;
  }
  reply.contacts = contacts;
  answer(unsealed, from, reply, limit);
  if ((request->flags & kFlagServer) == 0) return;
  if (proven) table.on_heard(now, from);
  if (table.suggest(from)) verify(now, from);
}

void DhtState::answer(const Unsealed& unsealed, ContactHandle to, const Reply& reply,
                      std::size_t limit) {
  Reply complete = reply;
  complete.flags |= flags();
  Outgoing out;
  out.to = to;
  out.body = complete.encode();
  out.hello = unsealed.hello;  // who introduces itself may not have seen our certificate either
  const std::size_t overhead = sealer.overhead(true, out.hello);
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

PutError DhtState::store(Instant now, const Request& request) {
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
  return records.put(now, wall.at(now), record->key(), *record, request.cas);
}

Bytes DhtState::near_contacts(Instant now, const NodeId& target, ContactHandle except,
                              std::size_t room) {
  Bytes out;
  const std::size_t count = std::min(room / kContactSize, config.k);
  if (count == 0) return out;
  const Ticks oldest = to_ticks(now) - std::min(to_ticks(now), to_ticks(config.relay_age));
  std::vector<ContactHandle> near;
  table.closest(target, count, oldest, except, near);
  out.reserve(near.size() * kContactSize);
  for (const ContactHandle handle : near) append_wire(out, book.at(handle));
  return out;
}

}  // namespace weft::dht
