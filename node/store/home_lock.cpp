#include "node/store/home_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "node/store/error_text.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostText = 4096;  // a pid and a path

LockOwner parse(std::string_view text) {
  LockOwner out;
  const auto line = text.substr(0, text.find('\n'));
  std::from_chars(line.data(), line.data() + line.size(), out.pid);
  if (out.pid < 0) out.pid = 0;
  if (line.size() == text.size()) return out;
  text.remove_prefix(line.size() + 1);
  const auto end = text.find('\n');
  if (end != std::string_view::npos && end > 0 && text[0] == '/') out.socket = text.substr(0, end);
  return out;
}

LockOwner read_owner(const File& file) {
  std::string text(kMostText, '\0');
  const auto size = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return parse(text);
}

}  // namespace

Result<std::shared_ptr<HomeLock>> HomeLock::take(const fs::path& state_dir) {
  auto lock = std::make_shared<HomeLock>();
  lock->path_ = state_dir / "lock";
  lock->file_ = File(
      ::open(lock->path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!lock->file_) return fail_errno(Errc::Storage, "cannot open", lock->path_);
  if (::flock(lock->file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(Errc::Storage, "cannot lock", lock->path_);
    const auto pid = read_owner(lock->file_).pid;
    return fail(Errc::Busy, "LOCKED: " + state_dir.string() + " is in use by process " +
                                (pid == 0 ? "unknown" : std::to_string(pid)) +
                                ". Fix: stop it with weft down, or use another home: "
                                "weft --home DIR");
  }
  WEFT_CHECK(lock->write(std::to_string(::getpid()) + "\n"));
  return lock;
}

std::optional<LockOwner> HomeLock::last_owner(const fs::path& state_dir) {
  const auto path = state_dir / "lock";
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::nullopt;
  struct stat info{};  // what another user wrote there is not believed
  if (::fstat(file.get(), &info) != 0 || (info.st_uid != ::geteuid() && info.st_uid != 0))
    return std::nullopt;
  return read_owner(file);
}

Result<void> HomeLock::say_socket(const fs::path& socket) {
  return write(std::to_string(::getpid()) + "\n" + socket.string() + "\n");
}

Result<void> HomeLock::write(const std::string& text) {
  if (::pwrite(file_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(file_.get(), static_cast<off_t>(text.size())) != 0)
    return fail_errno(Errc::Storage, "cannot write", path_);
  return {};
}

}  // namespace weft::store
