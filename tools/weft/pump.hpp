// Standard input and output joined to a socket, each direction ending on its own (half-close).
#pragma once

#include <string_view>

namespace weft::cli {

// Owns `fd`. Ends when the far side has said all it has to say; our end of input is passed on as a
// shutdown. 0, or 1 when standard output or the socket fails.
int pump_stdio(int fd, std::string_view early);

}  // namespace weft::cli
