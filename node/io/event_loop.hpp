// The one event loop of a node: everything that touches cores runs on the thread that calls run().
// Wraps an Asio io_context without naming it; node/io/event_loop_asio.hpp opens it for .cpp files.
//
// A turn is one round of ready sockets and timers. Deferred work runs after the handlers that were
// already ready, so what many reads of a turn caused is flushed once.
//
// Only post() and stop() may be called from other threads.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>

#include "base/time.hpp"

namespace weft::io {

class EventLoop {
 public:
  using Task = std::function<void()>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void run();  // until stop(); may be called again afterwards
  // Runs one handler, waiting at most `limit` for it. False: none ran. For tests and shutdown.
  bool run_for(Duration limit);
  void stop();                 // any thread
  void post(Task task);        // any thread; runs on the loop, in order
  void after_turn(Task task);  // once, behind everything that is ready now

  // Takes `signals` from their default action and reports them on the loop. Once per loop.
  void on_signals(std::initializer_list<int> signals, std::function<void(int)> handler);

  struct Native;  // defined in event_loop_asio.hpp
  [[nodiscard]] Native& native() { return *native_; }

 private:
  std::unique_ptr<Native> native_;
};

// A coalesced after_turn: however often schedule() is called, the task runs once per turn.
// Destroying it cancels a scheduled run.
class Deferred {
 public:
  Deferred(EventLoop& loop, EventLoop::Task task);
  ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  void schedule();

 private:
  struct State;
  EventLoop& loop_;
  std::shared_ptr<State> state_;
};

// A deadline on the loop. arm() with a later deadline costs no system call: the earlier wake-up is
// kept and looks again. Destroying it, also from its own task, cancels.
class Timer {
 public:
  Timer(EventLoop& loop, EventLoop::Task task);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(Instant deadline);  // replaces the deadline before; a past one fires in the next turn
  void cancel();
  [[nodiscard]] bool armed() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weft::io
