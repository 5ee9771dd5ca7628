// The daemon: one node, run until it is told to stop. What `weft run` calls.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "node/config.hpp"
#include "node/paths.hpp"

namespace weft::node {

struct RunOptions {
  Paths paths;
  Config config;
  std::string name;                 // --name; empty: config, then the hostname
  std::vector<std::string> listen;  // --listen; empty: config
  std::filesystem::path log_file;   // --log-file; empty: standard error
  bool json_ready = false;          // print weft.ready/1 instead of a line for people
};

// Blocks until SIGTERM, SIGINT, SIGQUIT or the API's shutdown; SIGHUP reloads the configuration and
// opens the log anew, other signals that would end a program are ignored. The process's exit code.
int run_daemon(const RunOptions& options);

}  // namespace weft::node
