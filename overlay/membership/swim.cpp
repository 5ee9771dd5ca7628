#include "overlay/membership/swim.hpp"

#include <algorithm>

namespace weft::membership {

namespace {

constexpr int kAbsentHealth = 2;  // how much worse a process is that stood still

}  // namespace

Swim::Swim(Instant now, const SwimSetup& setup, const Notary& notary, const Sessions& sessions,
           Rng& rng)
    : setup_(setup), notary_(notary), sessions_(sessions), rng_(rng) {
  own_.node = setup.self;
  own_.incarnation = std::min(setup.stored, kHighestIncarnation - 1);
  table_.own().id = setup.self;
  table_.own().identity = setup.identity;
  // Two that start together need not tick together.
  next_tick_ = now + Duration(static_cast<std::int64_t>(
                         rng.uniform(static_cast<std::uint64_t>(setup.options.period.count()))));
  next_sync_ = now + kSyncEvery / 4;
  next_try_ = now;
  next_news_ = now;
  sequence_ = static_cast<std::uint32_t>(rng.u64());
}

// ---- ourselves ----------------------------------------------------------------------------------

void Swim::set_self(Instant now, Self self) {
  const auto same_key = [](const std::optional<Certificate>& a,
                           const std::optional<Certificate>& b) {
    return a.has_value() == b.has_value() && (!a || a->static_key == b->static_key);
  };
  if (self.addresses.size() > kMaxAddresses) self.addresses.resize(kMaxAddresses);
  if (has_self_ && self_.flags == self.flags && self_.addresses == self.addresses &&
      same_key(self_.key, self.key))
    return;
  self_ = std::move(self);
  has_self_ = true;
  speak(now);
}

void Swim::speak(Instant now) {
  if (own_.incarnation < kHighestIncarnation) ++own_.incarnation;
  own_.kind = leaving_ ? ClaimKind::Left : ClaimKind::Alive;
  own_.flags = self_.flags;
  own_.addresses = self_.addresses;
  own_.key = self_.key;
  sign(own_, setup_.network, notary_);
  Table::take(table_.own(), own_);
  if (news_.empty()) next_news_ = now;
  news_.add(own_);
  if (own_.incarnation < reserved_) return;
  reserved_ = own_.incarnation + kReserve;
  outputs_.emplace_back(Reserve{reserved_});
}

// A member that accuses us without end makes us speak once a second, and everybody carry it.
void Swim::refute(Instant now) {
  if (leaving_ || !refutations_.take(now)) {
    ++counters_.limited;
    return;
  }
  ++counters_.refutations;
  if (setup_.options.lifeguard) health_.worse();
  speak(now);
}

void Swim::leave(Instant now) {
  if (leaving_ || !has_self_) return;
  leaving_ = true;
  speak(now);
  Packet packet;
  packet.type = PacketType::News;
  packet.words.push_back(own_.raw);
  std::vector<NodeId> told;
  for (const auto& [id, member] : table_.all())
    if (member.present() && sessions_.with(id) && told.size() < kToldOfLeave) told.push_back(id);
  if (told.size() < kFanout) told = pick(kFanout, {});
  for (const auto& node : told) send(packet, node, false);
}

// ---- members ------------------------------------------------------------------------------------

void Swim::set_members(Instant now, std::vector<Table::Roster> members) {
  std::ranges::sort(members, {}, &Table::Roster::id);
  const bool was_alone = table_.size() == 0;
  const auto change = table_.set_members(members, setup_.self);
  for (const auto& id : change.removed) {
    news_.forget(id);
    doubts_.erase(id);
    std::erase_if(probes_, [&](const auto& entry) { return entry.second.target == id; });
    std::erase_if(relayed_, [&](const auto& entry) {
      return entry.second.target == id || entry.second.asker == id;
    });
  }
  // What was said about them before their names came was dropped.
  if (was_alone) next_tick_ = std::max(next_tick_, now);  // nobody was there to tick for
  if (!change.added.empty()) next_sync_ = std::min(next_sync_, now + setup_.options.period);
}

void Swim::set_state(Instant now, Member& member, State state) {
  const State was = member.state;
  if (was == state) return;
  if (state == State::Suspect) ++counters_.suspicions;
  if (state == State::Dead) ++counters_.deaths;
  const bool joins = !member.present() && (state == State::Alive || state == State::Suspect);
  table_.set_state(now, member, state);
  if (state != State::Suspect) doubts_.erase(member.id);
  if (joins) {
    // Into the walk at a place of chance, so that who comes last is not probed last by all.
    if (std::ranges::find(walk_, member.id) == walk_.end()) {
      walk_.push_back(member.id);
      std::swap(walk_.back(), walk_[walked_ + rng_.uniform(walk_.size() - walked_)]);
    }
  }
  outputs_.emplace_back(StateChanged{member.id, was, state, member.incarnation});
}

bool Swim::heard_by_session(Instant now, const NodeId& node) const {
  const auto seen = sessions_.with(node);
  return seen && now - seen->heard < kFresh;
}

// It lives: we have it from itself.
void Swim::proof(Instant now, Member& member) {
  member.proof = now;
  member.checking = false;
  member.check_at.reset();
  member.failed_us = false;
  set_state(now, member, State::Alive);
}

void Swim::session_up(Instant now, const NodeId& node) {
  Member* member = table_.find(node);
  if (member == nullptr) return;
  proof(now, *member);
  // It hears our word at once, and so do we its; what else differs shows in the sums.
  Packet packet;
  packet.type = PacketType::News;
  if (!own_.raw.empty()) packet.words.push_back(own_.raw);
  for (const auto& accusation : member->accusers)
    if (accusation.incarnation == member->incarnation && packet.words.size() < 2)
      packet.words.push_back(accusation.raw);
  send(packet, node, false);
  next_sync_ = std::min(next_sync_, now + setup_.options.period);
}

void Swim::session_down(Instant now, const NodeId& node) {
  Member* member = table_.find(node);
  if (member != nullptr && member->state == State::Alive) std::ignore = probe(now, *member, true);
}

std::vector<NodeId> Swim::pick(std::size_t count, const NodeId& but) {
  std::vector<NodeId> out;
  // Draws from the walk: all that were present when it was shuffled, and who came since.
  for (std::size_t tries = 0; out.size() < count && tries < 4 * count + 8 && !walk_.empty();
       ++tries) {
    const NodeId node = walk_[rng_.uniform(walk_.size())];
    const Member* member = table_.find(node);
    if (member == nullptr || !member->present() || node == but) continue;
    if (std::ranges::find(out, node) == out.end()) out.push_back(node);
  }
  return out;
}

// ---- packets ------------------------------------------------------------------------------------

void Swim::send(Packet packet, const NodeId& to, bool with_news) {
  packet.mark = mark_;
  if (with_news) {
    std::size_t room = kMaxPacket - Packet::kOverhead;
    if (packet.type == PacketType::PingRequest) room -= Packet::kTarget;
    for (const auto& word : packet.words) room -= word.size() + Packet::kWordOverhead;
    news_.fill(packet.words, room, retransmits(network_size()));
  }
  Bytes bytes = packet.encode();
  ++counters_.packets_out;
  counters_.bytes_out += bytes.size();
  outputs_.emplace_back(Send{to, std::move(bytes), packet.type});
}

void Swim::tell_news(Instant now) {
  if (news_.empty() || now < next_news_) return;
  next_news_ = now + kNewsPause;
  for (const auto& node : pick(kFanout, {})) {
    Packet packet;
    packet.type = PacketType::News;
    if (news_.empty()) return;
    send(packet, node, true);
  }
}

void Swim::handle_packet(Instant now, const NodeId& from, ByteView bytes, bool by_session) {
  Member* member = table_.find(from);
  if (member == nullptr) {
    ++counters_.strangers;
    return;
  }
  if (!member->packets.take(now)) {
    ++counters_.limited;
    return;
  }
  const auto packet = Packet::decode(bytes);
  if (!packet) {
    ++counters_.malformed;
    return;
  }
  handle(now, *member, *packet, by_session);
}

void Swim::handle(Instant now, Member& from, const Packet& packet, bool by_session) {
  heard_mark(now, from.id, packet.mark);
  if (by_session && from.state != State::Left) proof(now, from);
  for (const auto& word : packet.words) hear(now, from, word, std::nullopt);
  switch (packet.type) {
    case PacketType::Ping:
      return on_ping(now, from, packet);
    case PacketType::Ack:
      return answered(now, from, packet.sequence, true);
    case PacketType::IndirectAck:
      return answered(now, from, packet.sequence, false);
    case PacketType::Nack:
      if (const auto at = probes_.find(packet.sequence); at != probes_.end()) ++at->second.nacks;
      return;
    case PacketType::PingRequest:
      return on_request(now, from, packet);
    case PacketType::News:
      return;
    case PacketType::Compare:
      return on_compare(now, from, packet);
    case PacketType::Items:
      return on_items(now, from, packet);
    case PacketType::Ask:
      return on_ask(now, from, packet);
    case PacketType::Claims:
      return on_claims(now, from, packet);
  }
}

void Swim::heard_mark(Instant now, const NodeId& from, const RosterMark& mark) {
  if (mark_.sequence == 0 || mark.sequence < mark_.sequence || mark == mark_) return;
  if (next_behind_ && now < *next_behind_) return;
  next_behind_ = now + 2 * setup_.options.period;
  outputs_.emplace_back(Behind{from});
}

// ---- time ---------------------------------------------------------------------------------------

void Swim::handle_timeout(Instant now) {
  if (now >= next_tick_) tick(now);
  expire_probes(now);
  expire_suspicions(now);
  tell_news(now);
}

void Swim::tick(Instant now) {
  if (setup_.options.lifeguard && now - next_tick_ >= 2 * setup_.options.period)
    notice_absence(now);
  const Duration period =
      setup_.options.lifeguard ? health_.stretch(setup_.options.period) : setup_.options.period;
  next_tick_ = std::max(next_tick_ + period, now + period / 2);
  if (leaving_) return;
  probe_next(now);
  try_absent(now);
  if (now < next_sync_) return;
  // Not all at once, and not always the same two.
  next_sync_ = now + kSyncEvery * 3 / 4 +
               Duration(static_cast<std::int64_t>(
                   rng_.uniform(static_cast<std::uint64_t>((kSyncEvery / 2).count()))));
  for (const auto& node : pick(1, {})) compare_with(node);
}

// The machine slept, the process was stopped, or the loop had no time: what was not answered
// meanwhile says nothing about others.
void Swim::notice_absence(Instant now) {
  ++counters_.aways;
  health_.worse(kAbsentHealth);
  const Duration missed = now - next_tick_;
  probes_.clear();
  relayed_.clear();
  for (auto& [id, member] : table_.all()) {
    if (member.state != State::Suspect) continue;
    member.suspected += missed;
    member.failed_us = false;
    member.checking = false;
    member.check_at = now;
    doubts_[id] = now;
  }
  next_tick_ = now;
  next_sync_ = now;
}

std::optional<Instant> Swim::poll_timeout() const {
  Instant earliest = next_tick_;
  for (const auto& [sequence, probe] : probes_) earliest = std::min(earliest, probe.due);
  for (const auto& [sequence, relayed] : relayed_) earliest = std::min(earliest, relayed.due);
  for (const auto& [id, at] : doubts_) earliest = std::min(earliest, at);
  if (!news_.empty() && table_.present() > 0) earliest = std::min(earliest, next_news_);
  return earliest;
}

std::optional<SwimOutput> Swim::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  SwimOutput out = std::move(outputs_.front());
  outputs_.pop_front();
  return out;
}

}  // namespace weft::membership
