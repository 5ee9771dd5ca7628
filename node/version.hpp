// The program's version, in one place for status, /version and --version.
#pragma once

namespace weft {
inline constexpr const char* kVersion = "0.1.0";
// Which commit it was built from, as git names it ("v0.1.0-12-g1c7f6a4-dirty"); "unknown" where
// the sources are in no repository.
[[nodiscard]] const char* build_text();
}  // namespace weft
