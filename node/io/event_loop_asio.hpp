// Opens the io_context behind an EventLoop. For .cpp files of node/ only: headers stay free of
// Asio.
#pragma once

#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "node/io/event_loop.hpp"

namespace weft::io {

struct EventLoop::Native {
  Native() : context(1), work(context.get_executor()) {}  // one thread runs it

  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::shared_ptr<void> signals;  // the signal set, if any
};

[[nodiscard]] inline boost::asio::io_context& asio_context(EventLoop& loop) {
  return loop.native().context;
}

}  // namespace weft::io
