#include "node/store/key_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/crypto.hpp"
#include "node/store/error_text.hpp"
#include "node/store/file.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "weft key v1 ";
constexpr std::size_t kFileSize = kHeader.size() + 64 + 1;
constexpr mode_t kMode = 0600;

std::unexpected<Error> refuse(Errc code, const fs::path& path, const std::string& what,
                              const std::string& why, const std::string& fix) {
  return fail(code, "key file " + path.string() + ": " + what + ". " + why + ". Fix: " + fix);
}

Result<void> check_kind(const fs::path& path, const struct stat& info) {
  const auto name = path.string();
  if (!S_ISREG(info.st_mode))
    return refuse(Errc::Denied, path, "not a regular file",
                  "a link or device could lead to somebody else's key",
                  "put the key file itself at " + name);
  if (info.st_uid != ::geteuid())
    return refuse(Errc::Denied, path, "owned by another user",
                  "its owner can read and change this node's identity",
                  "sudo chown " + std::to_string(::geteuid()) + " " + name);
  if ((info.st_mode & 0777 & ~kMode) != 0)
    return refuse(Errc::Denied, path, "other users may read or write it",
                  "whoever reads it can act as this node", "chmod 600 " + name);
  return {};
}

std::unexpected<Error> malformed(const fs::path& path) {
  return refuse(
      Errc::Malformed, path, "damaged or truncated",
      "the identity in it cannot be recovered and is never made anew silently",
      "put it back, or weft restore FILE; without a backup: weft start-over all, which begins as a "
      "new node and keeps the old files aside");
}

}  // namespace

Result<ByteArray<32>> load_key_file(const fs::path& path) {
  // O_NONBLOCK: a pipe put in its place must not hang the start.
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return fail(Errc::NotFound, "no key file " + path.string());
    if (errno == ELOOP)
      return refuse(Errc::Denied, path, "a symbolic link",
                    "a link could lead to somebody else's key",
                    "put the key file itself at " + path.string());
    return fail_errno(errno == EACCES ? Errc::Denied : Errc::Storage, "cannot open key file", path);
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail_errno(Errc::Storage, "cannot stat", path);
  WEFT_CHECK(check_kind(path, info));

  ByteArray<kFileSize + 1> buffer{};
  std::size_t size = 0;
  while (size < buffer.size()) {
    const auto got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(Errc::Storage, "cannot read key file", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  auto out = parse_key(ByteView(buffer).first(size));
  crypto::wipe(buffer);
  if (!out) return malformed(path);
  return out;
}

Result<ByteArray<32>> parse_key(ByteView content) {
  const auto text = text_of(content);
  if (content.size() != kFileSize || !text.starts_with(kHeader) || text.back() != '\n')
    return fail(Errc::Malformed);
  auto seed = from_hex(text.substr(kHeader.size(), 64));
  if (!seed) return fail(Errc::Malformed);
  auto out = to_array<32>(*seed);
  crypto::wipe(*seed);
  return out;
}

Result<void> create_key_file(const fs::path& path, const ByteArray<32>& seed) {
  // Written whole under another name first: a crash leaves no half a key. link() then refuses to
  // replace whatever may be there.
  const fs::path temporary = path.string() + ".new";
  ::unlink(temporary.c_str());
  std::string text = std::string(kHeader) + to_hex(seed) + "\n";
  {
    const File file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
    if (!file) return fail_errno(Errc::Storage, "cannot create", temporary);
    const bool written = ::fchmod(file.get(), kMode) == 0 && write_durably(file, bytes_of(text));
    const int error = errno;
    crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    if (!written) {
      ::unlink(temporary.c_str());
      errno = error;
      return fail_errno(Errc::Storage, "cannot write", temporary);
    }
  }
  bool linked = ::link(temporary.c_str(), path.c_str()) == 0;
  // Where hard links are not to be had (FAT, sandboxes): the kernel's other way not to replace.
  if (!linked && errno != EEXIST)
    linked =
        ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0;
  const int error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  if (!linked && errno == EEXIST)
    return fail(Errc::AlreadyExists, "key file " + path.string() + " exists and is not replaced");
  if (!linked)
    return fail(Errc::Storage, errno_text("cannot create key file", path) +
                                   ". This file system, or a sandbox, allows neither hard links "
                                   "nor renaming without replacing. Fix: keep the node elsewhere: "
                                   "weft --home DIR");
  if (!sync_directory(path.parent_path().empty() ? "." : path.parent_path()))
    return fail_errno(Errc::Storage, "cannot flush the directory of", path);
  return {};
}

}  // namespace weft::store
