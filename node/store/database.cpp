#include "node/store/database.hpp"

#include <sqlite3.h>

#include <memory>

#include "base/assert.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

// What both files share. locking_mode EXCLUSIVE: nobody else opens them, and WAL then needs no
// shared memory.
constexpr const char* kCommonPragmas =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA mmap_size=0;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA foreign_keys=OFF;";

#define WEFT_TABLE(name)                                             \
  "CREATE TABLE " name                                               \
  " (network BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL," \
  " PRIMARY KEY (network, key)) WITHOUT ROWID;"

constexpr Migration kTrustMigrations[] = {
    {1, WEFT_TABLE("roster") WEFT_TABLE("ticket") WEFT_TABLE("epoch") WEFT_TABLE("network")},
};
constexpr Migration kStateMigrations[] = {
    {1, WEFT_TABLE("exposure") WEFT_TABLE("access") WEFT_TABLE("mapping") WEFT_TABLE("peer")
            WEFT_TABLE("setting")},
};
#undef WEFT_TABLE

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

// An empty blob still wants a pointer, or sqlite binds NULL.
const void* data_of(ByteView bytes) {
  return bytes.empty() ? static_cast<const void*>("") : bytes.data();
}

Bytes column(sqlite3_stmt* statement, int index) {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, index));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
  return data == nullptr ? Bytes{} : Bytes(data, data + size);
}

}  // namespace

const DatabaseSpec kTrustSpec{"trust.db", "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;",
                              kTrustMigrations};
// EXTRA while the file turns to WAL: FULL would leave the removal of the rollback journal
// unflushed, and a power cut could bring that journal back to undo the file and drop every commit
// in the WAL.
const DatabaseSpec kStateSpec{
    "state.db", "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    kStateMigrations};

Database::Database(fs::path path, std::string vfs) : path_(std::move(path)), vfs_(std::move(vfs)) {}

Database::~Database() {
  const int code = sqlite3_close(handle_);
  WEFT_ASSERT(code == SQLITE_OK);  // every statement is finalized where it was prepared
}

Result<void> Database::open(const DatabaseSpec& spec) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
  const int code =
      sqlite3_open_v2(path_.c_str(), &handle_, flags, vfs_.empty() ? nullptr : vfs_.c_str());
  if (code != SQLITE_OK) return failed(code);
  std::error_code ignored;  // a test's VFS may keep the file elsewhere
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write, ignored);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
  WEFT_CHECK(execute(kCommonPragmas));
  // Before anything is written: an unknown schema or a damaged file stays as it is.
  WEFT_TRY(const auto version, number("PRAGMA user_version"));
  if (version > spec.migrations.back().version)
    return fail(Errc::Unsupported, path_.string() + " was written by a newer weft (schema " +
                                       std::to_string(version) + "). Fix: upgrade weft");
  WEFT_CHECK(check_quickly());
  WEFT_CHECK(execute(spec.pragmas));
  return migrate(spec);
}

Result<std::vector<Row>> Database::load(Table table) {
  const std::string sql =
      "SELECT network, key, value FROM " + std::string(name_of(table)) + " ORDER BY network, key";
  sqlite3_stmt* raw = nullptr;
  if (const int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &raw, nullptr);
      code != SQLITE_OK)
    return failed(code);
  const Statement statement(raw);
  std::vector<Row> rows;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    auto network = to_array<32>(column(raw, 0));
    if (!network) return fail(Errc::Storage, path_.string() + ": a row without its network");
    rows.push_back({table, NetworkId{*network}, column(raw, 1), column(raw, 2)});
  }
  if (code != SQLITE_DONE) return failed(code);
  return rows;
}

Result<void> Database::commit(std::span<const Row> rows) {
  if (read_only_)
    return fail(Errc::Storage, path_.string() +
                                   " is read-only: the disk failed to flush earlier, so what it "
                                   "holds is unknown. Fix: check the disk, then restart weft");
  WEFT_CHECK(execute("BEGIN IMMEDIATE"));
  Result<void> done;
  for (const auto& row : rows) {
    done = write(row);
    if (!done) break;
  }
  if (done) done = execute("COMMIT");
  // A failed COMMIT may have rolled back by itself; else it must not linger half done.
  if (!done && sqlite3_get_autocommit(handle_) == 0)
    if (!execute("ROLLBACK")) read_only_ = true;
  return done;
}

Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return {};
}

Result<std::int64_t> Database::number(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (const int code = sqlite3_prepare_v2(handle_, sql, -1, &raw, nullptr); code != SQLITE_OK)
    return failed(code);
  const Statement statement(raw);
  const int code = sqlite3_step(raw);
  if (code != SQLITE_ROW) return failed(code);
  return sqlite3_column_int64(raw, 0);
}

Result<void> Database::check_quickly() {
  sqlite3_stmt* raw = nullptr;
  if (const int code = sqlite3_prepare_v2(handle_, "PRAGMA quick_check(1)", -1, &raw, nullptr);
      code != SQLITE_OK)
    return failed(code);
  const Statement statement(raw);
  const int code = sqlite3_step(raw);
  if (code != SQLITE_ROW) return failed(code);
  const std::string text(text_of(column(raw, 0)));
  if (text != "ok")
    return fail(Errc::Storage, path_.string() + " is damaged: " + text +
                                   ". Fix: restore it from a backup, or move it away");
  return {};
}

Result<void> Database::migrate(const DatabaseSpec& spec) {
  WEFT_TRY(const auto version, number("PRAGMA user_version"));
  if (version == spec.migrations.back().version) return {};
  if (version > 0) WEFT_CHECK(back_up(version));
  for (const auto& migration : spec.migrations) {
    if (migration.version <= version) continue;
    const std::string sql = std::string("BEGIN IMMEDIATE;") + migration.sql +
                            "PRAGMA user_version=" + std::to_string(migration.version) + ";COMMIT;";
    WEFT_CHECK(execute(sql.c_str()));
  }
  return {};
}

Result<void> Database::back_up(std::int64_t version) {
  const auto copy = path_.string() + ".schema" + std::to_string(version) + ".bak";
  fs::remove(copy);
  sqlite3* target = nullptr;
  int code = sqlite3_open_v2(copy.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             vfs_.empty() ? nullptr : vfs_.c_str());
  if (code == SQLITE_OK) {
    auto* backup = sqlite3_backup_init(target, "main", handle_, "main");
    if (backup != nullptr) sqlite3_backup_step(backup, -1);
    code = backup == nullptr ? sqlite3_errcode(target) : sqlite3_backup_finish(backup);
  }
  sqlite3_close(target);
  if (code != SQLITE_OK)
    return fail(Errc::Storage, "cannot back up " + path_.string() + " before its migration");
  return {};
}

Result<void> Database::write(const Row& row) {
  const std::string table(name_of(row.table));
  const std::string sql =
      row.value ? "INSERT INTO " + table +
                      " VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value"
                : "DELETE FROM " + table + " WHERE network = ?1 AND key = ?2";
  sqlite3_stmt* raw = nullptr;
  if (const int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &raw, nullptr);
      code != SQLITE_OK)
    return failed(code);
  const Statement statement(raw);
  const auto bind = [&](int index, ByteView bytes) {
    sqlite3_bind_blob64(raw, index, data_of(bytes), bytes.size(), SQLITE_STATIC);
  };
  bind(1, row.network.view());
  bind(2, row.key);
  if (row.value) bind(3, *row.value);
  const int code = sqlite3_step(raw);
  if (code != SQLITE_DONE) return failed(code);
  return {};
}

std::unexpected<Error> Database::failed(int code) {
  if (handle_ != nullptr && sqlite3_extended_errcode(handle_) != SQLITE_OK)
    code = sqlite3_extended_errcode(handle_);
  const auto where = path_.string() + ": ";
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fail(Errc::Storage, where + "disk full. Fix: free some space; nothing was lost");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      read_only_ = true;
      return fail(Errc::Storage, where + "damaged (" + sqlite3_errstr(code) +
                                     "). Fix: restore it from a backup, or move it away");
    default:
      break;
  }
  // After a failed flush the kernel may have dropped the pages while calling them clean.
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
    read_only_ = true;
    return fail(Errc::Storage, where + "the disk failed to flush; writing stops here");
  }
  return fail(Errc::Storage, where + sqlite3_errstr(code));
}

}  // namespace weft::store
