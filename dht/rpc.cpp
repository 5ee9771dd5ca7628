#include "dht/rpc.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::dht {

void RttEstimator::sample(Duration rtt) {
  const auto us =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(rtt.count() / 1000, 1, 60'000'000));
  if (smoothed_us_ == 0) {
    smoothed_us_ = us;
    variation_us_ = us / 2;
    return;
  }
  const std::uint32_t error = us > smoothed_us_ ? us - smoothed_us_ : smoothed_us_ - us;
  variation_us_ = variation_us_ - variation_us_ / 4 + error / 4;  // RFC 6298's weights
  smoothed_us_ = smoothed_us_ - smoothed_us_ / 8 + us / 8;
}

Duration RttEstimator::soft_timeout(const Config& config, Duration known_rtt) const {
  Duration expected = config.first_rtt;
  Duration variation = config.first_rtt / 2;
  if (smoothed_us_ != 0) {
    expected = std::chrono::microseconds(smoothed_us_);
    variation = std::chrono::microseconds(variation_us_);
  }
  if (known_rtt > Duration::zero()) {
    // This peer was measured: its own time, and a share of what paths in general vary by.
    expected = known_rtt;
    variation = std::min(variation, known_rtt / 2);
  }
  return std::clamp(expected + 4 * variation, config.soft_timeout_min, config.soft_timeout_max);
}

Pending& Rpc::sent(Instant now, const Nonce& nonce, ContactHandle to, Purpose purpose,
                   std::uint32_t task, Duration known_rtt) {
  WEFT_ASSERT(!full());
  Pending pending;
  pending.transaction = transaction_of(nonce);
  pending.first = pending.transaction;
  pending.to = to;
  pending.task = task;
  pending.sent = now;
  pending.deadline = now + rtt_.soft_timeout(config_, known_rtt);
  pending.purpose = purpose;
  return pending_.emplace_back(pending);
}

void Rpc::resent(Instant now, Pending& pending, const Nonce& nonce) {
  const Duration soft = pending.deadline - pending.sent;
  pending.transaction = transaction_of(nonce);
  pending.deadline = now + 2 * soft;
  ++pending.attempt;
}

std::optional<Pending> Rpc::answered(Instant now, const Nonce& nonce,
                                     std::optional<Duration>& rtt) {
  const Transaction transaction = transaction_of(nonce);
  const auto found = std::ranges::find_if(pending_, [&](const Pending& pending) {
    return pending.transaction == transaction || pending.first == transaction;
  });
  if (found == pending_.end()) return std::nullopt;
  // Each sending has its own nonce, so even a retransmission tells its time when the first one is
  // answered; when the second is, its start was not kept.
  if (found->first == transaction) {
    rtt = now - found->sent;
    rtt_.sample(*rtt);
  }
  const Pending result = *found;
  *found = pending_.back();
  pending_.pop_back();
  if (pending_.empty()) pending_.shrink_to_fit();
  return result;
}

Pending* Rpc::due(Instant now) {
  Pending* earliest = nullptr;
  for (Pending& pending : pending_)
    if (pending.deadline <= now && (earliest == nullptr || pending.deadline < earliest->deadline))
      earliest = &pending;
  return earliest;
}

Pending Rpc::take(Pending* pending) {
  const Pending result = *pending;
  *pending = pending_.back();
  pending_.pop_back();
  if (pending_.empty()) pending_.shrink_to_fit();
  return result;
}

void Rpc::release(std::uint32_t task) {
  for (Pending& pending : pending_)
    if (pending.task == task) pending.task = 0;
}

std::optional<Instant> Rpc::next() const {
  if (pending_.empty()) return std::nullopt;
  return std::ranges::min_element(pending_, {}, &Pending::deadline)->deadline;
}

std::size_t Rpc::count(Purpose purpose) const {
  return static_cast<std::size_t>(std::ranges::count(pending_, purpose, &Pending::purpose));
}

bool Rpc::asking_again(std::uint32_t task) const {
  return std::ranges::any_of(
      pending_, [&](const Pending& pending) { return pending.task == task && pending.again > 0; });
}

bool Rpc::asking(ContactHandle to, Purpose purpose) const {
  return std::ranges::any_of(pending_, [&](const Pending& pending) {
    return pending.to == to && pending.purpose == purpose;
  });
}

}  // namespace weft::dht
