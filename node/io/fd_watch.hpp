// One-shot readiness of a file descriptor on the event loop: arm, be told once, arm again.
// Owns the descriptor and makes it non-blocking. Destroying it, also from a callback, is safe.
// Readiness is looked at when armed: arming while the condition already holds reports it.
#pragma once

#include <memory>

#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::io {

class FdEvents {
 public:
  virtual void on_fd_readable() {}
  virtual void on_fd_writable() {}
  virtual void on_fd_error() {}  // an error or a hang-up of both directions

 protected:
  ~FdEvents() = default;
};

class FdWatch {
 public:
  FdWatch(EventLoop& loop, UniqueFd fd, FdEvents& events);  // REQUIRES: fd is valid, can be polled
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  void want_read();  // no effect while already armed; so with the other two
  void want_write();
  void want_error();
  [[nodiscard]] UniqueFd release();  // no further event; the descriptor is the caller's again

 private:
  struct State;
  std::shared_ptr<State> state_;
  int fd_;
};

}  // namespace weft::io
