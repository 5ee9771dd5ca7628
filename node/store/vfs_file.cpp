#include "node/store/vfs_file.hpp"

#include <sqlite3.h>

#include <cstdlib>

namespace weft::store {

namespace fs = std::filesystem;

struct VfsFile::Handle {
  explicit Handle(int size)
      : file(static_cast<sqlite3_file*>(std::calloc(1, static_cast<std::size_t>(size)))) {}
  ~Handle() {
    if (file != nullptr && file->pMethods != nullptr) file->pMethods->xClose(file);
    std::free(file);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  sqlite3_file* file;
};

VfsFile::VfsFile(fs::path path) : path_(std::move(path)) {}
VfsFile::~VfsFile() = default;

static sqlite3_vfs* find_vfs(const std::string& name) {
  return sqlite3_vfs_find(name.empty() ? nullptr : name.c_str());
}

bool VfsFile::exists(const fs::path& path, const std::string& vfs) {
  auto* layer = find_vfs(vfs);
  int there = 0;
  return layer != nullptr &&
         layer->xAccess(layer, path.c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK &&
         there != 0;
}

void VfsFile::remove(const fs::path& path, const std::string& vfs) {
  if (auto* layer = find_vfs(vfs)) layer->xDelete(layer, path.c_str(), 1);
}

Result<std::unique_ptr<VfsFile>> VfsFile::open(fs::path path, const std::string& vfs) {
  auto* layer = find_vfs(vfs);
  if (layer == nullptr) return fail(Errc::Storage, "there is no file layer " + vfs);
  std::unique_ptr<VfsFile> out(new VfsFile(std::move(path)));
  out->handle_ = std::make_unique<Handle>(layer->szOsFile);
  if (out->handle_->file == nullptr) return fail(Errc::Storage, "out of memory");
  // Of the kinds it knows this is the one without locks whose first sync flushes the directory too.
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SUPER_JOURNAL;
  const int code = layer->xOpen(layer, out->path_.c_str(), out->handle_->file, kFlags, nullptr);
  if (code != SQLITE_OK)
    return fail(Errc::Storage, "cannot open " + out->path_.string() +
                                   ". It must be a regular file, no link, of the user that runs "
                                   "weft, on a disk that can be written. Fix: ls -l " +
                                   out->path_.string() + " tells what it is");
  std::error_code ignored;  // a test's layer keeps the file elsewhere
  fs::permissions(out->path_, fs::perms::owner_read | fs::perms::owner_write, ignored);
  return out;
}

Bytes VfsFile::read(std::size_t offset, std::size_t size) {
  auto* file = handle_->file;
  Bytes out(size);
  sqlite3_int64 there = 0;
  if (file->pMethods->xFileSize(file, &there) != SQLITE_OK || there < 0) return {};
  const auto end = static_cast<std::size_t>(there);
  out.resize(offset >= end ? 0 : std::min(size, end - offset));
  if (out.empty()) return out;
  const int code = file->pMethods->xRead(file, out.data(), static_cast<int>(out.size()),
                                         static_cast<sqlite3_int64>(offset));
  return code == SQLITE_OK ? out : Bytes{};
}

Result<void> VfsFile::write(std::size_t offset, ByteView bytes, bool& flush_failed) {
  auto* file = handle_->file;
  int code = file->pMethods->xWrite(file, bytes.data(), static_cast<int>(bytes.size()),
                                    static_cast<sqlite3_int64>(offset));
  if (code == SQLITE_OK) {
    code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    flush_failed = code != SQLITE_OK;
  }
  if (code == SQLITE_OK) return {};
  const auto why = (code & 0xff) == SQLITE_FULL ? std::string("disk full. Fix: free some space")
                                                : std::string(sqlite3_errstr(code));
  return fail(Errc::Storage, path_.string() + ": " + why);
}

}  // namespace weft::store
