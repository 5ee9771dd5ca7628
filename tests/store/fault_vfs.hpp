// A disk in memory for sqlite that remembers what was flushed and what was not, and fails where it
// is told to. kill -9 alone proves little about durability, because the kernel keeps the pages;
// this disk can lose them.
//
// Every write, truncate, sync and delete is one numbered operation. crash_at(n): operation n and
// all after it fail, as if the process were gone; then lose() makes the disk what a reboot would
// find.
#pragma once

#include <sqlite3.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/rng.hpp"

namespace weft::store {

enum class Fault {
  Crash,     // this operation and everything after it
  Full,      // ENOSPC on a write, once
  WriteIo,   // EIO on a write, once
  Short,     // half a write lands, then EIO, once
  SyncIo,    // a failed fsync, once; the pages stay unflushed
  SyncLies,  // every sync says yes and does nothing
};

enum class Loss { All, None, Some };  // of what was not flushed; Some: torn, by sectors

class FaultVfs {
 public:
  explicit FaultVfs(std::string name);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  void arm(Fault fault, std::uint64_t operation) {
    fault_ = fault;
    fault_at_ = operation;
    hit_ = false;
  }
  void disarm() { fault_.reset(); }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }
  [[nodiscard]] bool hit() const { return hit_; }
  // No write may make the files larger than this together; nullopt: as large as they like.
  void set_room(std::optional<std::size_t> bytes) { room_ = bytes; }
  [[nodiscard]] std::size_t size() const;  // of all files
  // The reboot: no handle may be open.
  void lose(Loss loss, Rng& rng);

 private:
  friend struct FaultFile;
  struct Change {
    bool truncate = false;
    std::size_t offset = 0;  // or the new size
    Bytes data;
  };
  struct Disk {
    Bytes now;
    Bytes durable;
    bool exists = false;
    bool durable_exists = false;
    std::vector<Change> pending;
  };
  enum class Step { Go, Fail, Half };

  static void apply(Bytes& content, const Change& change);
  Step step(bool is_write, bool is_sync);
  int write(Disk& disk, ByteView data, std::size_t offset);
  int truncate(Disk& disk, std::size_t size);
  int sync(Disk& disk);
  int remove(const std::string& path, bool sync_directory);

  std::string name_;
  sqlite3_vfs vfs_{};
  std::map<std::string, Disk> disks_;
  std::optional<Fault> fault_;
  std::uint64_t fault_at_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t syncs_ = 0;
  std::optional<std::size_t> room_;
  bool hit_ = false;
  std::uint32_t random_ = 0;  // a counter: no two salts of sqlite's are equal
};

}  // namespace weft::store
