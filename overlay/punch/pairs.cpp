#include "overlay/punch/pairs.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::punch {

using nat::Checks;
using nat::StunClass;
using nat::StunMessage;

// ---- who is needed ------------------------------------------------------------------------------

void Pairs::set_candidates(const std::vector<Endpoint>& candidates) {
  candidates_ = udp_addresses(candidates);
  if (candidates_.size() > nat::kMostCandidates) candidates_.resize(nat::kMostCandidates);
}

// Beyond kMostPairs those without need or attempt give way; then there is no room.
Pairs::Pair* Pairs::pair_of(const NodeId& member) {
  if (const auto at = pairs_.find(member); at != pairs_.end()) return &at->second;
  if (pairs_.size() >= kMostPairs)
    std::erase_if(pairs_,
                  [](const auto& entry) { return !entry.second.needed && !entry.second.attempt; });
  return pairs_.size() >= kMostPairs ? nullptr : &pairs_[member];
}

void Pairs::need(Instant now, const NodeId& member, Duration after) {
  Pair* pair = pair_of(member);
  if (pair == nullptr || pair->needed) return;
  pair->needed = true;
  pair->tries = 0;
  pair->pause = kFirstPause;
  pair->next = now + after;
}

void Pairs::settled(const NodeId& member) {
  if (const auto at = pairs_.find(member); at != pairs_.end()) at->second.needed = false;
}

void Pairs::forget(const NodeId& member) {
  const auto at = pairs_.find(member);
  if (at == pairs_.end()) return;
  end(at->second);
  pairs_.erase(at);
}

bool Pairs::needed(const NodeId& member) const {
  const auto at = pairs_.find(member);
  return at != pairs_.end() && at->second.needed;
}

void Pairs::network_changed(Instant now) {
  for (auto& [member, pair] : pairs_) {
    end(pair);
    pair.tries = 0;
    pair.pause = kFirstPause;
    pair.next = now + jittered(kAskAgain);
  }
}

Duration Pairs::jittered(Duration pause) {
  const auto fifth = static_cast<std::uint64_t>((pause / 5).count());
  return pause - Duration(fifth / 2) +
         Duration(static_cast<Duration::rep>(rng_.uniform(fifth + 1)));
}

// ---- attempts -----------------------------------------------------------------------------------

void Pairs::begin(Instant now, const NodeId& member, Pair& pair, const ByteArray<8>& id, bool ours,
                  Opener opener) {
  end(pair);
  const bool opens = opener == (ours ? Opener::Asker : Opener::Answerer);
  pair.attempt.emplace(Attempt{.id = id,
                               .asked_by_us = ours,
                               .theirs = {},
                               .opener = opener,
                               .checks = Checks(nat::CheckKey::generate(rng_), rng_, opens),
                               .began = now,
                               .asks = 0,
                               .ask_next = now,
                               .reported = false,
                               .end = {}});
  names_.emplace(pair.attempt->checks.own().name, member);
  ++counters_.attempts;
}

void Pairs::end(Pair& pair) {
  if (!pair.attempt) return;
  const auto& counters = pair.attempt->checks.counters();
  counters_.checks_refused += counters.refused;
  counters_.checks_replayed += counters.replayed;
  names_.erase(pair.attempt->checks.own().name);
  pair.attempt.reset();
}

void Pairs::fail(Instant now, Pair& pair, const char* why) {
  if (pair.attempt->asked_by_us || !pair.attempt->reported) {
    pair.last = why;
    ++pair.tries;
  }
  ++counters_.failed;
  end(pair);
  pair.next = now + jittered(pair.pause);
  pair.pause = std::min(pair.pause * 2, kLongestPause);
}

void Pairs::ask(Instant now, const NodeId& member, Pair& pair) {
  Attempt& attempt = *pair.attempt;
  ++attempt.asks;
  attempt.ask_next = now + kAskAgain;
  ++counters_.offers_out;
  letters_.push_back(
      {member, {attempt.id, false, attempt.opener, attempt.checks.own(), candidates_, nat_}});
}

void Pairs::answer(const NodeId& member, const Pair& pair) {
  const Attempt& attempt = *pair.attempt;
  ++counters_.offers_out;
  letters_.push_back(
      {member, {*attempt.theirs, true, attempt.opener, attempt.checks.own(), candidates_, nat_}});
}

std::vector<Endpoint> Pairs::allowed(const std::vector<Address>& addresses) {
  std::vector<Endpoint> out;
  for (const Endpoint& endpoint : udp_endpoints(addresses)) {
    if (nat::may_probe(endpoint, own_))
      out.push_back(endpoint);
    else
      ++counters_.candidates_refused;
  }
  return out;
}

// ---- what they say ------------------------------------------------------------------------------

void Pairs::handle_offer(Instant now, const NodeId& from, const Offer& offer) {
  Pair* pair = pair_of(from);
  if (pair == nullptr || !pair->offers.take(now)) {
    ++counters_.offers_limited;
    return;
  }
  if (offer.answer) {
    if (!pair->attempt || !pair->attempt->asked_by_us || pair->attempt->id != offer.attempt) {
      ++counters_.offers_stale;
      return;
    }
    if (pair->attempt->checks.has_peer()) return;
    ++counters_.offers_in;
    pair->theirs = offer.nat;
    pair->attempt->checks.set_peer(now, offer.key, allowed(offer.addresses));
    return;
  }
  if (pair->attempt && pair->attempt->theirs == offer.attempt) return answer(from, *pair);
  if (std::ranges::find(pair->seen, offer.attempt) != pair->seen.end()) {
    ++counters_.offers_replayed;
    return;
  }
  if (!pair->attempt && names_.size() >= kMostAttempts) {
    ++counters_.offers_limited;
    return;
  }
  heed(now, from, *pair, offer);
}

void Pairs::heed(Instant now, const NodeId& from, Pair& pair, const Offer& offer) {
  ++counters_.offers_in;
  pair.theirs = offer.nat;
  pair.seen.push_back(offer.attempt);
  if (pair.seen.size() > kSeen) pair.seen.pop_front();
  // Both asked at once: each goes on with the key that its own offer told.
  const bool crossed =
      pair.attempt && pair.attempt->asked_by_us && !pair.attempt->checks.has_peer();
  if (!crossed) begin(now, from, pair, offer.attempt, false, offer.opener);
  pair.attempt->theirs = offer.attempt;
  pair.attempt->checks.set_peer(now, offer.key, allowed(offer.addresses));
  answer(from, pair);
}

Pairs::Heard Pairs::handle_stun(Instant now, const Datagram& in, const StunMessage& message) {
  const auto told = [&](const NodeId& member, Pair& pair) {
    const auto heard = pair.attempt->checks.handle(now, in, message);
    Heard out;
    out.ours = heard.ours;
    if (heard.stranger) out.stranger = member;
    if (heard.seen) out.seen = Heard::Seen{member, *heard.seen};
    if (heard.ours) step(now, member, pair);
    return out;
  };
  if (message.kind == StunClass::Request) {
    const auto name = from_hex(std::string_view(message.username).substr(0, 16));
    if (!name || name->size() != 8) return {};
    const auto at = names_.find(*to_array<8>(*name));
    if (at == names_.end()) return {};
    return told(NodeId(at->second), pairs_.at(at->second));
  }
  for (const auto& [name, member] : std::map(names_)) {
    const auto heard = told(member, pairs_.at(member));
    if (heard.ours) return heard;
  }
  return {};
}

// ---- time ---------------------------------------------------------------------------------------

void Pairs::step(Instant now, const NodeId& member, Pair& pair) {
  Attempt& attempt = *pair.attempt;
  if (attempt.reported) {
    if (now >= attempt.end) end(pair);
    return;
  }
  if (const auto proven = attempt.checks.proven(now)) {
    attempt.reported = true;
    attempt.end = now + kLinger;
    pair.last = "found";
    // The owner has this long to use it; then it is tried anew.
    pair.next = attempt.end + jittered(pair.pause);
    ++pair.tries;
    ++counters_.found;
    found_.push_back({member, proven->path, proven->endpoint, now - attempt.began, pair.tries});
    return;
  }
  if (attempt.checks.over(now)) return fail(now, pair, "no probe came through");
  if (attempt.checks.has_peer() || !attempt.asked_by_us || now < attempt.ask_next) return;
  if (attempt.asks >= kAsks) return fail(now, pair, "no answer to our offer");
  ask(now, member, pair);
}

void Pairs::handle_timeout(Instant now) {
  for (auto& [member, pair] : pairs_) {
    if (pair.attempt) step(now, member, pair);
    if (pair.attempt || !pair.needed || now < pair.next) continue;
    if (names_.size() >= kMostAttempts) {
      pair.next = now + kAskAgain;
      continue;
    }
    // The first one plain; after that now one of us goes ahead with a short reach, now the other.
    const Opener opener = pair.tries == 0       ? Opener::Nobody
                          : pair.tries % 2 == 1 ? Opener::Asker
                                                : Opener::Answerer;
    begin(now, member, pair, rng_.bytes<8>(), true, opener);
    ask(now, member, pair);
  }
}

std::optional<Instant> Pairs::poll_timeout() const {
  std::optional<Instant> earliest;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!earliest || *at < *earliest)) earliest = at;
  };
  for (const auto& [member, pair] : pairs_) {
    if (!pair.attempt) {
      if (pair.needed) consider(pair.next);
      continue;
    }
    if (pair.attempt->reported)
      consider(pair.attempt->end);
    else if (pair.attempt->checks.has_peer())
      consider(pair.attempt->checks.poll_timeout());
    else
      consider(pair.attempt->ask_next);
  }
  return earliest;
}

// ---- outputs ------------------------------------------------------------------------------------

std::optional<Pairs::Letter> Pairs::poll_offer() {
  if (letters_.empty()) return std::nullopt;
  Letter out = std::move(letters_.front());
  letters_.pop_front();
  return out;
}

std::optional<Checks::Out> Pairs::poll_datagram(Instant now) {
  for (const auto& [name, member] : names_)
    if (auto out = pairs_.at(member).attempt->checks.poll(now, mappings_)) return out;
  return std::nullopt;
}

std::optional<Pairs::Found> Pairs::poll_found() {
  if (found_.empty()) return std::nullopt;
  Found out = found_.front();
  found_.pop_front();
  return out;
}

std::optional<Pairs::View> Pairs::view(const NodeId& member) const {
  const auto at = pairs_.find(member);
  if (at == pairs_.end()) return std::nullopt;
  const Pair& pair = at->second;
  View out{pair.tries, pair.last, std::nullopt, pair.attempt && !pair.attempt->reported,
           pair.theirs};
  if (pair.needed && !pair.attempt) out.next = pair.next;
  return out;
}

}  // namespace weft::punch
