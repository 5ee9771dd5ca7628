// A node that left its network goes on as another: keys and databases of the old one move into
// `left-TIME` beside them, and the next start finds an empty home. Nothing is deleted; the log, the
// configuration and the socket's place stay.
//
// It is begun by a file that names the place, on the disk before anything moves, so that a crash in
// the middle is ended by the next start instead of leaving half a home.
#pragma once

#include "node/paths.hpp"

namespace weft::node {

[[nodiscard]] Result<void> begin_setting_aside(const Paths& paths);
// Does the moving, if it was begun. REQUIRES: nobody has the databases open.
[[nodiscard]] Result<void> finish_setting_aside(const Paths& paths);

}  // namespace weft::node
