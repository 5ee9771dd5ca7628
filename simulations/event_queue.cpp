#include "simulations/event_queue.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::sim {

namespace {
constexpr auto kLater = [](const auto& a, const auto& b) { return a.key > b.key; };
}  // namespace

EventQueue::EventQueue(std::size_t sources) : calendar_(kSlots) { add_sources(sources); }

void EventQueue::add_sources(std::size_t count) {
  sequence_.resize(sequence_.size() + count, 0);
  timer_place_.resize(timer_place_.size() + count, kNoPlace);
}

void EventQueue::post(Instant at, SourceIndex source, std::uint32_t payload) {
  const std::int64_t time = at.time_since_epoch().count();
  WEFT_ASSERT(time >= now_ && source < sequence_.size());
  const Post post{{time, source, sequence_[source]++}, payload};
  ++posts_;
  const std::int64_t slot = slot_of(time);
  if (slot <= current_slot_) {
    current_.insert(std::upper_bound(current_.begin(), current_.end(), post, kLater), post);
  } else if (slot < current_slot_ + static_cast<std::int64_t>(kSlots)) {
    put_in_calendar(post);
  } else {
    far_.push_back(post);
    std::push_heap(far_.begin(), far_.end(), kLater);
  }
}

void EventQueue::put_in_calendar(const Post& post) {
  calendar_[static_cast<std::size_t>(slot_of(post.key.time)) % kSlots].push_back(post);
  ++in_calendar_;
}

void EventQueue::move_far_posts() {
  const std::int64_t end = current_slot_ + static_cast<std::int64_t>(kSlots);
  while (!far_.empty() && slot_of(far_.front().key.time) < end) {
    std::pop_heap(far_.begin(), far_.end(), kLater);
    put_in_calendar(far_.back());
    far_.pop_back();
  }
}

bool EventQueue::prepare_posts() {
  if (!current_.empty()) return true;
  if (posts_ == 0) return false;
  if (in_calendar_ == 0) current_slot_ = slot_of(far_.front().key.time) - 1;  // skip the gap
  move_far_posts();
  for (;;) {
    ++current_slot_;
    auto& slot = calendar_[static_cast<std::size_t>(current_slot_) % kSlots];
    if (!slot.empty()) {
      current_.swap(slot);
      break;
    }
  }
  in_calendar_ -= current_.size();
  std::sort(current_.begin(), current_.end(), kLater);
  move_far_posts();
  return true;
}

void EventQueue::place_timer(std::size_t place, const Key& key) {
  timers_[place] = key;
  timer_place_[key.source] = static_cast<std::uint32_t>(place);
}

void EventQueue::sift_up(std::size_t place) {
  const Key key = timers_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 4;
    if (timers_[parent] <= key) break;
    place_timer(place, timers_[parent]);
    place = parent;
  }
  place_timer(place, key);
}

void EventQueue::sift_down(std::size_t place) {
  const Key key = timers_[place];
  for (;;) {
    const std::size_t first = place * 4 + 1;
    if (first >= timers_.size()) break;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < std::min(first + 4, timers_.size()); ++child)
      if (timers_[child] < timers_[least]) least = child;
    if (key <= timers_[least]) break;
    place_timer(place, timers_[least]);
    place = least;
  }
  place_timer(place, key);
}

void EventQueue::set_timer(SourceIndex source, Instant at) {
  const std::int64_t time = std::max(at.time_since_epoch().count(), now_);
  WEFT_ASSERT(source < timer_place_.size());
  const std::uint32_t place = timer_place_[source];
  if (place == kNoPlace) {
    timers_.push_back({time, source, sequence_[source]++});
    sift_up(timers_.size() - 1);
    return;
  }
  Key& key = timers_[place];
  if (key.time == time) return;
  const bool earlier = time < key.time;
  key.time = time;
  key.sequence = sequence_[source]++;
  earlier ? sift_up(place) : sift_down(place);
}

void EventQueue::remove_timer(std::size_t place) {
  timer_place_[timers_[place].source] = kNoPlace;
  const Key last = timers_.back();
  timers_.pop_back();
  if (place == timers_.size()) return;
  const bool earlier = last < timers_[place];
  place_timer(place, last);
  earlier ? sift_up(place) : sift_down(place);
}

void EventQueue::cancel_timer(SourceIndex source) {
  if (timer_place_[source] != kNoPlace) remove_timer(timer_place_[source]);
}

std::optional<Instant> EventQueue::next_time() {
  const bool have_post = prepare_posts();
  if (!have_post && timers_.empty()) return std::nullopt;
  std::int64_t time = have_post ? current_.back().key.time : timers_.front().time;
  if (have_post && !timers_.empty()) time = std::min(time, timers_.front().time);
  return Instant{Duration{time}};
}

std::optional<Event> EventQueue::pop() {
  const bool have_post = prepare_posts();
  if (!have_post && timers_.empty()) return std::nullopt;
  if (have_post && (timers_.empty() || current_.back().key < timers_.front())) {
    const Post post = current_.back();
    current_.pop_back();
    --posts_;
    now_ = post.key.time;
    return Event{Instant{Duration{now_}}, post.key.source, Event::Kind::Post, post.payload};
  }
  const Key key = timers_.front();
  remove_timer(0);
  now_ = key.time;
  return Event{Instant{Duration{now_}}, key.source, Event::Kind::Timer, 0};
}

std::size_t EventQueue::memory_bytes() const {
  std::size_t bytes = (sequence_.capacity() + timer_place_.capacity()) * sizeof(std::uint32_t) +
                      timers_.capacity() * sizeof(Key);
  for (const auto& slot : calendar_) bytes += slot.capacity() * sizeof(Post);
  return bytes + (current_.capacity() + far_.capacity()) * sizeof(Post);
}

void EventQueue::check_invariants() const {
  for (std::size_t place = 0; place < timers_.size(); ++place) {
    WEFT_ASSERT(timer_place_[timers_[place].source] == place);
    WEFT_ASSERT(place == 0 || timers_[(place - 1) / 4] <= timers_[place]);
    WEFT_ASSERT(timers_[place].time >= now_);
  }
  WEFT_ASSERT(in_calendar_ + current_.size() + far_.size() == posts_);
}

}  // namespace weft::sim
