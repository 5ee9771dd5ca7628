// The program's version, in one place for status, /version and --version.
#pragma once

namespace weft {
inline constexpr const char* kVersion = "0.1.0";
}  // namespace weft
