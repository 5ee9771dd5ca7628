// A node that left its network goes on as another: keys and databases of the old one move into
// `left-TIME` beside them, and the next start finds an empty home. The log, the configuration and
// the socket's place stay. What was set aside, by this or by `weft start-over` (`aside-TIME`), is
// kept for kSetAsideDays, and the newest kSetAsideKept of them for good.
//
// It is begun by a file that names the place, on the disk before anything moves, so that a crash in
// the middle is ended by the next start instead of leaving half a home.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "node/paths.hpp"

namespace weft::node {

[[nodiscard]] Result<void> begin_setting_aside(const Paths& paths);
// Does the moving, if it was begun. REQUIRES: nobody has the databases open.
[[nodiscard]] Result<void> finish_setting_aside(const Paths& paths);

inline constexpr std::size_t kSetAsideKept = 3;
inline constexpr std::int64_t kSetAsideDays = 30;
// Removes what is older than that; TIME and `now` are seconds since 1970. What was removed.
std::vector<std::filesystem::path> clear_set_aside(const Paths& paths, std::int64_t now);

}  // namespace weft::node
