#include "node/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>

namespace weft::node {

namespace {

io::UniqueFd open_beneath(int folder, const char* path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return io::UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how)));
}

Error why(int code) {
  switch (code) {
    case EACCES:
    case EPERM:
      return {Errc::Denied, "this user may not read it"};
    case ENOSYS:
      return {Errc::Unsupported, "a folder needs Linux 5.6 or newer"};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return {Errc::Limit, "no descriptor is left"};
    default:
      return {Errc::NotFound, "there is no such file"};
  }
}

// What was looked at with O_PATH, to be read: the same file, whatever its name is now.
io::UniqueFd reopen(int fd, int flags) {
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  return io::UniqueFd(::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

Result<Folder> Folder::open(const std::string& path) {
  io::UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == ENOTDIR) return fail(Errc::Usage, path + " is no folder");
  if (!fd) {
    const auto error = why(errno);
    return fail(error.code, path + ": " + error.detail);
  }
  if (!open_beneath(fd.value(), ".", O_PATH) && errno == ENOSYS)
    return std::unexpected(why(ENOSYS));
  return Folder(std::move(fd));
}

Result<Folder::Entry> Folder::find(const std::string& path) const {
  const auto seen = open_beneath(fd_.value(), path.empty() ? "." : path.c_str(), O_PATH);
  if (!seen) return std::unexpected(why(errno));
  struct stat about{};
  if (::fstat(seen.value(), &about) != 0) return std::unexpected(why(errno));
  const bool folder = S_ISDIR(about.st_mode);
  if (!folder && !S_ISREG(about.st_mode)) return fail(Errc::NotFound, "it is no file");
  Entry out;
  out.fd = reopen(seen.value(), folder ? O_DIRECTORY : 0);
  if (!out.fd) return std::unexpected(why(errno));
  out.folder = folder;
  out.size = static_cast<std::uint64_t>(about.st_size);
  out.tag = "\"" + std::to_string(about.st_mtim.tv_sec) + "-" +
            std::to_string(about.st_mtim.tv_nsec) + "-" + std::to_string(about.st_size) + "-" +
            std::to_string(about.st_ino) + "\"";
  return out;
}

Folder::Listing Folder::list(const Entry& folder) {
  Listing out;
  io::UniqueFd copy(::fcntl(folder.fd.value(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return out;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.value()), ::closedir);
  if (!stream) return out;
  std::ignore = copy.release();  // the stream's now
  while (const auto* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    if (out.lines.size() == kMaxListed) {
      out.more = true;
      break;
    }
    // A link is shown as what it is, a name: where it leads, find() decides.
    struct stat about{};
    if (::fstatat(folder.fd.value(), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(about.st_mode) || S_ISREG(about.st_mode) || S_ISLNK(about.st_mode))
      out.lines.push_back({name, S_ISDIR(about.st_mode),
                           S_ISREG(about.st_mode) ? static_cast<std::uint64_t>(about.st_size) : 0});
  }
  std::ranges::sort(out.lines, {},
                    [](const Line& line) { return std::tuple(!line.folder, line.name); });
  return out;
}

}  // namespace weft::node
