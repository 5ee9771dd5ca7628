// Takes what happens, gives it a number and a time, writes its line to the log, keeps it for
// readers and tells those who subscribed.
//
// Invariants:
//  1. The numbers of what is kept are without holes; what left the ring is told to who asks for it.
//  2. A subscriber hears of every event, also of those that are not kept because they repeat: a
//     condition that somebody waits for is looked at each time something happened.
//  3. A subscriber may record, subscribe and unsubscribe while it is told.
//
// Limits: kMaxEvents, as many as a reader that comes back after minutes of a busy node may have
// missed, and kMaxMemory of them. Equal events are kept five times a minute and then counted
// (log/limiter.hpp); `repeated` tells how many.
//
// Threads: the loop's alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "node/events/event.hpp"
#include "node/log/limiter.hpp"

namespace weft::events {

inline constexpr std::size_t kMaxEvents = 4096;
inline constexpr std::size_t kMaxMemory = std::size_t{2} << 20;

class Recorder {
 public:
  using Line = std::function<void(Level, const std::string&)>;
  using Hear = std::function<void(const NodeEvent&)>;

  struct Moment {
    Instant now{};
    std::chrono::system_clock::time_point time;
  };
  using Clock = std::function<Moment()>;

  // `run`: when this run began, Unix seconds. `line` writes to the log.
  Recorder(std::uint64_t run, Clock clock, Line line)
      : run_(run), clock_(std::move(clock)), line_(std::move(line)) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Of `network`, or of the whole node. `level`: another than the kind's.
  void record(Body body, std::string network = {}, std::optional<Level> level = std::nullopt);
  // Tells how often what was held back happened in the minutes that ended. Now and then.
  void sweep();

  // Heard of until the answer dies, which must be before the recorder.
  class Subscription;
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(Hear hear);

  // What there is after `seq`; nullptr: nothing yet. O(1).
  [[nodiscard]] const NodeEvent* after(std::uint64_t seq) const;
  [[nodiscard]] std::uint64_t newest() const { return next_ - 1; }  // 0: none
  [[nodiscard]] std::uint64_t oldest() const {
    return next_ - kept_.size();
  }  // kept; newest + 1: none
  [[nodiscard]] std::uint64_t run() const { return run_; }
  [[nodiscard]] std::size_t memory() const { return memory_; }

 private:
  void keep(NodeEvent event);
  void tell(const NodeEvent& event);

  const std::uint64_t run_;
  const Clock clock_;
  const Line line_;
  log::Limiter limiter_;
  std::deque<NodeEvent> kept_;
  std::uint64_t next_ = 1;
  std::size_t memory_ = 0;
  std::map<std::uint64_t, std::shared_ptr<const Hear>> subscribers_;
  std::uint64_t next_subscriber_ = 0;
};

class Recorder::Subscription {
 public:
  ~Subscription() { recorder_.subscribers_.erase(id_); }
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

 private:
  friend Recorder;
  Subscription(Recorder& recorder, std::uint64_t id) : recorder_(recorder), id_(id) {}
  Recorder& recorder_;
  const std::uint64_t id_;
};

}  // namespace weft::events
