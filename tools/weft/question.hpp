// Asking before what cannot be undone.
#pragma once

#include <string>

#include "tools/weft/context.hpp"

namespace weft::cli {

// On a terminal somebody reads and answers; a script has said what it wants. The question is
// broken into lines that fit a terminal.
[[nodiscard]] bool agreed(const Context& context, bool yes, const std::string& question);
// What the command returns when it was not agreed to.
int not_done(const Context& context);

}  // namespace weft::cli
