#include "overlay/broker/promises.hpp"

#include <algorithm>
#include <utility>

namespace weft::broker {

void Promises::add(Instant now, const BatchPtr& batch, Level want, std::size_t need,
                   std::vector<Waiter> waiters) {
  Promise promise{batch, want, need, {}, std::move(waiters), now + kPushAgain, kPushAgain};
  const auto at = promises_.emplace(std::pair{batch->epoch, batch->last()}, std::move(promise));
  if (at.second) look(at.first->second);
}

void Promises::confirmed(std::uint64_t epoch, std::uint64_t last, Level level,
                         const NodeId& holder) {
  const auto at = promises_.find({epoch, last});
  if (at == promises_.end() || level < at->second.want) return;
  Promise& promise = at->second;
  promise.holders.insert(holder);
  if (promise.holders.size() < promise.need) return;
  for (const auto& waiter : promise.waiters)
    kept_.push_back({waiter, promise.holders.size(), promise.need, true});
  promises_.erase(at);
}

std::vector<Promises::Kept> Promises::take(Instant now) {
  auto out = std::exchange(kept_, {});
  if (!due_ || now < *due_) return out;
  for (auto& [key, promise] : promises_)
    std::erase_if(promise.waiters, [&](const Waiter& waiter) {
      if (waiter.deadline > now) return false;
      out.push_back({waiter, promise.holders.size(), promise.need, false});
      return true;
    });
  std::erase_if(promises_, [](const auto& entry) { return entry.second.waiters.empty(); });
  look_at_all();
  return out;
}

std::vector<Promises::Again> Promises::again(Instant now) {
  std::vector<Again> out;
  if (!due_ || now < *due_) return out;
  for (auto& [key, promise] : promises_) {
    if (promise.again > now) continue;
    promise.pause *= 2;
    promise.again = now + promise.pause;
    out.push_back({promise.batch, promise.want, &promise.holders});
  }
  look_at_all();
  return out;
}

std::vector<Promises::Again> Promises::open() const {
  std::vector<Again> out;
  for (const auto& [key, promise] : promises_)
    out.push_back({promise.batch, promise.want, &promise.holders});
  return out;
}

void Promises::look(const Promise& promise) {
  Instant at = promise.again;
  for (const auto& waiter : promise.waiters) at = std::min(at, waiter.deadline);
  if (!due_ || at < *due_) due_ = at;
}

void Promises::look_at_all() {
  due_.reset();
  for (const auto& [key, promise] : promises_) look(promise);
}

}  // namespace weft::broker
