// Commands register themselves: tools/weft/commands/NOUN.cpp has what the program does about one
// noun, and a function `CommandSet NOUN_commands()`. The build collects those functions by file
// name (docs/hacking.md); help, completion and the manual page read the parser that they fill.
#pragma once

#include <vector>

namespace CLI {
class App;
}

namespace weft::cli {

class Context;

struct CommandSet {
  int place;  // in the help: lower ones come first
  void (*add)(CLI::App& app, Context& context);
};

// Of all files in tools/weft/commands.
[[nodiscard]] std::vector<CommandSet (*)()> command_sets();

}  // namespace weft::cli
