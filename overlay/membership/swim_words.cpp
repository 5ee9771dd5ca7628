// Words: what members sign about themselves and about each other, and what follows from it.
#include <algorithm>

#include "overlay/membership/swim.hpp"

namespace weft::membership {

namespace {

constexpr std::int64_t kForgedCost = 64;  // of the words that a member may have verified
constexpr std::size_t kCheckers = 8;      // of all that hear of a suspect so many look themselves

}  // namespace

// `told`: what the teller holds of the member, when this answers a comparison.
void Swim::hear(Instant now, Member& from, const Bytes& bytes, std::optional<State> told) {
  const auto word = decode_word(bytes);
  if (!word) {
    ++counters_.malformed;
    return;
  }
  if (const auto* claim = std::get_if<Claim>(&*word))
    hear_claim(now, from, *claim, told);
  else
    hear_accusation(now, from, std::get<Accusation>(*word));
}

void Swim::hear_claim(Instant now, Member& from, const Claim& claim, std::optional<State> told) {
  if (claim.node == setup_.self) return hear_own(now, from, claim);
  Member* member = table_.find(claim.node);
  if (member == nullptr) {
    ++counters_.strangers;
    return;
  }
  if (!claim.newer_than(member->incarnation, member->kind)) return;
  const bool from_itself = from.id == claim.node;
  // Its own answer is asked for: whoever keeps an old or a strange word can not bring it in.
  if (member->incarnation > 0 && claim.incarnation > member->incarnation + kMaxJump &&
      !from_itself) {
    ++counters_.jumps;
    if (!member->tried || now - *member->tried >= kTryEvery) {
      member->tried = now;
      std::ignore = probe(now, *member, false);
      compare_with(member->id);
    }
    return;
  }
  if (!from.words.take(now)) {
    ++counters_.limited;
    return;
  }
  if (!genuine(claim, member->identity, setup_.network, notary_)) {
    ++counters_.forged;
    std::ignore = from.words.take(now, kForgedCost);
    return;
  }
  const bool replaces = member->incarnation > 0;
  Table::take(*member, claim);
  ++taken_;
  outputs_.emplace_back(Spoke{member->id, claim.addresses, claim.key});
  // What a comparison brings about members that we knew nothing of, others know already.
  if (replaces || from_itself || !told) {
    if (news_.empty()) next_news_ = now;
    news_.add(claim);
  } else {
    news_.forget(claim.node);
  }
  if (claim.kind == ClaimKind::Left) return set_state(now, *member, State::Left);
  // Its word may be old: who tells it knows that it is gone.
  const bool doubtful = told && *told != State::Alive && *told != State::Suspect;
  if (doubtful && !from_itself && !member->present()) {
    if (member->state == State::Left) set_state(now, *member, State::Dead);
    return;
  }
  set_state(now, *member, State::Alive);
}

// A word of ours that we did not say: of our run before this one, or of another with our identity.
void Swim::hear_own(Instant now, Member& from, const Claim& claim) {
  if (own_.raw.empty() || claim.raw == own_.raw || claim.incarnation < own_.incarnation) return;
  if (!from.words.take(now)) {
    ++counters_.limited;
    return;
  }
  if (!genuine(claim, setup_.identity, setup_.network, notary_)) {
    ++counters_.forged;
    std::ignore = from.words.take(now, kForgedCost);
    return;
  }
  if (!refutations_.take(now)) {
    ++counters_.limited;
    return;
  }
  own_.incarnation = std::max(own_.incarnation, claim.incarnation);
  speak(now);
}

void Swim::hear_accusation(Instant now, Member& from, const Accusation& accusation) {
  const bool of_us = accusation.subject == setup_.self;
  if (accusation.accuser == setup_.self) return;
  Member* accuser = table_.find(accusation.accuser);
  Member* subject = of_us ? &table_.own() : table_.find(accusation.subject);
  if (accuser == nullptr || subject == nullptr || accuser == subject) {
    ++counters_.strangers;
    return;
  }
  // Of an older word: it has answered. Of one that we have not heard: its word is on its way.
  if (accusation.incarnation != subject->incarnation) return;
  if (subject->accused_by(accuser->id) || subject->accusers.size() >= kMaxAccusers) return;
  if (!of_us && !subject->present()) return;
  if (!from.words.take(now)) {
    ++counters_.limited;
    return;
  }
  if (!genuine(accusation, accuser->identity, setup_.network, notary_)) {
    ++counters_.forged;
    std::ignore = from.words.take(now, kForgedCost);
    return;
  }
  if (!accuser->accusations.take(now)) {
    ++counters_.limited;
    return;
  }
  if (of_us) return refute(now);
  subject->accusers.push_back(accusation);
  if (news_.empty()) next_news_ = now;
  news_.add(accusation);
  if (heard_by_session(now, subject->id)) {
    // We hear it ourselves. It is told, and can say so to all.
    ++counters_.outweighed;
    std::ignore = probe(now, *subject, true);
    return;
  }
  suspect(now, *subject);
}

// We have no answer of it, nor has anybody whom we asked.
void Swim::accuse(Instant now, Member& member) {
  if (member.incarnation > 0 && member.accusers.size() < kMaxAccusers &&
      !member.accused_by(setup_.self)) {
    Accusation accusation;
    accusation.subject = member.id;
    accusation.incarnation = member.incarnation;
    accusation.accuser = setup_.self;
    sign(accusation, setup_.network, notary_);
    member.accusers.push_back(accusation);
    if (news_.empty()) next_news_ = now;
    news_.add(accusation);
  }
  suspect(now, member);
}

void Swim::suspect(Instant now, Member& member) {
  if (member.state == State::Alive) {
    member.suspected = now;
    set_state(now, member, State::Suspect);
    member.failed_us = member.failed_us || member.accused_by(setup_.self);
    // Some look themselves, and at once: so that it is accused by several, or cleared, soon. All
    // that have a session with it do, for they would have to end it.
    const bool look = !member.failed_us && setup_.options.lifeguard &&
                      (sessions_.with(member.id) || rng_.uniform(network_size()) < kCheckers);
    if (look)
      member.check_at = now + Duration(static_cast<std::int64_t>(
                                  rng_.uniform(static_cast<std::uint64_t>(kCheckWithin.count()))));
  }
  if (member.state != State::Suspect) return;
  Instant at = suspicion_ends(member);
  if (member.check_at) at = std::min(at, *member.check_at);
  doubts_[member.id] = std::max(at, now);
}

// Whoever is often late is given more time: else all would hear of its deaths and returns.
Instant Swim::suspicion_ends(const Member& member) const {
  const bool late = setup_.options.lifeguard && member.unsteady_at &&
                    member.suspected - *member.unsteady_at < kSteadyAfter;
  return member.suspected + suspicion(network_size(), member.accusers.size(), setup_.options.period,
                                      setup_.options.lifeguard) *
                                (late ? 1 + member.unsteady : 1);
}

void Swim::expire_suspicions(Instant now) {
  std::vector<NodeId> due;
  for (const auto& [id, at] : doubts_)
    if (at <= now) due.push_back(id);
  for (const auto& id : due) {
    Member* member = table_.find(id);
    if (member == nullptr || member->state != State::Suspect) {
      doubts_.erase(id);
      continue;
    }
    if (member->check_at && *member->check_at <= now) {
      member->check_at.reset();
      if (!member->failed_us) member->checking = probe(now, *member, true);
    }
    if (suspicion_ends(*member) > now) {
      doubts_[id] = suspicion_ends(*member);
      continue;
    }
    if (heard_by_session(now, id)) {
      proof(now, *member);
    } else if (member->failed_us || member->accusers.size() >= kAccusersForDeath ||
               !setup_.options.lifeguard) {
      set_state(now, *member, State::Dead);
    } else {
      // By hearsay nobody dies. When this probe has failed, accuse() comes here again.
      if (!member->checking) member->checking = probe(now, *member, true);
      doubts_[id] = now + setup_.options.period / 2;
    }
  }
}

}  // namespace weft::membership
