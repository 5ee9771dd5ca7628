// The one queue of a simulation. It hands out what happens next in a total order that does not
// depend on the container: (time, source, source sequence). Two kinds of entry:
//   - posts: one-shot, cannot be taken back (a packet arriving). A calendar of 0.5 ms slots keeps
//     the next four seconds; what is later waits in a heap.
//   - timers: at most one per source, moved or cancelled in place (an indexed 4-ary heap).
// Invariant: time never runs backwards; posting before the time last popped is our bug.
// Limits: 2^32 posts and timer moves per source.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.hpp"

namespace weft::sim {

using SourceIndex = std::uint32_t;

struct Event {
  enum class Kind : std::uint8_t { Post, Timer };
  Instant at;
  SourceIndex source = 0;
  Kind kind = Kind::Post;
  std::uint32_t payload = 0;  // of a post
};

class EventQueue {
 public:
  explicit EventQueue(std::size_t sources = 0);

  void add_sources(std::size_t count);
  void post(Instant at, SourceIndex source, std::uint32_t payload);
  // Setting the same deadline again changes nothing, not even the order.
  void set_timer(SourceIndex source, Instant at);
  void cancel_timer(SourceIndex source);

  [[nodiscard]] std::optional<Instant> next_time();
  std::optional<Event> pop();

  // The payload of a post by another source than `except` that comes soon, `ahead` after the next
  // one, if that is settled already: a hint for the cache, nothing more.
  [[nodiscard]] std::optional<std::uint32_t> soon(std::size_t ahead, SourceIndex except) const {
    if (ahead >= current_.size()) return std::nullopt;
    const Post& post = current_[current_.size() - 1 - ahead];
    if (post.key.source == except) return std::nullopt;
    return post.payload;
  }

  [[nodiscard]] bool empty() const { return posts_ == 0 && timers_.empty(); }
  [[nodiscard]] std::size_t size() const { return posts_ + timers_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;
  void check_invariants() const;

 private:
  struct Key {
    std::int64_t time;
    std::uint32_t source;
    std::uint32_t sequence;
    auto operator<=>(const Key&) const = default;
  };
  struct Post {
    Key key;
    std::uint32_t payload;
  };
  static constexpr int kSlotShift = 19;  // 524,288 ns
  static constexpr std::size_t kSlots = 8192;
  static constexpr std::uint32_t kNoPlace = 0xffffffff;

  static std::int64_t slot_of(std::int64_t time) { return time >> kSlotShift; }
  [[nodiscard]] bool prepare_posts();  // current_ holds the earliest post at its back
  void put_in_calendar(const Post& post);
  void move_far_posts();
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void place_timer(std::size_t place, const Key& key);
  void remove_timer(std::size_t place);

  std::int64_t now_ = 0;
  std::vector<std::uint32_t> sequence_;      // per source
  std::vector<std::uint32_t> timer_place_;   // per source, kNoPlace if none
  std::vector<Key> timers_;                  // heap
  std::vector<std::vector<Post>> calendar_;  // ring of slots, unsorted
  std::vector<Post> current_;                // the slot being emptied, latest first
  std::vector<Post> far_;                    // heap of what lies beyond the ring
  std::int64_t current_slot_ = 0;
  std::size_t in_calendar_ = 0;
  std::size_t posts_ = 0;
};

}  // namespace weft::sim
