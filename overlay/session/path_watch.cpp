#include "overlay/session/path_watch.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace weft::session {

namespace {

constexpr Duration kShortestDoubt = 500ms;
constexpr Duration kBeforeSearch = 500ms;  // what waited goes first
constexpr Duration kSettled = 100ms;       // a burst lost in a full queue is no black hole

// Bits first to last, both in one word.
std::uint64_t mask(std::uint64_t first, std::uint64_t last) {
  const std::uint64_t width = last - first + 1;
  const std::uint64_t ones = width == 64 ? ~0ull : (1ull << width) - 1;
  return ones << (first % 64);
}

}  // namespace

void PathWatch::reset() {
  const auto next = next_;
  const auto falls = falls_;
  *this = PathWatch();
  next_ = next;
  falls_ = falls;
}

Duration PathWatch::patience(Duration pto) {
  return std::clamp<Duration>(3 * pto, kShortestDoubt, std::max(kLongestDoubt, pto));
}

bool PathWatch::noted(std::uint64_t number) const {
  return number < next_ && next_ - number <= kReach - 64;
}

void PathWatch::sent(Instant now, std::uint64_t number, bool large, bool ecn) {
  const std::uint64_t newest = number / 64;
  std::uint64_t fresh = (next_ + 63) / 64;
  if (newest >= kWords) fresh = std::max(fresh, newest - kWords + 1);
  for (; fresh <= newest; ++fresh)
    sent_[fresh % kWords] = large_[fresh % kWords] = acked_[fresh % kWords] = 0;
  next_ = number + 1;
  const std::uint64_t bit = 1ull << (number % 64);
  sent_[newest % kWords] |= bit;
  marked_in_flight_ = marked_in_flight_ || ecn;
  if (!large) return;
  large_[newest % kWords] |= bit;
  if (run_++ == 0) run_since_ = now;
  if (run_ == kLosses) run_end_ = number;
}

PathWatch::Newly PathWatch::take(const AckRanges& ranges) {
  Newly out;
  const auto raise = [](std::optional<std::uint64_t>& highest, std::uint64_t word,
                        std::uint64_t bits) {
    if (bits == 0) return;
    const auto number = word * 64 + 63 - static_cast<std::uint64_t>(std::countl_zero(bits));
    highest = std::max(highest.value_or(0), number);
  };
  for (std::size_t i = 0; i < ranges.count; ++i) {
    auto [first, last] = ranges.ranges[i];
    if (last >= next_) continue;  // never sent: ngtcp2 closes for it
    if (!noted(last)) break;
    if (!noted(first)) first = next_ - (kReach - 64);
    for (std::uint64_t word = first / 64; word <= last / 64; ++word) {
      const auto bits = mask(std::max(first, word * 64), std::min(last, word * 64 + 63));
      const std::size_t at = word % kWords;
      const std::uint64_t fresh = bits & sent_[at] & ~acked_[at];
      acked_[at] |= fresh;
      raise(out.highest, word, fresh);
      raise(out.small, word, fresh & ~large_[at]);
      out.large = out.large || (fresh & large_[at]) != 0;
    }
  }
  return out;
}

void PathWatch::acked(Instant now, const AckRanges& ranges, Duration pto) {
  const Newly newly = take(ranges);
  if (!newly.highest) return;
  newest_acked_ = std::max(newest_acked_.value_or(0), *newly.highest);
  if (unanswered_since_) unanswered_since_ = now;
  silent_ = false;
  marked_in_flight_ = false;
  if (std::exchange(search_on_news_, false)) search_at_ = now + kBeforeSearch;
  if (probe_) {
    const std::uint64_t word = probe_->number / 64 % kWords;
    if ((acked_[word] >> (probe_->number % 64) & 1) != 0) {
      limit_ = probe_->size;
      probe_.reset();
      tries_ = 0;
      search_due_ = true;
    } else {
      probe_->passed = probe_->passed || *newly.highest > probe_->number;
    }
  }
  if (newly.large) {
    run_ = 0;
  } else if (run_ >= kLosses && newly.small && *newly.small > run_end_ &&
             now - run_since_ >= std::max(pto, kSettled)) {
    fall();
  }
}

std::optional<PathWatch::Fate> PathWatch::fate(std::uint64_t first, std::uint64_t last) const {
  if (!noted(first) || !noted(last)) return std::nullopt;
  Fate out;
  for (std::uint64_t word = first / 64; word <= last / 64; ++word) {
    const auto bits =
        sent_[word % kWords] & mask(std::max(first, word * 64), std::min(last, word * 64 + 63));
    out.sent += static_cast<std::size_t>(std::popcount(bits));
    out.acked += static_cast<std::size_t>(std::popcount(bits & acked_[word % kWords]));
  }
  return out;
}

void PathWatch::in_flight(Instant now, bool any) {
  if (!any) {
    unanswered_since_.reset();
    silent_ = false;
  } else if (!unanswered_since_) {
    unanswered_since_ = now;
  }
}

void PathWatch::refused(Instant now, std::size_t size) {
  if (probe_ && size == probe_->size) return probe_lost(now);
  if (size > kBase && size <= limit_) fall();
}

void PathWatch::fall() {
  if (limit_ != kBase) ++falls_;
  limit_ = kBase;
  run_ = 0;
  probe_.reset();
  tries_ = 0;
  search_at_.reset();
  search_due_ = false;
  search_on_news_ = true;
}

void PathWatch::probe_lost(Instant now) {
  probe_.reset();
  if (++tries_ < kTries) {
    search_at_ = now;
  } else {
    tries_ = 0;
    search_at_ = now + kSearchAgain;
  }
}

void PathWatch::expire(Instant now, Duration pto) {
  if (search_at_ && now >= *search_at_) {
    search_at_.reset();
    search_due_ = true;
  }
  if (probe_ && now >= probe_->at + patience(pto)) {
    if (probe_->passed) {
      probe_lost(now);
    } else {  // silence says nothing about sizes
      probe_.reset();
      search_on_news_ = true;
    }
  }
  if (!unanswered_since_) return;
  if (now >= *unanswered_since_ + kSilentAfter) silent_ = true;
  if (now < *unanswered_since_ + patience(pto)) return;
  if (marked_in_flight_) marks_ = false;
  if (run_ > 0 && limit_ != kBase) fall();
}

std::optional<Instant> PathWatch::deadline(Duration pto) const {
  std::optional<Instant> soonest;
  const auto consider = [&](Instant at) {
    if (!soonest || at < *soonest) soonest = at;
  };
  if (probe_) consider(probe_->at + patience(pto));
  if (search_at_) consider(*search_at_);
  const bool doubt = (run_ > 0 && limit_ != kBase) || (marks_ && marked_in_flight_);
  if (unanswered_since_ && doubt) consider(*unanswered_since_ + patience(pto));
  if (unanswered_since_ && !silent_) consider(*unanswered_since_ + kSilentAfter);
  return soonest;
}

std::optional<std::size_t> PathWatch::probe_size(std::size_t path) {
  if (!search_due_ || probe_) return std::nullopt;
  for (const std::size_t size : kMtuProbes)
    if (size > limit_ && size <= path) return size;
  limit_ = kUnlimited;  // all that the path was found to take
  search_due_ = false;
  return std::nullopt;
}

void PathWatch::probe_sent(Instant now, std::uint64_t number, std::size_t size) {
  probe_ = Probe{number, size, now};
  search_due_ = false;
}

}  // namespace weft::session
