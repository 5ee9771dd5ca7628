// `up --at-boot`, `down --at-boot`, and `up` where a unit is there already.
#pragma once

#include <string>
#include <vector>

#include "tools/weft/context.hpp"

namespace weft::cli {

// Writes the unit, enables it, and starts the node by it unless it runs. 0, or the exit code of the
// complaint that was made.
int start_at_boot(const Context& context, const std::vector<std::string>& run_arguments,
                  bool running);
// A unit starts this node at boot.
[[nodiscard]] bool has_boot_unit(const Context& context);
// Where a unit for this node is enabled, the node is started by it: then systemd watches over it.
// 0 also if there is none.
int start_by_unit(const Context& context);
// The unit is disabled and taken away; 0 also if there was none.
int no_more_at_boot(const Context& context);

}  // namespace weft::cli
