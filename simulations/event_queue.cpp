#include "simulations/event_queue.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr auto kLater = [](const auto& a, const auto& b) { return a.key > b.key; };
}  // namespace

EventQueue::EventQueue(std::size_t sources)
    : sources_(sources), slots_(2 * kSlots), turns_(kTurns) {}

EventKey EventQueue::stamp(Instant at, SourceIndex source) {
  WEFT_ASSERT(source < sources_.size());
  return {at.time_since_epoch().count(), source, sources_[source].sequence++};
}

void EventQueue::post(const EventKey& key, std::uint32_t payload) {
  WEFT_ASSERT(key.time >= now_ && payload != kTimer);
  ++posts_;
  put({key, payload});
}

void EventQueue::put(const Entry& entry) {
  const std::int64_t slot = slot_of(entry.key.time);
  if (slot <= slot_) {
    current_.insert(std::upper_bound(current_.begin(), current_.end(), entry, kLater), entry);
    return;
  }
  const std::int64_t ahead = turn_of(slot) - turn_of(slot_);
  if (ahead <= 1) {  // both turns have their own slots
    slots_[static_cast<std::size_t>(slot & (2 * kSlots - 1))].push_back(entry);
    ++in_slots_;
  } else if (ahead < kTurns) {
    turns_[static_cast<std::size_t>(turn_of(slot) % kTurns)].push_back(entry);
    ++in_turns_;
  } else {
    far_.push_back(entry);
    std::push_heap(far_.begin(), far_.end(), kLater);
  }
}

// Spreads what was put off until this turn over its slots. REQUIRES: slot_ lies in the turn before.
void EventQueue::open_turn(std::int64_t turn) {
  auto& waiting = turns_[static_cast<std::size_t>(turn % kTurns)];
  in_turns_ -= waiting.size();
  for (const Entry& entry : waiting) put(entry);
  std::vector<Entry>().swap(waiting);  // its turn comes again in over an hour
  while (!far_.empty() && turn_of(slot_of(far_.front().key.time)) - turn_of(slot_) < kTurns) {
    std::pop_heap(far_.begin(), far_.end(), kLater);
    const Entry entry = far_.back();
    far_.pop_back();
    put(entry);
  }
}

bool EventQueue::advance() {
  if (in_slots_ == 0 && in_turns_ == 0) {
    if (far_.empty()) return false;
    slot_ = (turn_of(slot_of(far_.front().key.time)) - 1) << kRingBits;  // skip the gap
    open_turn(turn_of(slot_) + 1);
  }
  for (;;) {
    ++slot_;
    if ((slot_ & (kSlots - 1)) == 0) open_turn(turn_of(slot_) + 1);
    auto& slot = slots_[static_cast<std::size_t>(slot_ & (2 * kSlots - 1))];
    if (!slot.empty()) {
      current_.swap(slot);
      in_slots_ -= current_.size();
      std::sort(current_.begin(), current_.end(), kLater);
      return true;
    }
    // Nothing left in these two turns: go on at the end of the second.
    if (in_slots_ == 0) slot_ |= kSlots - 1;
  }
}

bool EventQueue::settle() {
  for (;;) {
    if (current_.empty() && !advance()) return false;
    const Entry entry = current_.back();
    if (entry.payload != kTimer) return true;
    Source& source = sources_[entry.key.source];
    const bool live = source.entry == entry.key.time;  // else the timer moved forward since
    if (live && source.deadline == entry.key.time) return true;
    current_.pop_back();
    if (!live) continue;
    source.entry = source.deadline;  // it was put off, or cancelled
    if (source.deadline != kNever) put({{source.deadline, entry.key.source, kTimer}, kTimer});
  }
}

void EventQueue::set_timer(SourceIndex index, Instant at) {
  const std::int64_t time = std::max(at.time_since_epoch().count(), now_);
  WEFT_ASSERT(index < sources_.size());
  Source& source = sources_[index];
  if (source.deadline == time) return;
  if (source.deadline == kNever) ++timers_;
  source.deadline = time;
  if (source.entry <= time) return;
  source.entry = time;
  put({{time, index, kTimer}, kTimer});
}

void EventQueue::cancel_timer(SourceIndex index) {
  Source& source = sources_[index];
  if (source.deadline == kNever) return;
  source.deadline = kNever;
  --timers_;
}

std::optional<Instant> EventQueue::next_time() {
  if (!settle()) return std::nullopt;
  return Instant{Duration{current_.back().key.time}};
}

std::optional<Event> EventQueue::pop() {
  if (!settle()) return std::nullopt;
  const Entry entry = current_.back();
  current_.pop_back();
  now_ = entry.key.time;
  if (entry.payload == kTimer) {
    Source& source = sources_[entry.key.source];
    source.deadline = source.entry = kNever;
    --timers_;
    return Event{entry.key, Event::Kind::Timer, 0};
  }
  --posts_;
  return Event{entry.key, Event::Kind::Post, entry.payload};
}

std::size_t EventQueue::memory_bytes() const {
  std::size_t bytes = sources_.capacity() * sizeof(Source);
  for (const auto* ring : {&slots_, &turns_})
    for (const auto& slot : *ring)
      bytes += sizeof(std::vector<Entry>) + slot.capacity() * sizeof(Entry);
  return bytes + (current_.capacity() + far_.capacity()) * sizeof(Entry);
}

void EventQueue::check_invariants() const {
  std::size_t armed = 0;
  for (const Source& source : sources_) {
    WEFT_ASSERT(source.deadline == kNever ||
                (source.entry <= source.deadline && source.deadline >= now_));
    armed += source.deadline != kNever ? 1 : 0;
  }
  WEFT_ASSERT(armed == timers_);
  std::size_t posts = 0;
  std::size_t in_slots = 0;
  std::size_t in_turns = 0;
  const auto count = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      WEFT_ASSERT(entry.key.time >= now_);
      posts += entry.payload == kTimer ? 0 : 1;
    }
    return entries.size();
  };
  for (const auto& slot : slots_) in_slots += count(slot);
  for (const auto& turn : turns_) in_turns += count(turn);
  count(current_);
  count(far_);
  WEFT_ASSERT(in_slots == in_slots_ && in_turns == in_turns_ && posts == posts_);
}

}  // namespace weft::sim
