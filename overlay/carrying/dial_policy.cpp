#include "overlay/carrying/dial_policy.hpp"

#include <algorithm>

namespace weft::overlay {

bool DialPolicy::seeks_carrier(const Standing& standing) {
  if (standing.carriers == 0) return false;
  return standing.up ? standing.silent : standing.wanted && standing.tried_since;
}

bool DialPolicy::seeks_udp(const Standing& standing) {
  return standing.up && standing.on_stream && standing.initiator && standing.endpoints > 0;
}

Instant DialPolicy::earliest(const Standing& standing) {
  if (standing.up) return {};
  return *standing.tried_since + (standing.endpoints > 0 ? kSilence : Duration(0));
}

DialPolicy::Step DialPolicy::step(Instant now, const Standing& standing) {
  if (!seeks_udp(standing)) {
    udp_at_.reset();
    udp_pause_ = kUdpFirst;
  } else if (!udp_at_) {
    udp_at_ = now + kUdpFirst;
  } else if (now >= *udp_at_) {
    const std::size_t index = next_udp_++ % standing.endpoints;
    udp_at_ = now + udp_pause_;
    if (index + 1 == standing.endpoints) udp_pause_ = std::min(udp_pause_ * 2, kUdpLongest);
    return {Step::Do::TryUdp, index};
  }
  if (!seeks_carrier(standing)) {
    next_ = 0;
    if (standing.up) pause_ = kFirstPause;
    return {};
  }
  if (now < std::max(earliest(standing), connect_at_) || pending_ >= kMostPending) return {};
  if (next_ >= standing.carriers) {
    if (pending_ == 0) end_round(now);
    return {};
  }
  ++pending_;
  connect_at_ = now + kStagger;
  return {Step::Do::Connect, next_++};
}

void DialPolicy::end_round(Instant now) {
  next_ = 0;
  connect_at_ = now + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void DialPolicy::opened(Instant now) {
  if (pending_ > 0) --pending_;
  connect_at_ = std::max(connect_at_, now + kHandshake);
}

void DialPolicy::failed() {
  if (pending_ > 0) --pending_;
}

std::optional<Instant> DialPolicy::deadline(const Standing& standing) const {
  std::optional<Instant> out;
  const auto consider = [&](Instant at) {
    if (!out || at < *out) out = at;
  };
  // Not asked yet since things stand so: at once.
  if (seeks_udp(standing)) consider(udp_at_.value_or(Instant{}));
  const bool room = pending_ < kMostPending && (next_ < standing.carriers || pending_ == 0);
  if (seeks_carrier(standing) && room) consider(std::max(earliest(standing), connect_at_));
  return out;
}

}  // namespace weft::overlay
