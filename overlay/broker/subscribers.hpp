// Who on this node wants which messages, and what waits for each of them. A subscriber that is slow
// never makes others wait: from kMaxQueued messages or kMaxQueuedBytes on its oldest ones go, and
// it is told how many with the next that it takes (policy: drop oldest).
//
// A queue group is one subscriber made of several: each message goes to one of them, by its number,
// so that all nodes that know the same groups choose alike (groups.hpp).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "overlay/broker/batch.hpp"

namespace weft::broker {

using SubscriberId = std::uint64_t;  // never reused in one process

inline constexpr std::size_t kMaxSubscribers = 16'384;
inline constexpr std::size_t kMaxPatterns = 64;  // of one subscriber
inline constexpr std::size_t kMaxQueued = 65'536;
inline constexpr std::size_t kMaxQueuedBytes = 8u << 20;

struct Wanted {
  std::vector<std::string> patterns;
  std::string group = {};  // of a queue group; empty: alone
  std::size_t last = 0;    // and so many of the last messages, as far as they are at hand
  bool retained = true;    // begin with the retained values
  std::size_t max_queued = kMaxQueued;
  std::uint64_t since = 0;  // begin with what is at hand and has a later stamp than this
};

struct Delivered {
  Placed placed;
  std::uint64_t missed = 0;  // messages before this one that the subscriber never gets
  bool retained = false;     // a value from before it subscribed
};

class Subscribers {
 public:
  // Patterns are well-formed. Limit: too many.
  [[nodiscard]] Result<SubscriberId> add(const Wanted& wanted);
  void remove(SubscriberId id);
  [[nodiscard]] const Wanted* find(SubscriberId id) const;

  // To all whose patterns match; of each group that is `ours` for this message, to one.
  using Ours = std::function<bool(const std::string& group)>;
  void put(const Placed& placed, const Ours& ours);
  void put_to(SubscriberId id, const Placed& placed, bool retained);
  // A retained value that came late: to all whose patterns match and who want such.
  void show(const Placed& placed);
  // Somebody published so many that nobody here gets; everybody may have missed them.
  void missed(std::uint64_t count);

  [[nodiscard]] std::optional<Delivered> next(SubscriberId id);
  // Whose queue is not empty any more since this was asked last.
  [[nodiscard]] std::optional<SubscriberId> poll_waiting();

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  // Groups with a member here: their names and patterns.
  [[nodiscard]] std::set<std::pair<std::string, std::string>> groups() const;
  [[nodiscard]] std::map<std::string, std::size_t> patterns() const;  // and how many want each

 private:
  struct Subscriber {
    Wanted wanted;
    std::deque<Delivered> queue;
    std::size_t bytes = 0;  // of the batches that the queue keeps
    std::uint64_t missed = 0;
    bool told = false;
  };
  [[nodiscard]] std::vector<SubscriberId> wanting(const std::string& topic) const;
  void push(SubscriberId id, Subscriber& subscriber, Delivered delivered);
  void pop(Subscriber& subscriber);

  SubscriberId last_ = 0;
  std::map<SubscriberId, Subscriber> all_;
  std::map<std::string, std::set<SubscriberId>, std::less<>> exact_;
  std::map<std::string, std::set<SubscriberId>, std::less<>> wild_;
  std::deque<SubscriberId> waiting_;
  std::uint64_t dropped_ = 0;
};

}  // namespace weft::broker
