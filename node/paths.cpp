#include "node/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace weft::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSocketPath = 107;

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

// XDG: a relative path in these variables is to be ignored.
fs::path xdg(const char* name, const fs::path& otherwise) {
  const auto value = environment(name);
  return (value && fs::path(*value).is_absolute() ? fs::path(*value) : otherwise) / "weft";
}

fs::path user_home() {
  const auto home = environment("HOME");
  return home ? fs::path(*home) : fs::path("/");
}

fs::path user_runtime_dir() {
  const auto uid = std::to_string(::getuid());
  const fs::path systemd = fs::path("/run/user") / uid;
  std::error_code ignored;
  if (fs::is_directory(systemd, ignored)) return xdg("XDG_RUNTIME_DIR", systemd);
  if (environment("XDG_RUNTIME_DIR")) return xdg("XDG_RUNTIME_DIR", "/tmp");
  return fs::path("/tmp") / ("weft-" + uid);
}

// FNV-1a: names a file, guards nothing (the directory is private to the user).
std::string hash_text(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[hash >> shift & 15];
  return out;
}

bool ours(const struct stat& info) { return info.st_uid == ::geteuid() || info.st_uid == 0; }

bool writable_by_others(const struct stat& info) {
  return (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

Result<void> create_private(const fs::path& directory, std::vector<std::string>* remarks) {
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Errc::Storage, "cannot create " + directory.string() + ": " + std::strerror(errno));
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return fail(Errc::Storage, directory.string() + " is not a directory");
  if (info.st_uid != ::geteuid())
    return fail(Errc::Denied, directory.string() +
                                  " belongs to another user. Fix: weft --home DIR, with a "
                                  "directory of your own");
  // Nothing can have been put into an empty one. Of what lies in another nobody knows who did.
  if (writable_by_others(info) && fs::is_empty(directory, error) && !error &&
      ::chmod(directory.c_str(), 0700) == 0 && remarks != nullptr)
    remarks->push_back(directory.string() +
                       " could be written by other users; it is closed to them");
  return check_private(directory);
}

}  // namespace

std::optional<std::string> home_from_environment() { return environment("WEFT_HOME"); }

bool home_is_unknown(const std::optional<std::string>& home) {
  if ((home && !home->empty()) || environment("HOME")) return false;
  constexpr const char* kAll[] = {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"};
  return !std::ranges::all_of(kAll, [](const char* name) {
    const auto value = environment(name);
    return value && fs::path(*value).is_absolute();
  });
}

Paths resolve_paths(const std::optional<std::string>& home) {
  Paths paths;
  if (home && !home->empty()) {
    std::error_code ignored;
    auto root = fs::absolute(*home, ignored).lexically_normal();
    if (!root.has_filename()) root = root.parent_path();
    paths.home = root;
    paths.config_file = root / "weft.toml";
    paths.config_dir = root / "conf.d";
    paths.data_dir = paths.state_dir = paths.runtime_dir = root;
  } else {
    const auto user = user_home();
    const auto config = xdg("XDG_CONFIG_HOME", user / ".config");
    paths.config_file = config / "weft.toml";
    paths.config_dir = config / "conf.d";
    paths.data_dir = xdg("XDG_DATA_HOME", user / ".local/share");
    paths.state_dir = xdg("XDG_STATE_HOME", user / ".local/state");
    paths.runtime_dir = paths.state_dir;
  }
  paths.socket = paths.runtime_dir / "weft.sock";
  const auto name = "weft-" + hash_text(paths.runtime_dir.native()) + ".sock";
  paths.other_socket = user_runtime_dir() / name;
  if (paths.other_socket.native().size() > kMaxSocketPath)
    paths.other_socket = fs::path("/tmp") / ("weft-" + std::to_string(::getuid())) / name;
  if (paths.socket.native().size() > kMaxSocketPath) {
    paths.socket = paths.other_socket;
    paths.runtime_dir = paths.socket.parent_path();
  }
  return paths;
}

Result<void> create_directories(const Paths& paths, std::vector<std::string>* remarks) {
  WEFT_CHECK(create_private(paths.data_dir, remarks));
  WEFT_CHECK(create_private(paths.state_dir, remarks));
  return create_private(paths.runtime_dir, remarks);
}

Result<void> check_private(const fs::path& directory) {
  struct stat info{};
  if (::lstat(directory.c_str(), &info) != 0)
    return fail(Errc::NotFound, "there is no directory " + directory.string());
  const bool link = S_ISLNK(info.st_mode);
  if (link && !ours(info))
    return fail(Errc::Denied, directory.string() + " is a link that another user made");
  if (link && ::stat(directory.c_str(), &info) != 0)
    return fail(Errc::NotFound, directory.string() + " is a link to nowhere");
  if (!ours(info)) return fail(Errc::Denied, directory.string() + " belongs to another user");
  if (writable_by_others(info))
    return fail(Errc::Denied, "other users may write to " + directory.string() +
                                  ", so what lies in it may be theirs. Fix: look at what is there, "
                                  "then chmod go-w " +
                                  directory.string());
  return {};
}

}  // namespace weft::node
