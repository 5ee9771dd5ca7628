// The queue of a shard. It hands out what happens next in a total order that does not depend on the
// container: (time, source, source sequence). Two kinds of entry:
//   - posts: one-shot, cannot be taken back (a packet arriving);
//   - timers: at most one per source, moved or cancelled at will; after its posts when times are
//     equal.
// All lie in one calendar: 2 ms slots for the next four seconds, 4.3 s slots for the next 73
// minutes, a heap for what is later. A slot is sorted when its turn comes. A timer that moves back
// leaves its entry where it is: the entry then finds out and moves on; so deadlines that are mostly
// put off, as those of requests that are answered, cost next to nothing.
// Invariant: time never runs backwards; posting before the time last popped is our bug.
// Limits: 2^32 - 1 posts per source, payloads below 2^32 - 1.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/time.hpp"

namespace weft::sim {

using SourceIndex = std::uint32_t;

// The order of everything. No two events share one: a source never uses a sequence twice.
struct EventKey {
  std::int64_t time = 0;  // nanoseconds
  SourceIndex source = 0;
  std::uint32_t sequence = 0;
  auto operator<=>(const EventKey&) const = default;
};

struct Event {
  enum class Kind : std::uint8_t { Post, Timer };
  EventKey key;
  Kind kind = Kind::Post;
  std::uint32_t payload = 0;  // of a post
};

class EventQueue {
 public:
  explicit EventQueue(std::size_t sources = 0);

  void add_sources(std::size_t count) { sources_.resize(sources_.size() + count); }
  // The next key of this source: for a post that travels to another queue first.
  EventKey stamp(Instant at, SourceIndex source);
  void post(const EventKey& key, std::uint32_t payload);
  void post(Instant at, SourceIndex source, std::uint32_t payload) {
    post(stamp(at, source), payload);
  }
  void set_timer(SourceIndex source, Instant at);
  void cancel_timer(SourceIndex source);

  [[nodiscard]] std::optional<Instant> next_time();
  std::optional<Event> pop();

  // What is settled to come soon, `ahead` after the next one: a hint for the cache, nothing more.
  // Of a timer the source matters (it may have been put off), of a post the payload.
  [[nodiscard]] std::optional<Event> soon(std::size_t ahead) const {
    if (ahead >= current_.size()) return std::nullopt;
    const Entry& entry = current_[current_.size() - 1 - ahead];
    return Event{entry.key, kind_of(entry), entry.payload};
  }
  void warm(SourceIndex source) const { __builtin_prefetch(&sources_[source]); }

  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t size() const { return posts_ + timers_; }
  [[nodiscard]] std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  struct Entry {
    EventKey key;
    std::uint32_t payload;
  };
  struct Source {
    std::int64_t deadline = kNever;  // when the timer is to fire
    std::int64_t entry = kNever;     // of its only live entry: never after the deadline
    std::uint32_t sequence = 0;
  };
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::uint32_t kTimer = 0xffffffff;  // payload and sequence of a timer's entry
  static constexpr int kSlotShift = 21;                // 2,097,152 ns
  static constexpr int kRingBits = 11;
  static constexpr std::int64_t kSlots = std::int64_t{1} << kRingBits;  // one turn: 4.29 s
  static constexpr std::int64_t kTurns = 1024;

  static Event::Kind kind_of(const Entry& entry) {
    return entry.payload == kTimer ? Event::Kind::Timer : Event::Kind::Post;
  }
  static std::int64_t slot_of(std::int64_t time) { return time >> kSlotShift; }
  static std::int64_t turn_of(std::int64_t slot) { return slot >> kRingBits; }
  void put(const Entry& entry);
  bool settle();   // current_ holds at its back what comes next
  bool advance();  // to the next slot with anything in it
  void open_turn(std::int64_t turn);

  std::int64_t now_ = 0;
  std::vector<Source> sources_;
  std::vector<Entry> current_;             // the slot being emptied, latest first
  std::vector<std::vector<Entry>> slots_;  // of this turn and the next, unsorted
  std::vector<std::vector<Entry>> turns_;  // after that
  std::vector<Entry> far_;                 // heap of what lies beyond them
  std::int64_t slot_ = 0;                  // of current_
  std::size_t in_slots_ = 0;
  std::size_t in_turns_ = 0;
  std::size_t posts_ = 0;
  std::size_t timers_ = 0;  // armed
};

}  // namespace weft::sim
