#include "node/connection_shares.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/share.hpp"

namespace weft::node {

DescriptorPlan descriptor_plan(std::size_t limit, std::size_t open) {
  DescriptorPlan plan;
  plan.api_connections = std::clamp<std::size_t>(limit / 16, 8, 64);
  plan.kept = std::clamp<std::size_t>(limit / 32, 8, 32);
  const std::size_t apart = open + plan.api_connections + plan.kept;
  // With fewer than these nothing works anyhow; more than there are is refused by the kernel.
  plan.connections = std::clamp<std::size_t>(limit > apart ? limit - apart : 0, 4, kMaxConnections);
  return plan;
}

ConnectionShares::Place& ConnectionShares::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  of_ = std::exchange(other.of_, nullptr);
  at_ = other.at_;
  return *this;
}

void ConnectionShares::Place::give_back() {
  if (of_ == nullptr) return;
  WEFT_ASSERT(at_->second > 0 && of_->used_ > 0);
  --of_->used_;
  if (--at_->second == 0) of_->held_.erase(at_);
  of_ = nullptr;
}

std::optional<ConnectionShares::Place> ConnectionShares::take(Instant now, const Holder& holder,
                                                              std::size_t limit) {
  const std::size_t own = held(holder);
  const std::size_t others = used_ - own;
  const std::size_t left = limit > others ? limit - others : 0;
  const std::size_t share = holder ? share_of(limit, others) : left / 2 + left % 2;
  if (own < share) {
    const auto at = held_.try_emplace(holder, 0).first;
    ++at->second;
    ++used_;
    return Place(this, at);
  }
  if (refusals_.size() >= kMaxRemembered && !refusals_.contains(holder))
    refusals_.erase(std::ranges::min_element(refusals_, {},
                                             [](const auto& entry) { return entry.second.last; }));
  auto& refusals = refusals_[holder];
  if (now - refusals.last > kRemembered) refusals.count = 0;
  refusals.last = now;
  ++refusals.count;
  return std::nullopt;
}

std::size_t ConnectionShares::held(const Holder& holder) const {
  const auto at = held_.find(holder);
  return at == held_.end() ? 0 : at->second;
}

std::vector<ConnectionShares::Crowd> ConnectionShares::crowds(Instant now) const {
  std::vector<Crowd> out;
  for (const auto& [holder, refusals] : refusals_)
    if (now - refusals.last <= kRemembered) out.push_back({holder, held(holder), refusals.count});
  return out;
}

}  // namespace weft::node
