#include "node/set_aside.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace weft::node {

namespace {

namespace fs = std::filesystem;

constexpr std::array kKeys{"identity.key", "person.key"};
constexpr std::array kDatabases{"trust.db", "state.db"};
constexpr std::array kBeside{"", "-journal", "-wal", "-shm"};  // what sqlite keeps beside one
constexpr std::array kSeals{"home.seal"};

fs::path begun_file(const Paths& paths) { return paths.state_dir / "leaving"; }

Result<void> failed(const std::string& what, int error) {
  return fail(Errc::Storage, what + ": " + std::strerror(error));
}

Result<void> sync(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return failed("cannot open " + path.string(), errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? Result<void>() : failed("cannot write " + path.string(), error);
}

Result<void> move_in(const fs::path& from, const fs::path& into, const std::string& name) {
  std::error_code error;
  if (!fs::exists(from / name, error)) return {};
  fs::create_directory(into, error);
  fs::permissions(into, fs::perms::owner_all, error);
  fs::rename(from / name, into / name, error);
  if (error) return failed("cannot move " + (from / name).string(), error.value());
  return {};
}

// When a folder was set aside, by its name; nullopt: it is none of ours.
std::optional<std::int64_t> time_of(std::string_view name) {
  for (const std::string_view prefix : {"left-", "aside-"}) {
    if (!name.starts_with(prefix)) continue;
    const auto digits = name.substr(prefix.size());
    std::int64_t time = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), time);
    if (error == std::errc{} && end == digits.end() && time >= 0) return time;
  }
  return std::nullopt;
}

}  // namespace

std::vector<fs::path> clear_set_aside(const Paths& paths, std::int64_t now) {
  std::map<std::int64_t, std::set<fs::path>> folders;  // keys and databases may lie apart
  for (const auto& directory : {paths.data_dir, paths.state_dir}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      const auto time = time_of(entry.path().filename().string());
      if (time && entry.is_directory(error) && !entry.is_symlink(error))
        folders[*time].insert(entry.path());
    }
  }
  std::vector<fs::path> removed;
  while (folders.size() > kSetAsideKept) {
    const auto oldest = folders.begin();
    if (oldest->first > now - kSetAsideDays * 24 * 3600) break;
    for (const auto& path : oldest->second) {
      std::error_code error;
      fs::remove_all(path, error);
      if (!error) removed.push_back(path);
    }
    folders.erase(oldest);
  }
  return removed;
}

Result<void> begin_setting_aside(const Paths& paths) {
  const auto file = begun_file(paths);
  {
    std::ofstream out(file, std::ios::trunc);
    out << "left-" << std::time(nullptr) << "\n";
    if (!out.flush()) return failed("cannot write " + file.string(), errno);
  }
  WEFT_CHECK(sync(file, O_RDONLY));
  return sync(paths.state_dir, O_RDONLY | O_DIRECTORY);
}

Result<void> finish_setting_aside(const Paths& paths) {
  const auto file = begun_file(paths);
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  std::string name;
  std::ifstream(file) >> name;
  // Written in part by a crash: nothing has moved yet, for then it was whole.
  if (!name.starts_with("left-") || name.contains('/')) {
    fs::remove(file, error);
    return {};
  }
  for (const auto* key : kKeys) WEFT_CHECK(move_in(paths.data_dir, paths.data_dir / name, key));
  for (const auto* seal : kSeals) WEFT_CHECK(move_in(paths.data_dir, paths.data_dir / name, seal));
  for (const auto* database : kDatabases)
    for (const auto* beside : kBeside)
      WEFT_CHECK(move_in(paths.state_dir, paths.state_dir / name, std::string(database) + beside));
  WEFT_CHECK(sync(paths.data_dir, O_RDONLY | O_DIRECTORY));
  WEFT_CHECK(sync(paths.state_dir, O_RDONLY | O_DIRECTORY));
  fs::remove(file, error);
  return sync(paths.state_dir, O_RDONLY | O_DIRECTORY);
}

}  // namespace weft::node
