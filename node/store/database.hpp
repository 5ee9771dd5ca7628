// One sqlite file of the store, opened the way store.hpp promises. Only the store includes it.
//
// Every Table is an SQL table (network, key, value, mac) keyed by the first two; the table "seal"
// has one row: how often the file was changed, and a digest of all rows (node/store/seal.hpp).
// user_version says which schema a file has; migrations run one by one, each in a transaction,
// after a backup of the file.
//
// open() refuses, and leaves as it is, a file whose schema, rows or seal are not exactly what this
// identity wrote.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/persist.hpp"
#include "node/store/scan.hpp"
#include "node/store/seal.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace weft::store {

struct Finalizer;

struct Migration {
  int version;      // the user_version it leaves
  std::string sql;  // statements
};

struct DatabaseSpec {
  const char* file;
  const char* pragmas;  // journal and synchronous
  std::span<const Migration> migrations;
  bool trust = false;  // which tables it holds
  int sealed = 0;      // the version whose migration gives all rows their MACs; 0: none does
};

extern const DatabaseSpec kTrustSpec;
extern const DatabaseSpec kStateSpec;

enum class IfOlder : std::uint8_t {
  Refuse,  // only what is sealed; an older schema that is, is checked and then migrated
  Create,  // also an empty file: it is made
  Adopt,   // also a schema of before the seals: its rows are taken as they are
};

class Database {
 public:
  Database(std::filesystem::path path, std::string vfs, const Sealer& sealer);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // What `spec` points to outlives the database.
  [[nodiscard]] Result<void> open(const DatabaseSpec& spec, IfOlder older);
  // The user_version of a file, which is left as it is.
  [[nodiscard]] static Result<std::int64_t> schema_of(const std::filesystem::path& path,
                                                      const std::string& vfs);
  // Until then nothing is moved out of the write-ahead log, so that who finds the file too old can
  // leave all as it was.
  void accept();
  [[nodiscard]] Result<std::vector<Row>> load(Table table);
  // One row's value, none if there is none; a page of rows. Storage: a row is not as we wrote it.
  [[nodiscard]] Result<std::optional<Bytes>> get(Table table, const NetworkId& network,
                                                 ByteView key);
  [[nodiscard]] Result<Page> scan(const Scan& scan);
  [[nodiscard]] Result<void> commit(std::span<const Row> rows);

  // A group: changes that share one transaction and its flushes. Each add() is whole or not at all
  // by itself, and one that fails takes none of the others with it. Nothing is stored before
  // finish() has succeeded; if that fails, nothing of the group is. Between the two, reads see what
  // was added.
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> add(std::span<const Row> rows);
  [[nodiscard]] Result<void> finish();

  // A copy of what is committed, readable by its owner alone.
  [[nodiscard]] Result<void> copy_to(const std::filesystem::path& copy);
  [[nodiscard]] bool read_only() const { return read_only_; }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  struct Statements;
  Result<const std::unique_ptr<sqlite3_stmt, Finalizer>*> prepared(Table table, int what);
  Result<Row> row_at(sqlite3_stmt* at, Table table, const NetworkId& network);
  [[nodiscard]] bool group_lost() const;
  enum class GroupSql : std::uint8_t { Begin, Savepoint, Release, UndoOne, Commit };
  Result<void> run(GroupSql what);
  Result<void> execute(const char* sql);
  Result<std::int64_t> number(const char* sql);
  Result<void> check_quickly();
  Result<void> check_schema(std::int64_t version);
  Result<void> check_rows(std::int64_t version);
  Result<Digest> check_table(Table table, Digest digest);
  Result<void> migrate(const DatabaseSpec& spec, std::int64_t version);
  // The tables that a file of this schema has.
  [[nodiscard]] std::vector<Table> tables(std::int64_t version) const;
  Result<void> adopt_rows();
  Result<void> forget(const Row& row, Digest& digest);
  Result<void> write(const Row& row, Digest& digest);
  Result<void> read_seal();  // generation and digest, as the file has them
  Result<void> write_seal(std::uint64_t generation, const Digest& digest);
  [[nodiscard]] std::unexpected<Error> damaged(const std::string& what) const;
  std::unexpected<Error> failed(int code);

  std::filesystem::path path_;
  std::string vfs_;
  Sealer sealer_;
  DatabaseSpec spec_{};
  sqlite3* handle_ = nullptr;
  std::unique_ptr<Statements> statements_;
  std::uint64_t generation_ = 0;
  Digest digest_;
  Digest group_digest_;
  bool in_group_ = false;
  bool group_changed_ = false;
  bool read_only_ = false;
};

}  // namespace weft::store
