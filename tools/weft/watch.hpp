// What `--watch` does: draws, and again whenever something happened at the node. The daemon tells;
// nobody asks it over and over.
#pragma once

#include <functional>
#include <string>

#include "tools/weft/context.hpp"

namespace weft::cli {

// Until the daemon ends, --timeout has passed, or `draw` returns another exit code than 0: that
// one. On a terminal each drawing takes the place of the one before.
int watch(const Context& context, const std::function<int()>& draw);

}  // namespace weft::cli
