#include "tools/weft/question.hpp"

#include <unistd.h>

#include <iostream>

#include "tools/weft/help.hpp"

namespace weft::cli {

bool agreed(const Context& context, bool yes, const std::string& question) {
  if (yes || context.json || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
    return true;
  std::string text;
  for (const auto& line : wrapped(question + " [y/N]", kColumns - 1))
    text += (text.empty() ? "" : "\n") + line;
  std::cerr << text << " " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int not_done(const Context& context) {
  context.talk("nothing was changed\n");
  return static_cast<int>(Code::Failed);
}

}  // namespace weft::cli
