#include "dht/guard.hpp"

#include <algorithm>

#include "dht/prefix.hpp"
#include "dht/ticks.hpp"

namespace weft::dht {

namespace {

ByteArray<50> cookie_input(const Endpoint& endpoint, const NodeId& node) {
  ByteArray<50> input;
  auto out = std::ranges::copy(endpoint.address, input.begin()).out;
  *out++ = static_cast<std::uint8_t>(endpoint.port >> 8);
  *out++ = static_cast<std::uint8_t>(endpoint.port);
  std::ranges::copy(node.bytes, out);
  return input;
}

}  // namespace

Cookie CookieJar::issue(Instant now, Rng& rng, const PostView& post, const Endpoint& to,
                        const NodeId& node) {
  roll(now, rng);
  return post.mac(current_, cookie_input(to, node));
}

bool CookieJar::valid(Instant now, Rng& rng, const PostView& post, const Endpoint& from,
                      const NodeId& node, Cookie cookie) {
  roll(now, rng);
  const auto input = cookie_input(from, node);
  return post.mac(current_, input) == cookie || post.mac(last_, input) == cookie;
}

void CookieJar::roll(Instant now, Rng& rng) {
  if (started_ && now < until_) return;
  const bool one_epoch = started_ && now < until_ + config_.cookie_epoch;
  last_ = one_epoch ? current_ : rng.bytes<16>();
  current_ = rng.bytes<16>();
  until_ = one_epoch ? until_ + config_.cookie_epoch : now + config_.cookie_epoch;
  started_ = true;
}

void CookieCache::store(Instant now, ContactHandle from, Cookie cookie) {
  forget(from);
  if (items_.size() >= kCapacity) items_.erase(items_.begin());
  if (items_.size() == items_.capacity())
    items_.reserve(std::min(kCapacity, items_.size() + 4 + items_.size() / 2));
  items_.push_back({cookie, from, to_ticks(now)});
}

std::optional<Cookie> CookieCache::find(Instant now, ContactHandle to) const {
  const auto found = std::ranges::find(items_, to, &Item::from);
  if (found == items_.end()) return std::nullopt;
  // Its giver accepts it for one whole epoch at least; not a second more is assumed.
  if (to_ticks(now) - found->at > to_ticks(config_.cookie_epoch - 10s)) return std::nullopt;
  return found->cookie;
}

void CookieCache::forget(ContactHandle contact) {
  std::erase_if(items_, [&](const Item& item) { return item.from == contact; });
}

void CookieCache::expire(Instant now) {
  // Oldest first: nothing to do unless the first one is too old.
  if (items_.empty() || to_ticks(now) - items_.front().at <= to_ticks(config_.cookie_epoch)) return;
  const auto before = items_.size();
  std::erase_if(items_, [&](const Item& item) {
    return to_ticks(now) - item.at > to_ticks(config_.cookie_epoch);
  });
  if (items_.size() < before) items_.shrink_to_fit();
}

bool RateLimiter::allow(Instant now, const Endpoint& from, bool proven) {
  if (slots_.empty()) slots_.resize(config_.rate_slots);
  const std::uint64_t prefix = prefix_of(from);
  const bool single = proven || prefix == 0;
  const std::uint64_t key = single ? std::hash<Endpoint>{}(from) : prefix;
  const std::uint64_t mixed = (key ^ (single ? 0x5555 : 0)) * 0x9e3779b97f4a7c15ULL;
  const std::uint32_t rate = single ? config_.proven_rate : config_.source_rate;
  Slot& slot = slots_[static_cast<std::size_t>(mixed >> 33) % slots_.size()];
  const auto tag = static_cast<std::uint32_t>(mixed) | 1;
  // A quarter may come at once, the rest over the second: never more than `rate` in any second.
  const std::uint32_t full = rate * 250;
  const Duration since = std::min<Duration>(now - slot.at, 2s);
  const auto gained = static_cast<std::uint32_t>(since.count() / 1'000'000) * rate * 3 / 4;
  const std::uint32_t credit = std::min(full, slot.credit + gained);
  if (slot.tag == 0 || (slot.tag != tag && credit == full)) {
    slot = {tag, full, now};
  } else if (gained > 0) {
    slot.credit = credit;
    slot.at = now;
  }
  if (slot.credit < 1000) return false;
  slot.credit -= 1000;
  return true;
}

}  // namespace weft::dht
