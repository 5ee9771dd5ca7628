// `weft sim run` and `weft sim list`: the simulator from the command line. This file is the
// simulator's edge: it alone reads the wall clock, files and signals.
// Exit codes: 0 done, 1 an expectation of the scenario was missed, 2 usage, 130 interrupted (what
// was done is kept and written).
#pragma once

#include <CLI/CLI.hpp>

namespace weft::sim {

// Adds `sim` to `app`. After parsing, run_sim_command() does it, or returns -1 if `sim` was not
// asked for.
void add_sim_commands(CLI::App& app);
int run_sim_command();

}  // namespace weft::sim
