#include "node/io/fd_watch.hpp"

#include <array>
#include <utility>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "base/assert.hpp"
#include "node/io/event_loop_asio.hpp"

namespace weft::io {

namespace asio = boost::asio;
using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

// Shared with the waits under way, so that a watch can go at any time; `events` is null from then.
struct FdWatch::State : std::enable_shared_from_this<FdWatch::State> {
  using Kind = asio::posix::descriptor_base::wait_type;

  State(EventLoop& loop, FdEvents& owner)
      : descriptor(asio_context(loop).get_executor()), events(&owner) {}

  void arm(Kind kind) {
    bool& armed = armed_[static_cast<std::size_t>(kind)];
    if (armed) return;
    armed = true;
    descriptor.async_wait(kind,
                          [self = shared_from_this(), kind](const boost::system::error_code& ec) {
                            self->on_ready(kind, ec);
                          });
  }

  void on_ready(Kind kind, const boost::system::error_code& ec) {
    armed_[static_cast<std::size_t>(kind)] = false;
    if (events == nullptr) return;
    if (ec || kind == Kind::wait_error) return events->on_fd_error();
    if (kind == Kind::wait_read) return events->on_fd_readable();
    events->on_fd_writable();
  }

  Descriptor descriptor;
  FdEvents* events;
  std::array<bool, 3> armed_{};
};

FdWatch::FdWatch(EventLoop& loop, UniqueFd fd, FdEvents& events)
    : state_(std::make_shared<State>(loop, events)), fd_(fd.value()) {
  WEFT_ASSERT(fd_ >= 0);
  boost::system::error_code ec;
  state_->descriptor.assign(fd.value(), ec);
  if (!ec) {
    static_cast<void>(fd.release());
    state_->descriptor.native_non_blocking(true, ec);
  }
  if (!ec) return;
  // The kernel has no room for another watch: tell the owner as a failure of the descriptor.
  asio::post(asio_context(loop), [state = state_] {
    if (state->events != nullptr) state->events->on_fd_error();
  });
}

FdWatch::~FdWatch() {
  state_->events = nullptr;
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

void FdWatch::want_read() { state_->arm(State::Kind::wait_read); }
void FdWatch::want_write() { state_->arm(State::Kind::wait_write); }
void FdWatch::want_error() { state_->arm(State::Kind::wait_error); }

UniqueFd FdWatch::release() {
  state_->events = nullptr;
  fd_ = -1;
  return state_->descriptor.is_open() ? UniqueFd(state_->descriptor.release()) : UniqueFd();
}

}  // namespace weft::io
