// What this machine is like, for `weft doctor`: gathered without the daemon and without changing
// anything. Who judges it is node/doctor.
#pragma once

#include <vector>

#include "node/doctor/finding.hpp"
#include "node/paths.hpp"

namespace weft::cli {

// `running`: a daemon has the home, so that its port and its databases are its own to look at.
[[nodiscard]] std::vector<doctor::Finding> look_at_machine(const node::Paths& paths, bool running);

}  // namespace weft::cli
