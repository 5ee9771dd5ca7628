#include "node/store/database.hpp"

#include "base/assert.hpp"
#include "node/store/row_statements.hpp"
#include "node/store/statement.hpp"
#include "node/store/store.hpp"
#include "node/store/vfs_file.hpp"

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

constexpr int kSealed = 2;  // the schema whose migration gave all rows their MACs

// What each schema adds: its tables, and once the seals. The texts are part of the format: a file
// whose schema reads otherwise is refused.
std::vector<Migration> migrations_of(bool trust) {
  std::vector<Migration> out;
  for (int version = 1; version <= kSchema; ++version) {
    std::string sql;
    for (const auto& info : kTables) {
      const std::string name(info.name);
      if (info.trust != trust || info.since > version) continue;
      if (info.since == version)
        sql += "CREATE TABLE " + name +
               " (network BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
               " PRIMARY KEY (network, key)) WITHOUT ROWID;";
      if (version == std::max(info.since, kSealed))
        sql += "ALTER TABLE " + name + " ADD COLUMN mac BLOB NOT NULL DEFAULT x'';";
    }
    if (version == kSealed)
      sql +=
          "CREATE TABLE seal (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL,"
          " rows INTEGER NOT NULL, digest BLOB NOT NULL, mac BLOB NOT NULL);";
    out.push_back({version, std::move(sql)});
  }
  return out;
}
const std::vector<Migration> kTrustMigrations = migrations_of(true);
const std::vector<Migration> kStateMigrations = migrations_of(false);

}  // namespace

const DatabaseSpec kTrustSpec{"trust.db", "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;",
                              kTrustMigrations, true, kSealed};
// EXTRA while the file turns to WAL: FULL would leave the removal of the rollback journal
// unflushed, and a power cut could bring that journal back to undo the file and drop every commit
// in the WAL.
const DatabaseSpec kStateSpec{
    "state.db", "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    kStateMigrations, false, kSealed};

Database::Database(fs::path path, std::string vfs, const Sealer& sealer)
    : path_(std::move(path)),
      vfs_(std::move(vfs)),
      sealer_(sealer),
      statements_(std::make_unique<Statements>()) {}

Database::~Database() {
  statements_.reset();
  const int code = sqlite3_close(handle_);
  WEFT_ASSERT(code == SQLITE_OK);  // every other statement is finalized where it was prepared
}

Result<void> Database::open(const DatabaseSpec& spec, IfOlder older) {
  spec_ = spec;
  const int flags = SQLITE_OPEN_READWRITE | (older == IfOlder::Create ? SQLITE_OPEN_CREATE : 0) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
  const int code =
      sqlite3_open_v2(path_.c_str(), &handle_, flags, vfs_.empty() ? nullptr : vfs_.c_str());
  if (code != SQLITE_OK) return failed(code);
  std::error_code ignored;  // a test's VFS may keep the file elsewhere
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write, ignored);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
  WEFT_CHECK(execute(kCommonPragmas));
  // Before anything is written: an unknown schema or a damaged file stays as it is.
  WEFT_TRY(const auto version, number("PRAGMA user_version"));
  const int newest = spec.migrations.back().version;
  if (version > newest)
    return fail(Errc::Unsupported, path_.string() + " was written by a newer weft (schema " +
                                       std::to_string(version) + "). Fix: upgrade weft");
  WEFT_CHECK(check_quickly());
  const bool sealed = spec.sealed != 0 && version >= spec.sealed;
  if (sealed || version == newest) {
    WEFT_CHECK(check_schema(version));
    WEFT_CHECK(check_rows(version));
    WEFT_CHECK(execute(spec.pragmas));
    return version == newest ? Result<void>{} : migrate(spec, version);
  }
  WEFT_TRY(const auto objects, number("SELECT count(*) FROM sqlite_schema"));
  const bool empty = version == 0 && objects == 0;
  if (version < 0 || (version == 0 && !empty) || older == IfOlder::Refuse ||
      (older == IfOlder::Create && !empty))
    return damaged(empty ? "it is empty"
                         : "its schema is " + std::to_string(version) + ", not " +
                               std::to_string(newest));
  WEFT_CHECK(execute(spec.pragmas));
  return migrate(spec, version);
}

Result<std::int64_t> Database::schema_of(const fs::path& path, const std::string& vfs) {
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                             vfs.empty() ? nullptr : vfs.c_str());
  std::int64_t version = 0;
  if (code == SQLITE_OK) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_exec(handle, "PRAGMA locking_mode=EXCLUSIVE", nullptr, nullptr, nullptr);
    const auto statement = prepare(handle, "PRAGMA user_version", code);
    if (statement) code = sqlite3_step(statement.get());
    if (statement && code == SQLITE_ROW) {
      version = sqlite3_column_int64(statement.get(), 0);
      code = SQLITE_OK;
    }
  }
  sqlite3_close(handle);
  if (code == SQLITE_OK) return version;
  return fail(Errc::Storage, path.string() + " cannot be read: " + sqlite3_errstr(code) +
                                 ". Fix: weft restore FILE");
}

void Database::accept() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

Result<void> Database::copy_to(const fs::path& copy) {
  sqlite3* target = nullptr;
  int code = sqlite3_open_v2(copy.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             vfs_.empty() ? nullptr : vfs_.c_str());
  if (code == SQLITE_OK) {
    std::error_code ignored;
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write, ignored);
    auto* backup = sqlite3_backup_init(target, "main", handle_, "main");
    if (backup != nullptr) sqlite3_backup_step(backup, -1);
    code = backup == nullptr ? sqlite3_errcode(target) : sqlite3_backup_finish(backup);
  }
  sqlite3_close(target);
  if (code == SQLITE_OK) return {};
  return fail(Errc::Storage, "cannot copy " + path_.string() + " to " + copy.string() + ": " +
                                 sqlite3_errstr(code));
}

Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return {};
}

Result<std::int64_t> Database::number(const char* sql) {
  int code = SQLITE_OK;
  const auto statement = prepare(handle_, sql, code);
  if (!statement) return failed(code);
  code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) return failed(code);
  return sqlite3_column_int64(statement.get(), 0);
}

// All of it in one transaction: a file is of the schema it was, or of the newest.
Result<void> Database::migrate(const DatabaseSpec& spec, std::int64_t version) {
  if (version > 0) {
    const auto copy = path_.string() + ".schema" + std::to_string(version) + ".bak";
    for (const auto* end : {"", "-journal", "-wal"}) VfsFile::remove(copy + end, vfs_);
    WEFT_CHECK(copy_to(copy));
  }
  WEFT_CHECK(execute("BEGIN IMMEDIATE"));  // what fails before COMMIT is undone by closing the file
  for (const auto& migration : spec.migrations) {
    if (migration.version <= version) continue;
    WEFT_CHECK(execute(migration.sql.c_str()));
    if (migration.version == spec.sealed) WEFT_CHECK(adopt_rows());
  }
  const auto now = "PRAGMA user_version=" + std::to_string(spec.migrations.back().version);
  WEFT_CHECK(execute(now.c_str()));
  return execute("COMMIT");
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
      return damaged(sqlite3_errstr(code));
    case SQLITE_BUSY:
      return fail(Errc::Busy, where + "another process has it open. Fix: end that one: fuser " +
                                  path_.string() + " tells which it is");
    case SQLITE_CANTOPEN:
      return fail(Errc::Storage, where +
                                     "cannot be opened. It must be a regular file, no link, of "
                                     "the user that runs weft. Fix: put the file itself there; "
                                     "ls -l " +
                                     path_.string() + " tells what it is");
    case SQLITE_READONLY:
      return fail(Errc::Storage, where + "the disk is read-only. Fix: mount it writable");
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
