// The simulator as a program of its own: the same `sim` command without the daemon around it, for
// machines where the IO libraries are missing and for quick builds of the cores alone.
#include "simulations/sim_command.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  bool json = false;
  bool quiet = false;
  const std::string program = argv[0];
  std::function<int()> action;
  CLI::App app{"weft's simulator"};
  app.add_flag("--json", json, "one JSON object on standard output");
  app.add_flag("--quiet", quiet, "no talk on standard error");
  app.require_subcommand(1);
  app.fallthrough();
  weft::sim::add_sim_commands(app, {json, quiet, program, action});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return action ? action() : 2;
}
