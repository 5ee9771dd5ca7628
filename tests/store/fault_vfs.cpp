#include "tests/store/fault_vfs.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::store {

struct FaultFile {
  sqlite3_file base;
  FaultVfs* vfs;
  FaultVfs::Disk* disk;

  static FaultFile& of(sqlite3_file* file) { return *reinterpret_cast<FaultFile*>(file); }

  static int close(sqlite3_file*) { return SQLITE_OK; }
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
    const auto& content = of(file).disk->now;
    auto* bytes = static_cast<std::uint8_t*>(out);
    const auto wanted = static_cast<std::size_t>(size);
    const auto from = std::min(static_cast<std::size_t>(offset), content.size());
    const auto got = std::min(wanted, content.size() - from);
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(from), got, bytes);
    if (got == wanted) return SQLITE_OK;
    std::fill(bytes + got, bytes + wanted, std::uint8_t{0});
    return SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const ByteView view(static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size));
    return of(file).vfs->write(*of(file).disk, view, static_cast<std::size_t>(offset));
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return of(file).vfs->truncate(*of(file).disk, static_cast<std::size_t>(size));
  }
  static int sync(sqlite3_file* file, int) { return of(file).vfs->sync(*of(file).disk); }
  static int size(sqlite3_file* file, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(of(file).disk->now.size());
    return SQLITE_OK;
  }
  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int reserved(sqlite3_file*, int* out) {
    *out = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector(sqlite3_file*) { return 4096; }
  static int character(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static FaultVfs& vfs_of(sqlite3_vfs* vfs) { return *static_cast<FaultVfs*>(vfs->pAppData); }
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    static const sqlite3_io_methods kMethods{
        1,       close,  read,      write,   truncate, sync,    size,    lock,    lock,   reserved,
        control, sector, character, nullptr, nullptr,  nullptr, nullptr, nullptr, nullptr};
    auto& self = of(file);
    self.base.pMethods = nullptr;
    WEFT_ASSERT(path != nullptr);  // temporaries live in memory
    auto& disk = vfs_of(vfs).disks_[path];
    if (!disk.exists && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    disk.exists = true;
    self.vfs = &vfs_of(vfs);
    self.disk = &disk;
    self.base.pMethods = &kMethods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    return vfs_of(vfs).remove(path, sync_directory != 0);
  }
  static int access(sqlite3_vfs* vfs, const char* path, int, int* out) {
    const auto& disks = vfs_of(vfs).disks_;
    const auto found = disks.find(path);
    *out = found != disks.end() && found->second.exists ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    for (int i = 0; i < size; ++i)
      out[i] = static_cast<char>(++vfs_of(vfs).random_ * 2654435761U >> 24);
    return size;
  }
  static int sleep(sqlite3_vfs*, int) { return 0; }
  static int time(sqlite3_vfs*, double* out) {
    *out = 2460000.5;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }
};

FaultVfs::FaultVfs(std::string name) : name_(std::move(name)) {
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(FaultFile);
  vfs_.mxPathname = 512;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = FaultFile::open;
  vfs_.xDelete = FaultFile::remove;
  vfs_.xAccess = FaultFile::access;
  vfs_.xFullPathname = FaultFile::full_path;
  vfs_.xRandomness = FaultFile::randomness;
  vfs_.xSleep = FaultFile::sleep;
  vfs_.xCurrentTime = FaultFile::time;
  vfs_.xGetLastError = FaultFile::last_error;
  sqlite3_vfs_register(&vfs_, 0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }

void FaultVfs::apply(Bytes& content, const Change& change) {
  if (change.truncate) {
    content.resize(change.offset);
    return;
  }
  if (content.size() < change.offset + change.data.size())
    content.resize(change.offset + change.data.size());
  std::ranges::copy(change.data, content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

FaultVfs::Step FaultVfs::step(bool is_write, bool is_sync) {
  const auto operation = operations_++;
  if (!fault_ || *fault_ == Fault::SyncLies) return Step::Go;
  if (*fault_ == Fault::Crash) {
    if (operation < fault_at_) return Step::Go;
    hit_ = true;
    return Step::Fail;
  }
  const bool suits = *fault_ == Fault::SyncIo ? is_sync : is_write;
  if (operation < fault_at_ || !suits || hit_) return Step::Go;
  hit_ = true;
  return *fault_ == Fault::Short ? Step::Half : Step::Fail;
}

std::size_t FaultVfs::size() const {
  std::size_t sum = 0;
  for (const auto& [path, disk] : disks_) sum += disk.now.size();
  return sum;
}

int FaultVfs::write(Disk& disk, ByteView data, std::size_t offset) {
  const std::size_t end = offset + data.size();
  if (room_ && end > disk.now.size() && size() + end - disk.now.size() > *room_) return SQLITE_FULL;
  const auto next = step(true, false);
  if (next == Step::Fail) return fault_ == Fault::Full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  if (next == Step::Half) data = data.first(data.size() / 2);
  Change change{false, offset, to_bytes(data)};
  apply(disk.now, change);
  disk.pending.push_back(std::move(change));
  return next == Step::Half ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

int FaultVfs::truncate(Disk& disk, std::size_t size) {
  if (step(false, false) != Step::Go) return SQLITE_IOERR_TRUNCATE;
  Change change{true, size, {}};
  apply(disk.now, change);
  disk.pending.push_back(std::move(change));
  return SQLITE_OK;
}

int FaultVfs::sync(Disk& disk) {
  if (step(false, true) != Step::Go) return SQLITE_IOERR_FSYNC;
  ++syncs_;
  if (fault_ == Fault::SyncLies) return SQLITE_OK;
  disk.durable = disk.now;
  disk.durable_exists = true;
  disk.pending.clear();
  return SQLITE_OK;
}

int FaultVfs::remove(const std::string& path, bool sync_directory) {
  const auto found = disks_.find(path);
  if (found == disks_.end() || !found->second.exists) return SQLITE_IOERR_DELETE_NOENT;
  if (step(false, false) != Step::Go) return SQLITE_IOERR_DELETE;
  auto& disk = found->second;
  disk.exists = false;
  disk.now.clear();
  disk.pending.clear();
  if (sync_directory && fault_ != Fault::SyncLies) {
    disk.durable_exists = false;
    disk.durable.clear();
  }
  return SQLITE_OK;
}

void FaultVfs::lose(Loss loss, Rng& rng) {
  constexpr std::size_t kSector = 512;
  for (auto& [path, disk] : disks_) {
    if (loss == Loss::Some) {
      for (auto& change : disk.pending) {
        if (rng.uniform(2) == 0) continue;
        if (!change.truncate && rng.uniform(4) == 0)  // torn: only its first sectors landed
          change.data.resize(std::min(change.data.size(), kSector * rng.uniform(8)));
        apply(disk.durable, change);
      }
      if (disk.exists != disk.durable_exists && rng.uniform(2) == 0)
        disk.durable_exists = disk.exists;
    }
    if (loss == Loss::None) {
      disk.durable = disk.now;
      disk.durable_exists = disk.exists;
    }
    if (!disk.durable_exists) disk.durable.clear();
    disk.now = disk.durable;
    disk.exists = disk.durable_exists;
    disk.pending.clear();
  }
  fault_.reset();
  hit_ = false;
  operations_ = 0;
}

}  // namespace weft::store
