#include "tools/weft/question.hpp"

#include <unistd.h>

#include <iostream>

namespace weft::cli {

bool agreed(const Context& context, bool yes, const std::string& question) {
  if (yes || context.json || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
    return true;
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int not_done(const Context& context) {
  context.talk("nothing was changed\n");
  return static_cast<int>(Code::Failed);
}

}  // namespace weft::cli
