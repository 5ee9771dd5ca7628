// Starting the daemon behind the user's back, and seeing it end.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace weft::cli {

// This program, run with `arguments` in a session of its own, output appended to `log`. Its pid.
[[nodiscard]] Result<int> spawn_self(const std::vector<std::string>& arguments,
                                     const std::filesystem::path& log);
// The exit code if our child `pid` has ended (128 + signal if killed).
[[nodiscard]] std::optional<int> exit_code_of(int pid);
// Waits until the process is gone, at most `limit`. True when it is.
[[nodiscard]] bool wait_gone(int pid, std::chrono::milliseconds limit);
// Another program, looked up in PATH, run to its end without input. `text` is what it said on
// standard error, the last lines; code 127: it is not there.
struct Output {
  int code = 127;
  std::string text;
};
Output run_program(const std::vector<std::string>& words);
// What was written to `file` from byte `offset` on: the last lines of it.
std::string last_lines(const std::filesystem::path& file, std::uintmax_t offset, int count);

}  // namespace weft::cli
