// Probes: whether a member answers us, by itself or through others.
#include <algorithm>

#include "overlay/membership/swim.hpp"

namespace weft::membership {

void Swim::shuffle() {
  walk_.clear();
  for (const auto& [id, member] : table_.all())
    if (member.present()) walk_.push_back(id);
  for (std::size_t i = walk_.size(); i > 1; --i) std::swap(walk_[i - 1], walk_[rng_.uniform(i)]);
  walked_ = 0;
}

// All are visited before one is visited again: so each is probed within 2n - 1 periods, and n = 2,
// 3, 4 work as well.
void Swim::probe_next(Instant now) {
  for (std::size_t looked = 0; looked <= walk_.size() + 1; ++looked) {
    if (walked_ >= walk_.size()) {
      shuffle();
      if (walk_.empty()) return;
    }
    Member* member = table_.find(walk_[walked_++]);
    if (member == nullptr || !member->present()) continue;
    // Heard within this period: it need not say so again.
    const auto seen = sessions_.with(member->id);
    if (seen && now - seen->heard < setup_.options.period / 2 && member->accusers.empty()) {
      member->rtt.take(seen->rtt);
      health_.better();
      return proof(now, *member);
    }
    if (probe(now, *member, true)) return;
  }
}

// Members without a sign of life are spoken to now and then: they may have come back, or a cut
// between two halves may be mended. Nothing follows when they are silent.
void Swim::try_absent(Instant now) {
  if (now < next_try_ || table_.present() == table_.size()) return;
  // Until some are found there is nobody else to ask.
  next_try_ = now + (table_.present() < kHelpers ? setup_.options.period : kTryEvery);
  auto& all = table_.all();
  auto at = all.upper_bound(tried_);
  for (std::size_t looked = 0; looked < all.size(); ++looked) {
    if (at == all.end()) at = all.begin();
    Member& member = (at++)->second;
    if (member.present() || (member.tried && now - *member.tried < kTryEvery)) continue;
    tried_ = member.id;
    std::ignore = probe(now, member, false);
    return;
  }
}

// False: one is under way.
bool Swim::probe(Instant now, Member& target, bool blames) {
  const bool busy = std::ranges::any_of(
      probes_, [&](const auto& entry) { return entry.second.target == target.id; });
  if (busy || probes_.size() >= kMaxProbes) return false;
  if (!target.present()) target.tried = now;
  ++counters_.probes;
  const std::uint32_t sequence = ++sequence_;
  const Duration timeout = target.rtt.timeout();
  probes_[sequence] = {target.id, now,
                       now + (setup_.options.lifeguard ? health_.stretch(timeout) : timeout), false,
                       blames};
  Packet packet;
  packet.type = PacketType::Ping;
  packet.sequence = sequence;
  // Whoever is accused hears it from everybody that asks how it is, and can answer.
  for (const auto& accusation : target.accusers)
    if (packet.words.empty() && setup_.options.lifeguard &&
        accusation.incarnation == target.incarnation)
      packet.words.push_back(accusation.raw);
  if (!target.present() && !own_.raw.empty()) packet.words.push_back(own_.raw);
  send(packet, target.id, target.present());
  return true;
}

void Swim::on_ping(Instant now, Member& from, const Packet& packet) {
  if (leaving_) return;
  const bool absent = !from.present();
  if (absent) {
    // It lives, it seems; a copy of an old datagram would seem so, too.
    if (from.answered && now - *from.answered < kDeadAnswer && from.state == State::Dead) {
      ++counters_.limited;
      return;
    }
    from.answered = now;
    if (!from.tried || now - *from.tried >= kTryEvery) std::ignore = probe(now, from, false);
  }
  Packet answer;
  answer.type = PacketType::Ack;
  answer.sequence = packet.sequence;
  if (absent && !own_.raw.empty()) answer.words.push_back(own_.raw);
  send(answer, from.id, !absent);
}

void Swim::on_request(Instant now, Member& from, const Packet& packet) {
  Member* target = table_.find(packet.target);
  if (target == nullptr || target == &from || relayed_.size() >= kMaxRelayed) {
    ++counters_.limited;
    return;
  }
  const std::uint32_t sequence = ++sequence_;
  const Duration wait = target->rtt.smoothed ? target->rtt.timeout() : kHelperTimeout;
  relayed_[sequence] = {from.id, packet.sequence, target->id, now + wait, now};
  Packet ping;
  ping.type = PacketType::Ping;
  ping.sequence = sequence;
  ping.words = packet.words;  // the accusation that its asker holds
  if (ping.words.size() > 1) ping.words.resize(1);
  send(ping, target->id, false);
}

// `direct`: by the member that was asked for; else by a helper that had its answer.
void Swim::answered(Instant now, Member& from, std::uint32_t sequence, bool direct) {
  if (const auto at = relayed_.find(sequence);
      direct && at != relayed_.end() && at->second.target == from.id) {
    Packet packet;
    packet.type = PacketType::IndirectAck;
    packet.sequence = at->second.sequence;
    send(packet, at->second.asker, false);
    from.rtt.take(now - at->second.sent);
    relayed_.erase(at);
    if (from.state != State::Left) proof(now, from);
    return;
  }
  const auto at = probes_.find(sequence);
  if (at == probes_.end()) return;
  const Probe probe = at->second;
  if (direct ? probe.target != from.id : !probe.indirect) return;
  probes_.erase(at);
  Member* target = table_.find(probe.target);
  if (target == nullptr) return;
  if (direct && !probe.indirect) target->rtt.take(now - probe.sent);
  if (probe.blames && direct) health_.better();
  // Another's word about an answer clears a suspect; it does not raise the dead.
  if (direct ? target->state != State::Left || !probe.blames : target->present())
    proof(now, *target);
  if (direct && target->incarnation == 0) compare_with(target->id);
}

void Swim::ask_helpers(Instant now, std::uint32_t sequence, Probe& probe) {
  probe.indirect = true;
  // Helpers are given time to say that they have no answer either.
  probe.due = now + std::max(2 * (now - probe.sent), 2 * kHelperTimeout);
  Member* target = table_.find(probe.target);
  if (target == nullptr) return;
  // Once more ourselves: with two members there is nobody else to ask, and datagrams get lost.
  Packet again;
  again.type = PacketType::Ping;
  again.sequence = sequence;
  for (const auto& accusation : target->accusers)
    if (again.words.empty() && accusation.incarnation == target->incarnation)
      again.words.push_back(accusation.raw);
  send(again, probe.target, false);
  if (!probe.blames) return;
  for (const auto& helper : pick(kHelpers, probe.target)) {
    Packet packet;
    packet.type = PacketType::PingRequest;
    packet.sequence = sequence;
    packet.target = probe.target;
    packet.words = again.words;
    send(packet, helper, false);
    ++probe.asked;
  }
}

void Swim::expire_probes(Instant now) {
  std::vector<Probe> over;
  for (auto at = probes_.begin(); at != probes_.end();) {
    if (now < at->second.due) {
      ++at;
    } else if (!at->second.indirect) {
      ask_helpers(now, at->first, at->second);
      ++at;
    } else {
      over.push_back(at->second);
      at = probes_.erase(at);
    }
  }
  for (const auto& probe : over) failed(now, probe);
  for (auto at = relayed_.begin(); at != relayed_.end();) {
    if (now < at->second.due) {
      ++at;
      continue;
    }
    // Its asker so learns that we are well, whatever the target is.
    Packet packet;
    packet.type = PacketType::Nack;
    packet.sequence = at->second.sequence;
    if (setup_.options.lifeguard) send(packet, at->second.asker, false);
    at = relayed_.erase(at);
  }
}

void Swim::failed(Instant now, const Probe& probe) {
  Member* target = table_.find(probe.target);
  if (target == nullptr || !probe.blames) return;
  target->checking = false;
  if (!target->present()) return;
  // It was heard since, by what is said anyway.
  const auto seen = sessions_.with(probe.target);
  if ((target->proof && *target->proof > probe.sent) || (seen && seen->heard > probe.sent)) {
    if (seen && seen->heard > probe.sent) proof(now, *target);
    return;
  }
  ++counters_.probes_failed;
  // Helpers that do not even say "no answer" are a sign that we are the one that is cut off.
  if (setup_.options.lifeguard && !target->failed_us) {
    const std::size_t silent = probe.asked - std::min(probe.nacks, probe.asked);
    if (probe.asked == 0)
      health_.worse();
    else if (silent > 0)
      health_.worse(static_cast<int>(silent));
  }
  target->failed_us = true;
  accuse(now, *target);
  // It has until the suspicion ends: one lost answer more or less must not decide.
  if (setup_.options.lifeguard && target->state == State::Suspect && suspicion_ends(*target) > now)
    std::ignore = this->probe(now, *target, true);
}

}  // namespace weft::membership
