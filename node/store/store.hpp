// What a node remembers, in two sqlite files under its home directory:
//
//   trust.db  roster, tickets, epochs, network   journal DELETE, synchronous EXTRA
//   state.db  everything else                    journal WAL, synchronous FULL
//
// Invariants
//  1. One process owns a home: an exclusive flock on "lock" is held as long as the Store lives.
//  2. commit() is all or nothing, and what it answered with success survives kill -9 and power
//  loss.
//  3. After the disk failed to flush, nothing is written any more (read_only()): what is on disk is
//     then unknown, and only a restart that reads it again may go on.
//  4. A file of a newer schema, or one that fails quick_check, is refused untouched.
//
// The handle belongs to one thread at a time: the writer's, once a Writer is built on it.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/persist.hpp"

namespace weft::store {

class Database;

struct StoreOptions {
  std::string vfs;  // sqlite VFS name; empty = the system's. Tests inject faults here
};

class Store {
 public:
  // Creates `home` (0700) and the files if missing.
  // Busy: another process has it, detail starts with "LOCKED" and names its pid. Unsupported: newer
  // schema. Storage: damaged or unwritable.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::filesystem::path& home,
                                                           const StoreOptions& options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // All rows of a table, ordered by network and key.
  [[nodiscard]] Result<std::vector<Row>> load(Table table);
  // REQUIRES: rows of one database only. Empty: nothing to do.
  // Storage on failure: disk full leaves the store usable, a failed flush makes it read-only.
  [[nodiscard]] Result<void> commit(std::span<const Row> rows);

  [[nodiscard]] bool read_only() const;
  [[nodiscard]] const std::filesystem::path& home() const;

 private:
  class HomeLock;
  Store();

  std::filesystem::path home_;
  std::unique_ptr<HomeLock> lock_;  // outlives the databases
  std::unique_ptr<Database> trust_;
  std::unique_ptr<Database> state_;
};

}  // namespace weft::store
