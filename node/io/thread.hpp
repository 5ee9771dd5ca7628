// A thread, or the reason why there is none: where the user's or the container's number of
// processes is used up, std::thread throws, which in a callback of the loop would end the program.
#pragma once

#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.hpp"

namespace weft::io {

[[nodiscard]] inline Error no_thread(const std::system_error& error) {
  return {Errc::Limit, "no thread can be made (" + error.code().message() +
                           "): raise the number of processes that this user may have "
                           "(ulimit -u, TasksMax= of a unit, --pids-limit of a container)"};
}

[[nodiscard]] inline Result<std::thread> start_thread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    return std::unexpected(no_thread(error));
  }
}

}  // namespace weft::io
