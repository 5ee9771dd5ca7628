// Comparison: two members find out what the one has heard and the other has not. Neither keeps
// anything of it: each packet is answered from what is known then.
//
//   compare(all)        sums differ: sums of its sixteen parts, or items where there are few
//   items(range)        claims that the other lacks, and ask() for those that we do
//   ask(ids)            claims
#include <algorithm>

#include "overlay/membership/swim.hpp"

namespace weft::membership {

namespace {

constexpr std::size_t kShort = 8;  // bytes of the digest of a part

Bytes shortened(const crypto::Hash& digest, const Range& range) {
  Bytes out = to_bytes(digest);
  if (range.depth > 0) out.resize(kShort);
  return out;
}

}  // namespace

void Swim::compare_with(const NodeId& to) {
  ++counters_.syncs;
  const Range all;
  const auto sum = table_.sum(all);
  Packet packet;
  packet.type = PacketType::Compare;
  packet.ranges.push_back({all, shortened(sum.digest, all), sum.count});
  send(packet, to, false);
}

void Swim::on_compare(Instant now, Member& from, const Packet& packet) {
  for (const auto& one : packet.ranges) {
    const auto sum = table_.sum(one.range);
    const auto digest = Bytes(sum.digest.begin(),
                              sum.digest.begin() + static_cast<std::ptrdiff_t>(one.digest.size()));
    if (sum.count == one.count && digest == one.digest) continue;
    if (!from.answers.take(now, static_cast<std::int64_t>(kMaxPacket))) {
      ++counters_.limited;
      return;
    }
    if (sum.count <= kItemsAtOnce || one.range.depth == kMaxDepth) {
      tell_items(from.id, one.range);
      continue;
    }
    Packet answer;
    answer.type = PacketType::Compare;
    for (unsigned nibble = 0; nibble < 16; ++nibble) {
      const Range part = one.range.child(nibble);
      const auto of_part = table_.sum(part);
      answer.ranges.push_back({part, shortened(of_part.digest, part), of_part.count});
    }
    send(answer, from.id, false);
  }
}

void Swim::tell_items(const NodeId& to, const Range& range) {
  Packet packet;
  packet.type = PacketType::Items;
  packet.range = range;
  table_.each(range, [&](const Member& member) {
    if (packet.items.size() < kItemsAtOnce)
      packet.items.push_back({short_id(member.id), member.incarnation, member.kind});
  });
  send(packet, to, false);
}

void Swim::on_items(Instant now, Member& from, const Packet& packet) {
  std::map<std::uint64_t, Item> theirs;
  for (const auto& item : packet.items) theirs[item.id] = item;
  std::vector<const Member*> newer;
  table_.each(packet.range, [&](const Member& member) {
    const auto at = theirs.find(short_id(member.id));
    if (at == theirs.end()) {
      newer.push_back(&member);
      return;
    }
    const Item& item = at->second;
    if (member.incarnation > item.incarnation ||
        (member.incarnation == item.incarnation && member.kind > item.kind))
      newer.push_back(&member);
  });
  Packet ask;
  ask.type = PacketType::Ask;
  for (const auto& [id, item] : theirs) {
    const Member* member = short_id(setup_.self) == id ? &table_.own() : table_.find_short(id);
    if (member == nullptr) continue;
    const bool lacks = item.incarnation > member->incarnation ||
                       (item.incarnation == member->incarnation && item.kind > member->kind);
    if (lacks) ask.ids.push_back(id);
  }
  if (!ask.ids.empty()) send(ask, from.id, false);
  tell_claims(now, from, newer);
}

void Swim::on_ask(Instant now, Member& from, const Packet& packet) {
  std::vector<const Member*> asked;
  for (const auto id : packet.ids) {
    const Member* member = short_id(setup_.self) == id ? &table_.own() : table_.find_short(id);
    if (member != nullptr && member->incarnation > 0) asked.push_back(member);
  }
  tell_claims(now, from, asked);
}

void Swim::tell_claims(Instant now, Member& to, const std::vector<const Member*>& of) {
  Packet packet;
  packet.type = PacketType::Claims;
  std::size_t room = kMaxPacket - Packet::kOverhead;
  const auto flush = [&] {
    if (!packet.claims.empty()) send(packet, to.id, false);
    packet.claims.clear();
    room = kMaxPacket - Packet::kOverhead;
  };
  std::size_t told = 0;
  for (const Member* member : of) {
    if (++told > kClaimsAtOnce) break;
    const std::size_t size = member->claim.size() + Packet::kWordOverhead;
    if (!to.answers.take(now, static_cast<std::int64_t>(size))) {
      ++counters_.limited;
      break;
    }
    if (size > room) flush();
    const State state = member == &table_.own() ? State::Alive : member->state;
    packet.claims.push_back({static_cast<std::uint64_t>(state), member->claim});
    room -= size;
  }
  flush();
}

void Swim::on_claims(Instant now, Member& from, const Packet& packet) {
  const auto before = taken_;
  for (const auto& one : packet.claims) {
    const auto state = one.state <= static_cast<std::uint64_t>(State::Left)
                           ? static_cast<State>(one.state)
                           : State::Unknown;
    hear(now, from, one.word, state);
  }
  // There may be more where that came from.
  if (taken_ != before) next_sync_ = std::min(next_sync_, now + setup_.options.period);
}

}  // namespace weft::membership
