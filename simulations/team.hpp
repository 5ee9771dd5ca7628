// Two threads that work side by side for a moment, very often: the caller's and one more. Handing
// over costs a cache line; who waits spins for some milliseconds before it sleeps, since waking
// takes as long as a tenth of what there is to do.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace weft::sim {

class Team {
 public:
  // `work` is what the other thread does each time; it gets what run() was given.
  explicit Team(std::function<void(std::int64_t)> work);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Runs `own` here and `work` there; both are done when this returns.
  template <class Own>
  void run(std::int64_t argument, const Own& own) {
    argument_ = argument;
    wake(ordered_, ordered_.load(std::memory_order_relaxed) + 1);
    own();
    await(done_, ordered_.load(std::memory_order_relaxed));
  }

 private:
  static void wake(std::atomic<std::uint32_t>& counter, std::uint32_t value);
  static void await(const std::atomic<std::uint32_t>& counter, std::uint32_t value);
  void serve();

  std::function<void(std::int64_t)> work_;
  std::int64_t argument_ = 0;
  bool stop_ = false;
  alignas(64) std::atomic<std::uint32_t> ordered_{0};  // jobs given
  alignas(64) std::atomic<std::uint32_t> done_{0};     // jobs finished
  std::thread thread_;
};

}  // namespace weft::sim
