#include "overlay/session/resequencer.hpp"

#include <algorithm>

namespace weft::session {

namespace {
constexpr Duration kEpoch = 1s;
}

void Resequencer::needed(Instant now, Duration late) {
  needed_ = std::max(needed_, late);
  wait_ = std::min(std::max(wait_, late + late / 4), kLongest);
  if (wait_ < kShortest) wait_ = {};
  if (now - epoch_ < kEpoch) return;
  epoch_ = now;
  wait_ = std::min(std::max(needed_ + needed_ / 4, wait_ - wait_ / 4), kLongest);
  if (wait_ < kShortest) wait_ = {};
  needed_ = {};
}

void Resequencer::opened(Instant now, std::uint64_t number, Instant arrived) {
  if (number >= next_) {
    if (number > next_ && next_ > 0) {
      if (gaps_.size() == kMostGaps) gaps_.erase(gaps_.begin());
      gaps_.push_back({next_, number - 1, arrived});
    }
    next_ = number + 1;
    if (waits()) needed(now, now - arrived > wait_ ? Duration{} : now - arrived);
    return;
  }
  const auto gap = std::ranges::find_if(
      gaps_, [&](const Gap& g) { return g.first <= number && number <= g.last; });
  if (gap != gaps_.end()) needed(now, now - gap->since);
}

void Resequencer::hold(Instant now, std::uint64_t number, const Datagram& datagram) {
  held_.try_emplace(number, Held{now, datagram.path, datagram.local, datagram.from, datagram.ecn,
                                 to_bytes(datagram.payload)});
}

std::optional<Resequencer::Held> Resequencer::take(Instant now) {
  if (held_.empty()) return std::nullopt;
  const auto first = held_.begin();
  const bool turn =
      first->first <= next_ || held_.size() > kMostHeld || now >= first->second.arrived + wait_;
  if (!turn) return std::nullopt;
  Held out = std::move(first->second);
  held_.erase(first);
  return out;
}

std::optional<Instant> Resequencer::deadline() const {
  if (held_.empty()) return std::nullopt;
  return held_.begin()->second.arrived + wait_;
}

}  // namespace weft::session
