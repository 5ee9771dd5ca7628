// Out of a network: `weft leave` and `weft network leave` are one thing.
#pragma once

#include "tools/weft/context.hpp"

namespace weft::cli {

// Leaves the network of context.network, after asking unless `yes`; the exit code.
int run_leave(const Context& context, bool yes);

}  // namespace weft::cli
