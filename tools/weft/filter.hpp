// A command of the user's, run by the shell as a filter: text on its standard input, what it prints
// on standard output is the answer. Blocks until it ends.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace weft::cli {

inline constexpr std::size_t kMaxFiltered = 60'000;  // bytes of an answer: what a message takes

// `environment` is added to ours. Errors: it cannot be run, ended with another code than 0, printed
// more than kMaxFiltered.
[[nodiscard]] Result<std::string> run_filter(
    const std::string& command, const std::string& input,
    const std::vector<std::pair<std::string, std::string>>& environment);

}  // namespace weft::cli
