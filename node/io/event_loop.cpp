#include "node/io/event_loop.hpp"

#include <optional>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/assert.hpp"
#include "node/io/clock.hpp"
#include "node/io/event_loop_asio.hpp"

namespace weft::io {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, Executor>;

EventLoop::EventLoop() : native_(std::make_unique<Native>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  native_->context.run();
  native_->context.restart();
}

bool EventLoop::run_for(Duration limit) {
  // Asio looks at the time first: with none left it would not even run what is ready.
  if (limit <= Duration(0)) return native_->context.poll_one() > 0;
  return native_->context.run_one_for(limit) > 0;
}

void EventLoop::stop() { native_->context.stop(); }

void EventLoop::post(Task task) { asio::post(native_->context, std::move(task)); }

// Asio's queue is in order and the handlers of a turn are in it already: a post is behind them.
void EventLoop::after_turn(Task task) { asio::post(native_->context, std::move(task)); }

namespace {
struct Signals : std::enable_shared_from_this<Signals> {
  Signals(asio::io_context& context, std::function<void(int)> then)
      : set(context), handler(std::move(then)) {}

  void wait() {
    set.async_wait([self = weak_from_this()](const boost::system::error_code& ec, int number) {
      const auto signals = self.lock();
      if (ec || !signals) return;
      signals->wait();
      signals->handler(number);
    });
  }

  asio::signal_set set;
  std::function<void(int)> handler;
};
}  // namespace

void EventLoop::on_signals(std::initializer_list<int> signals, std::function<void(int)> handler) {
  WEFT_ASSERT(native_->signals == nullptr);
  auto waiting = std::make_shared<Signals>(native_->context, std::move(handler));
  for (const int number : signals) waiting->set.add(number);
  waiting->wait();
  native_->signals = std::move(waiting);
}

struct Deferred::State {
  EventLoop::Task task;
  bool scheduled = false;
  bool cancelled = false;
};

Deferred::Deferred(EventLoop& loop, EventLoop::Task task)
    : loop_(loop), state_(std::make_shared<State>()) {
  state_->task = std::move(task);
}

Deferred::~Deferred() { state_->cancelled = true; }

void Deferred::schedule() {
  if (std::exchange(state_->scheduled, true)) return;
  asio::post(asio_context(loop_), [state = state_] {
    if (state->cancelled) return;
    state->scheduled = false;
    state->task();
  });
}

struct Timer::State : std::enable_shared_from_this<Timer::State> {
  State(EventLoop& loop, EventLoop::Task then)
      : timer(asio_context(loop).get_executor()), task(std::move(then)) {}

  // Invariant: deadline set => a wait is pending that ends at or before it.
  void arm(Instant at) {
    deadline = at;
    if (waiting && wake <= at) return;
    wait(at);
  }

  void wait(Instant at) {
    waiting = true;
    wake = at;
    const auto expiry = std::chrono::steady_clock::time_point(at.time_since_epoch());
    timer.expires_at(expiry);  // ends a wait under way; its handler finds another generation
    timer.async_wait([self = shared_from_this(), mine = ++generation](
                         const boost::system::error_code& ec) { self->on_wait(ec, mine); });
  }

  void on_wait(const boost::system::error_code& ec, std::uint64_t mine) {
    if (ec || mine != generation) return;
    waiting = false;
    if (!deadline) return;
    if (*deadline > monotonic_time()) return wait(*deadline);
    deadline.reset();
    task();
  }

  void close() {
    deadline.reset();
    waiting = false;
    ++generation;
    timer.cancel();
  }

  SteadyTimer timer;
  EventLoop::Task task;
  std::optional<Instant> deadline;
  Instant wake{};
  std::uint64_t generation = 0;
  bool waiting = false;
};

Timer::Timer(EventLoop& loop, EventLoop::Task task)
    : state_(std::make_shared<State>(loop, std::move(task))) {}
Timer::~Timer() { state_->close(); }
void Timer::arm(Instant deadline) { state_->arm(deadline); }
void Timer::cancel() { state_->deadline.reset(); }
bool Timer::armed() const { return state_->deadline.has_value(); }

}  // namespace weft::io
