// The commands as data, read from the parser that runs them: help, completion and the manual page
// are all written from this, so that none of them can know a command that is not there, or miss
// one.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weft::cli {

struct OptionPage {
  std::vector<std::string> names;    // "-c", "--count"; none: given by its place
  std::string value;                 // "DURATION"; empty: a flag
  std::vector<std::string> choices;  // the only values there are; empty: any
  std::string about;
  bool required = false;
  bool many = false;
};

struct CommandPage {
  std::string path;  // "dht lookup"; empty: weft itself
  std::string about;
  std::vector<OptionPage> places;   // what is given by its place, in order
  std::vector<OptionPage> options;  // the inherited ones are those of the root
  std::vector<CommandPage> commands;
  std::string footer;  // "example: ..."

  [[nodiscard]] std::string name() const { return path.substr(path.rfind(' ') + 1); }
  [[nodiscard]] std::string usage() const;  // "weft dht lookup KEY"
};

// Hidden commands (those without a group) are left out.
[[nodiscard]] CommandPage command_tree(const CLI::App& app);
// All of them, a command before its own, the root first.
[[nodiscard]] std::vector<const CommandPage*> all_pages(const CommandPage& root);
// "-c, --count N", "SERVICE".
[[nodiscard]] std::string title_of(const OptionPage& option);

}  // namespace weft::cli
