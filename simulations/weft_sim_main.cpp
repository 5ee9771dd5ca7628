// The simulator as a program of its own: `weft_sim sim run ...`, without the daemon beside it.
#include "simulations/sim_command.hpp"

int main(int argc, char** argv) {
  CLI::App app{"weft's simulator"};
  app.require_subcommand(1);
  weft::sim::add_sim_commands(app);
  CLI11_PARSE(app, argc, argv);
  return weft::sim::run_sim_command();
}
