// errno as the detail of an Error: "<what> <path>: <system's words>".
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/error.hpp"

namespace weft::store {

inline std::string errno_text(const std::string& what, const std::filesystem::path& path) {
  return what + " " + path.string() + ": " + std::generic_category().message(errno);
}
inline std::unexpected<Error> fail_errno(Errc code, const std::string& what,
                                         const std::filesystem::path& path) {
  return fail(code, errno_text(what, path));
}

}  // namespace weft::store
