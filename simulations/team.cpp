#include "simulations/team.hpp"

namespace weft::sim {

namespace {
constexpr int kSpins = 200'000;
}  // namespace

Team::Team(std::function<void(std::int64_t)> work)
    : work_(std::move(work)), thread_([this] { serve(); }) {}

Team::~Team() {
  stop_ = true;
  wake(ordered_, ordered_.load(std::memory_order_relaxed) + 1);
  thread_.join();
}

void Team::wake(std::atomic<std::uint32_t>& counter, std::uint32_t value) {
  counter.store(value, std::memory_order_release);
  counter.notify_one();
}

void Team::await(const std::atomic<std::uint32_t>& counter, std::uint32_t value) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (counter.load(std::memory_order_acquire) == value) return;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  for (std::uint32_t seen = counter.load(std::memory_order_acquire); seen != value;
       seen = counter.load(std::memory_order_acquire))
    counter.wait(seen, std::memory_order_acquire);
}

void Team::serve() {
  for (std::uint32_t job = 1;; ++job) {
    await(ordered_, job);
    if (stop_) return;
    work_(argument_);
    wake(done_, job);
  }
}

}  // namespace weft::sim
