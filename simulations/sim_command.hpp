// `weft sim run`, `weft sim list` and `weft sim check`: the simulator from the command line. This
// file is the simulator's edge: it alone reads the wall clock, files and signals.
// Exit codes: 0 done, 1 an expectation of the scenario was missed or a file could not be written,
// 2 the scenario or the arguments are wrong, 4 no such scenario, 130 interrupted (what was done is
// kept and written).
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace weft::sim {

// What the program around the command knows: its global flags as parsed, what it was called, and
// where the chosen command goes. All outlive the parse.
struct SimHost {
  const bool& json;
  const bool& quiet;
  const std::string& program;
  std::function<int()>& action;
};

void add_sim_commands(CLI::App& app, const SimHost& host);

}  // namespace weft::sim
