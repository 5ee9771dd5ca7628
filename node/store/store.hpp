// What a node remembers, in two sqlite files under its home directory:
//
//   trust.db   roster, tickets, epochs, network   journal DELETE, synchronous EXTRA
//   state.db   everything else                    journal WAL, synchronous FULL
//   home.seal  whose they are and how far they had come (node/store/marker.hpp); beside the keys
//
// Invariants
//  1. One process owns a home: an exclusive flock on "lock" is held as long as the Store lives.
//  2. commit() is all or nothing, and what it answered with success survives kill -9 and power
//  loss.
//  3. After the disk failed to flush, nothing is written any more (read_only()): what is on disk is
//     then unknown, and only a restart that reads it again may go on.
//  4. State is whole or refused: a file of a newer schema, one that is damaged, a row that this
//     identity did not write, a file that is missing beside the others, and databases older than
//     what was acknowledged are refused untouched. Nothing is made anew unless nothing is there.
//
// The handle belongs to one thread at a time: the writer's, once a Writer is built on it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/persist.hpp"
#include "node/store/marker.hpp"
#include "node/store/scan.hpp"

namespace weft::store {

class Database;
class HomeLock;

inline constexpr const char* kMarkerName = "home.seal";
inline constexpr std::size_t kMaxRow = 16UL * 1024 * 1024;  // key and value; a roster's are below
inline constexpr std::uint8_t kSchema = [] {  // 2 brought the seals; a newer table a newer one
  int newest = 2;
  for (const auto& info : kTables) newest = std::max(newest, info.since);
  return static_cast<std::uint8_t>(newest);
}();

struct StoreOptions {
  std::string vfs;            // sqlite VFS name; empty = the system's. Tests inject faults here
  ByteArray<32> identity{};   // seed of the identity: the MACs' key comes from it
  crypto::Key32 person{};     // public key of the person
  bool nothing_there = true;  // the keys are new: the databases may be made
  std::filesystem::path marker{};  // empty: home.seal beside the databases
};

class Store {
 public:
  // Creates `home` (0700) and the files if nothing is there.
  // Busy: another process has it, detail starts with "LOCKED" and names its pid. Unsupported: newer
  // schema. Storage: damaged, missing in part, or unwritable; the detail ends in ". Fix: ...".
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::filesystem::path& home,
                                                           const StoreOptions& options = {});
  // The same, for who holds the lock of `home` already.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(std::shared_ptr<HomeLock> lock,
                                                           const std::filesystem::path& home,
                                                           const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // All rows of a table, ordered by network and key.
  [[nodiscard]] Result<std::vector<Row>> load(Table table);
  // As Database::get() and scan(): a value, a page, both of rows that this node wrote.
  [[nodiscard]] Result<std::optional<Bytes>> get(Table table, const NetworkId& network,
                                                 ByteView key);
  [[nodiscard]] Result<Page> scan(const Scan& scan);

  // REQUIRES: rows of one database only. Empty: nothing to do.
  // Limit: a row larger than kMaxRow. Storage on failure: disk full leaves the store usable, a
  // failed flush makes it read-only.
  [[nodiscard]] Result<void> commit(std::span<const Row> rows);
  // commit() in its halves, so that several writes share one anchor(). What was written counts as
  // stored when anchor() has succeeded: from then on its loss would be noticed.
  [[nodiscard]] Result<void> write(std::span<const Row> rows);
  [[nodiscard]] Result<void> anchor();
  // write() in its own parts: several changes of one database in one transaction, as
  // Database::begin() to finish() have it.
  [[nodiscard]] Result<void> begin(bool trust);
  [[nodiscard]] Result<void> add(std::span<const Row> rows);
  [[nodiscard]] Result<void> finish();

  // Copies of both databases as they are now, and the marker that belongs to them.
  [[nodiscard]] Result<Marker> copy_to(const std::filesystem::path& trust,
                                       const std::filesystem::path& state);
  [[nodiscard]] const Sealer& sealer() const { return sealer_; }

  [[nodiscard]] bool read_only() const;
  // Something an operator should know of: a home of before the seals was taken over, a slot of the
  // marker was damaged. Empty mostly.
  [[nodiscard]] const std::string& remark() const { return remark_; }

 private:
  explicit Store(const StoreOptions& options);
  Result<void> read_marker();
  Result<void> begin_without_marker(bool trust_there, bool state_there);
  Result<void> check_generations();
  Result<void> note_network();

  StoreOptions options_;
  Sealer sealer_;
  std::filesystem::path home_;
  std::shared_ptr<HomeLock> lock_;  // outlives the databases
  std::unique_ptr<MarkerFile> marker_file_;
  Marker marker_;
  std::unique_ptr<Database> trust_;
  std::unique_ptr<Database> state_;
  std::string remark_;
  struct Group {  // of changes whose transaction is open
    bool trust = false;
    bool counts = false;               // more than hints
    std::optional<NetworkId> current;  // the network that it makes the current one
  };
  Database& database_of(Table table) { return is_trust(table) ? *trust_ : *state_; }

  std::optional<Group> group_;
  bool unanchored_ = false;
  bool flush_failed_ = false;
};

}  // namespace weft::store
