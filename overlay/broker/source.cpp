#include "overlay/broker/source.hpp"

#include <algorithm>
#include <utility>

namespace weft::broker {

// ---- what there is ------------------------------------------------------------------------------

const Source::Stream* Source::find(std::uint64_t epoch) const {
  const auto at = streams_.find(epoch);
  return at == streams_.end() ? nullptr : &at->second;
}

// What anybody may claim never takes the place of what a publisher signed.
Source::Stream* Source::stream(std::uint64_t epoch, bool proven) {
  if (const auto at = streams_.find(epoch); at != streams_.end()) return &at->second;
  if (streams_.size() >= kMaxEpochs) {
    if (!proven) return nullptr;
    auto out = std::ranges::find_if(streams_, [](const auto& entry) {
      return !entry.second.delivered && entry.second.held.empty();
    });
    streams_.erase(out == streams_.end() ? streams_.begin() : out);
  }
  Stream fresh;
  fresh.epoch = epoch;
  return &streams_.emplace(epoch, std::move(fresh)).first->second;
}

Source::Take Source::look(const Batch& batch, bool pushed) const {
  if (batch.epoch < delivering_) return Take::Late;
  const Stream* stream = find(batch.epoch);
  if (stream == nullptr) return Take::Fresh;
  const bool corrects = pushed && stream->guessed && !stream->delivered;
  if (batch.last() < stream->next) return corrects ? Take::Fresh : Take::Duplicate;
  const auto at = stream->held.find(batch.first);
  if (at != stream->held.end() && at->second->last() >= batch.last()) return Take::Duplicate;
  if (batch.first > stream->next + kMaxAhead ||
      (batch.first > stream->next && stream->held_bytes + batch.raw.size() > kMaxHeld))
    return Take::Full;
  return Take::Fresh;
}

Source::Take Source::offer(Instant now, const BatchPtr& batch, bool pushed, LinkId from) {
  const auto take = look(*batch, pushed);
  if (take != Take::Fresh) return take;
  Stream& stream = *this->stream(batch->epoch, true);
  if (batch->first < stream.next && stream.guessed && !stream.delivered)
    stream.next = stream.start = batch->first;
  auto& place = stream.held[batch->first];
  if (place) stream.held_bytes -= place->raw.size();
  place = batch;
  stream.held_bytes += batch->raw.size();
  if (stream.gap() && from != 0 &&
      std::ranges::find(stream.claimants, from) == stream.claimants.end() &&
      stream.claimants.size() < kMaxClaimants)
    stream.claimants.push_back(from);
  watch(now, stream);
  return Take::Fresh;
}

bool Source::claimed(Instant now, std::uint64_t epoch, std::uint64_t high, LinkId by, bool fresh) {
  if (epoch < delivering_ || high > kMaxNumber) return false;
  const bool known = find(epoch) != nullptr;
  Stream* stream = this->stream(epoch, false);
  if (stream == nullptr) return false;
  if (!known && fresh) {
    stream->next = stream->start = high + 1;
    stream->guessed = true;
  }
  if (high < stream->next) return false;
  stream->claimed = std::max(stream->claimed, high);
  if (std::ranges::find(stream->claimants, by) == stream->claimants.end() &&
      stream->claimants.size() < kMaxClaimants)
    stream->claimants.push_back(by);
  watch(now, *stream);
  return true;
}

void Source::gone(Instant now, std::uint64_t epoch, std::uint64_t upto, LinkId by,
                  std::size_t links) {
  const auto at = streams_.find(epoch);
  if (at == streams_.end() || !at->second.waiting || upto < at->second.next) return;
  Stream& stream = at->second;
  std::erase(stream.claimants, by);
  if (std::ranges::find(stream.without, by) == stream.without.end()) stream.without.push_back(by);
  if (stream.claimants.empty() && stream.without.size() >= std::min<std::size_t>(links, 2))
    pass_over(stream, upto);
  else
    stream.since = Instant{};  // somebody else, at once
  watch(now, stream);
}

void Source::shown(std::uint64_t epoch, std::uint64_t number) {
  if (epoch < delivering_ || find(epoch) != nullptr) return;
  if (Stream* stream = this->stream(epoch, true)) stream->next = stream->start = number + 1;
}

void Source::hurry(std::uint64_t epoch) {
  if (const auto at = streams_.find(epoch); at != streams_.end()) at->second.since = Instant{};
}

void Source::resume(std::uint64_t epoch, std::uint64_t high) {
  Stream* stream = this->stream(epoch, true);
  stream->next = stream->start = std::max(stream->next, high + 1);
  stream->delivered = true;
  delivering_ = std::max(delivering_, epoch);
}

void Source::link_gone(LinkId link) {
  for (auto& [epoch, stream] : streams_) {
    std::erase(stream.claimants, link);
    std::erase(stream.without, link);
  }
}

// ---- gaps ---------------------------------------------------------------------------------------

void Source::watch(Instant now, Stream& stream) {
  const bool missing = stream.gap() || (stream.held.empty() && stream.claimed >= stream.next);
  if (!missing) {
    stream.waiting = false;
  } else if (!stream.waiting) {
    stream.waiting = true;
    stream.asked = 0;
    stream.since = now;
    stream.give_up = now + (stream.delivered ? kGapPatience : kFirstPatience);
  }
}

void Source::advance(Stream& stream, std::uint64_t next) {
  stream.next = next;
  stream.waiting = false;
  stream.without.clear();
  if (stream.claimed < next && !stream.gap()) stream.claimants.clear();
}

// True: something was passed over. What is only claimed is never counted as past: perhaps there is
// no such message, and a later one with its number must be taken.
bool Source::pass_over(Stream& stream, std::uint64_t upto) {
  if (!stream.gap()) {
    stream.claimed = stream.next - 1;
    stream.waiting = false;
    return true;
  }
  upto = std::min(upto, stream.held.begin()->first - 1);
  if (upto < stream.next) return false;
  if (!stream.guessed) stream.missed += upto + 1 - stream.next;
  advance(stream, upto + 1);
  return true;
}

std::optional<Source::Ask> Source::ask(Instant now, Duration wait) {
  for (auto& [epoch, stream] : streams_) {
    if (epoch < delivering_ || !stream.waiting || stream.asked >= kMaxAsked) continue;
    if (now < stream.since + wait) continue;
    const auto turn = static_cast<std::size_t>(stream.asked++);
    stream.since = now;
    const auto& who = stream.claimants;
    return Ask{epoch, stream.next, stream.gap() ? stream.held.begin()->first - 1 : stream.claimed,
               who.empty() ? LinkId{0} : who[turn % who.size()]};
  }
  return std::nullopt;
}

std::optional<Instant> Source::poll_timeout(Duration wait) const {
  std::optional<Instant> earliest;
  for (const auto& [epoch, stream] : streams_) {
    if (epoch < delivering_ || !stream.waiting) continue;
    Instant at = stream.give_up;
    if (stream.asked < kMaxAsked) at = std::min(at, stream.since + wait);
    if (!earliest || at < *earliest) earliest = at;
  }
  return earliest;
}

// ---- delivery -----------------------------------------------------------------------------------

std::optional<Source::Out> Source::take_next(Stream& stream) {
  while (!stream.held.empty()) {
    const auto at = stream.held.begin();
    const BatchPtr batch = at->second;
    if (batch->first > stream.next) return std::nullopt;
    stream.held_bytes -= batch->raw.size();
    stream.held.erase(at);
    if (batch->last() < stream.next) continue;
    Out out{batch, static_cast<std::size_t>(stream.next - batch->first),
            std::exchange(stream.missed, 0)};
    advance(stream, batch->last() + 1);
    stream.delivered = true;
    return out;
  }
  return std::nullopt;
}

std::optional<Source::Out> Source::deliver(Instant now) {
  for (auto& [epoch, stream] : streams_) {
    if (epoch < delivering_) continue;
    for (;;) {
      if (auto out = take_next(stream)) {
        delivering_ = epoch;
        watch(now, stream);
        return out;
      }
      watch(now, stream);
      if (stream.complete()) break;
      if (now < stream.give_up || !pass_over(stream, kMaxNumber)) return std::nullopt;
    }
    if (stream.missed > 0) return Out{nullptr, 0, std::exchange(stream.missed, 0)};
  }
  return std::nullopt;
}

std::vector<Source::High> Source::highs() const {
  std::vector<High> out;
  for (const auto& [epoch, stream] : streams_)
    if (stream.delivered) out.push_back({epoch, stream.next - 1});
  return out;
}

bool Source::proven(std::uint64_t epoch) const {
  const Stream* stream = find(epoch);
  return stream != nullptr && (stream->delivered || !stream->held.empty());
}

bool Source::covers(std::uint64_t epoch, std::uint64_t number) const {
  const Stream* stream = find(epoch);
  return stream != nullptr && number >= stream->start;
}

bool Source::settled(std::uint64_t epoch, std::uint64_t from, std::uint64_t to) const {
  const Stream* stream = find(epoch);
  return stream != nullptr && from >= stream->start && to < stream->next;
}

std::size_t Source::held_bytes() const {
  std::size_t all = 0;
  for (const auto& [epoch, stream] : streams_) all += stream.held_bytes;
  return all;
}

}  // namespace weft::broker
