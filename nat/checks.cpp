#include "nat/checks.hpp"

#include <algorithm>

#include "nat/candidate.hpp"

namespace weft::nat {

namespace {

constexpr std::size_t kMostHeard = 256;   // transaction ids that are remembered, of each kind
constexpr std::size_t kMostAnswers = 32;  // that wait for poll()
constexpr std::uint32_t kPriority = 0x6e0000ff;  // RFC 8445 5.1.2.1 of a reflexive one; not used

std::string user_name(const CheckKey& to, const CheckKey& from) {
  return to_hex(to.name) + ":" + to_hex(from.name);
}

// Which of two ways that both work: nothing between the two, then no NAT, then IPv4.
constexpr int kLastRank = 2;
int rank(const Endpoint& endpoint) {
  if (is_nearby(endpoint)) return 0;
  return endpoint.is_v4() ? kLastRank : 1;
}

}  // namespace

void Checks::set_peer(Instant now, const CheckKey& peer, const std::vector<Endpoint>& addresses) {
  peer_ = peer;
  end_ = now + kPatience;
  next_slot_ = now;
  std::erase_if(targets_, [](const Target& target) { return !target.rtt; });
  for (int wanted = 0; wanted <= kLastRank; ++wanted)  // each rank in the peer's order
    for (const Endpoint& endpoint : addresses) {
      if (rank(endpoint) != wanted || targets_.size() >= kMostTargets || find(endpoint) != nullptr)
        continue;
      Target target;
      target.endpoint = endpoint;
      target.next = now;
      targets_.push_back(target);
    }
}

Checks::Target* Checks::find(const Endpoint& endpoint) {
  const auto at = std::ranges::find(targets_, endpoint, &Target::endpoint);
  return at == targets_.end() ? nullptr : &*at;
}

// ---- what comes ---------------------------------------------------------------------------------

Checks::Heard Checks::handle(Instant now, const Datagram& in, const StunMessage& message) {
  if (message.kind == StunClass::Request) return request(now, in, message);
  if (message.kind == StunClass::Success) return answer(now, in, message);
  return {};
}

Checks::Heard Checks::request(Instant now, const Datagram& in, const StunMessage& message) {
  const std::string mine = to_hex(own_.name) + ":";
  if (!message.username.starts_with(mine)) return {};
  Heard out;
  out.ours = true;
  if (!authentic(in.payload, message, own_.password) ||
      (peer_ && message.username != user_name(own_, *peer_))) {
    ++counters_.refused;
    return out;
  }
  const auto before = heard_.find(message.id);
  if (before != heard_.end() && before->second != in.from) {
    ++counters_.replayed;
    return out;
  }
  if (heard_.size() >= kMostHeard || answers_.size() >= kMostAnswers) return out;
  heard_.emplace(message.id, in.from);
  out.stranger = std::ranges::none_of(targets_, [&](const Target& target) {
    return target.sent > 0 && target.endpoint.address == in.from.address;
  });
  StunMessage reply;
  reply.kind = StunClass::Success;
  reply.id = message.id;
  reply.mapped = in.from;
  reply.fingerprint = true;
  answers_.push_back({in.path, in.from, in.local, 0, encode_stun(reply, own_.password)});
  ++counters_.answered;
  check_back(now, in);
  return out;
}

// From there something reached us: what we send there has the best chance now.
void Checks::check_back(Instant now, const Datagram& in) {
  Target* target = find(in.from);
  if (target == nullptr) {
    if (targets_.size() >= kMostTargets) return;
    targets_.push_back({});
    target = &targets_.back();
    target->endpoint = in.from;
  }
  target->path = in.path;
  if (target->rtt) return;
  target->next = now;
  target->sent = std::min(target->sent, kMostChecks - 1);
}

Checks::Heard Checks::answer(Instant now, const Datagram& in, const StunMessage& message) {
  const auto at = asked_.find(message.id);
  if (at == asked_.end()) return {};
  Heard out;
  out.ours = true;
  Target* target = find(in.from);
  // RFC 8445 7.2.5.2.1: an answer from elsewhere proves no way there and back.
  if (!peer_ || target == nullptr || at->second.to != in.from ||
      !authentic(in.payload, message, peer_->password)) {
    ++counters_.refused;
    return out;
  }
  const Duration rtt = now - at->second.at;
  asked_.erase(at);
  out.seen = message.mapped;
  if (target->rtt) return out;
  target->rtt = rtt;
  target->path = in.path;
  ++counters_.proven;
  if (!first_proof_) first_proof_ = now;
  return out;
}

// ---- what goes ----------------------------------------------------------------------------------

Checks::Target* Checks::due(Instant now) {
  Target* first = nullptr;
  for (Target& target : targets_)
    if (!target.rtt && target.sent < kMostChecks && target.next <= now &&
        (first == nullptr || target.next < first->next))
      first = &target;
  return first;
}

Checks::Out Checks::check(Instant now, Target& target) {
  const bool opens = opener_ && target.sent == 0 && !is_nearby(target.endpoint);
  ++target.sent;
  target.next = now + target.wait;
  target.wait = std::min(target.wait + target.wait / 2, kLongestWait);
  next_slot_ = now + (++sent_ <= kFastChecks ? kFastPace : kPace);
  StunMessage message;
  message.id = rng_.bytes<12>();
  message.username = user_name(*peer_, own_);
  message.priority = kPriority;
  message.fingerprint = true;
  std::erase_if(asked_, [&](const auto& asked) { return now - asked.second.at > kPatience; });
  if (asked_.size() < kMostHeard) asked_[message.id] = {target.endpoint, now};
  ++counters_.sent;
  const std::uint8_t ttl = opens ? kOpenerTtl : 0;
  return {target.path, target.endpoint, {}, ttl, encode_stun(message, peer_->password)};
}

std::optional<Checks::Out> Checks::poll(Instant now, Meter& mappings) {
  if (!answers_.empty()) {
    Out out = std::move(answers_.front());
    answers_.erase(answers_.begin());
    return out;
  }
  // Without proof all are tried; with it those that are under way may still prove better.
  if (!peer_ || over(now) || now < next_slot_ || proven(now)) return std::nullopt;
  while (Target* target = due(now)) {
    if (target->sent > 0 || mappings.take(now)) return check(now, *target);
    target->next = now + kLongestWait;  // the budget of all attempts is used up for the moment
  }
  return std::nullopt;
}

std::optional<Instant> Checks::poll_timeout() const {
  if (!answers_.empty()) return Instant{};
  if (!peer_) return std::nullopt;
  if (first_proof_) return *first_proof_ + kSettle;
  Instant earliest = end_;
  for (const Target& target : targets_)
    if (!target.rtt && target.sent < kMostChecks)
      earliest = std::min(earliest, std::max(target.next, next_slot_));
  return earliest;
}

std::optional<Checks::Proven> Checks::proven(Instant now) const {
  if (!first_proof_) return std::nullopt;
  const Target* best = nullptr;
  for (const Target& target : targets_)
    if (target.rtt && (best == nullptr || rank(target.endpoint) < rank(best->endpoint)))
      best = &target;
  // The nearest is waited for no longer.
  if (rank(best->endpoint) > 0 && now - *first_proof_ < kSettle) return std::nullopt;
  return Proven{best->path, best->endpoint, *best->rtt};
}

}  // namespace weft::nat
