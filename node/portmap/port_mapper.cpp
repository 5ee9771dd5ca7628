#include "node/portmap/port_mapper.hpp"

#include <utility>
#include <vector>

#include "node/io/clock.hpp"
#include "node/io/thread.hpp"
#include "node/portmap/router.hpp"

namespace weft::node {

PortMapper::PortMapper(io::EventLoop& loop, std::function<void()> changed)
    : loop_(loop), changed_(std::move(changed)) {}

PortMapper::~PortMapper() {
  *alive_ = false;
  stop();
}

Result<void> PortMapper::start(std::uint16_t port) {
  WEFT_TRY(thread_, io::start_thread([this, port] { work(port); }));
  return {};
}

void PortMapper::kick() {
  const std::lock_guard lock(mutex_);
  kicked_ = true;
  wake_.notify_all();
}

void PortMapper::begin_stop() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  wake_.notify_all();
}

bool PortMapper::is_ending() {
  const std::lock_guard lock(mutex_);
  return ending_;
}

void PortMapper::stop() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
}

void PortMapper::tell(Outcome outcome) {
  loop_.post([this, alive = alive_, outcome = std::move(outcome)] {
    if (!*alive) return;
    const bool same = outcome.mapping.has_value() == current_.has_value() &&
                      outcome.trouble == trouble_ &&
                      (!current_ || current_->outside == outcome.mapping->outside);
    current_ = outcome.mapping;
    trouble_ = outcome.trouble;
    if (!same) changed_();
  });
}

void PortMapper::work(std::uint16_t port) {
  std::vector<std::unique_ptr<Router>> routers;
  routers.push_back(make_nat_pmp_router(kPatience, [this] { return is_ending(); }));
  routers.push_back(make_upnp_router(kPatience));
  Router* held = nullptr;  // whose mapping it is
  for (;;) {
    Outcome outcome;
    {
      const std::lock_guard lock(mutex_);
      kicked_ = false;
    }
    Duration pause = kAgain;
    for (const auto& router : routers) {
      if (is_ending()) break;
      const auto granted = router->map(port, kLease);
      if (!granted) {
        outcome.trouble += (outcome.trouble.empty() ? "" : "; ") + granted.error().detail;
        continue;
      }
      held = router.get();
      const Duration lease = granted->lease == Duration{} ? kLease : granted->lease;
      outcome = {PortMapping{router->protocol(), granted->outside, io::monotonic_time() + lease},
                 {}};
      pause = std::max<Duration>(lease / 2, 10s);
      break;
    }
    tell(std::move(outcome));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause, [this] { return ending_ || kicked_; });
    if (!ending_) continue;
    lock.unlock();
    if (held != nullptr) held->unmap(port);
    return;
  }
}

}  // namespace weft::node
