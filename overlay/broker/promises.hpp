// Our own messages whose publisher waits for more than our queue: who confirmed what, and when the
// promise is kept.
//
// kCopies members (all of them, in a smaller network), this node among them, must hold a message:
// in memory for Held, flushed to disk for Durable. A promise is kept, or broken at its deadline;
// never both, and the message may arrive all the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.hpp"
#include "overlay/broker/batch.hpp"
#include "overlay/broker/frame.hpp"

namespace weft::broker {

using PublishId = std::uint64_t;  // the caller's; 0: no answer wanted

inline constexpr std::size_t kCopies = 3;
inline constexpr std::size_t kMaxPromises = 65'536;  // batches
inline constexpr Duration kPushAgain = 500ms;  // to all neighbours, when the chosen do not answer

class Promises {
 public:
  struct Waiter {
    PublishId id = 0;
    std::uint64_t sequence = 0;
    std::uint64_t stamp = 0;
    Instant deadline{};
  };
  struct Kept {
    Waiter waiter;
    std::size_t holders = 0;
    std::size_t need = 0;
    bool kept = false;
  };

  void add(Instant now, const BatchPtr& batch, Level want, std::size_t need,
           std::vector<Waiter> waiters);
  void confirmed(std::uint64_t epoch, std::uint64_t last, Level level, const NodeId& holder);
  // Promises that were kept, or broken by now.
  [[nodiscard]] std::vector<Kept> take(Instant now);
  struct Again {
    BatchPtr batch;
    Level want;
    const std::set<NodeId>* holders;
  };
  // To be pushed again.
  [[nodiscard]] std::vector<Again> again(Instant now);
  [[nodiscard]] std::vector<Again> open() const;
  // May be too early, never too late. REQUIRES after it: again(), then take().
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return due_; }
  [[nodiscard]] std::size_t size() const { return promises_.size(); }

 private:
  struct Promise {
    BatchPtr batch;
    Level want = Level::Held;
    std::size_t need = 1;
    std::set<NodeId> holders;
    std::vector<Waiter> waiters;
    Instant again{};
    Duration pause = kPushAgain;
  };
  void look(const Promise& promise);
  void look_at_all();

  std::map<std::pair<std::uint64_t, std::uint64_t>, Promise> promises_;  // by epoch, last
  std::vector<Kept> kept_;
  std::optional<Instant> due_;
};

}  // namespace weft::broker
