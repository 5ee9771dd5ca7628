// What a database must be before it is believed: whole, of exactly our schema, and every row and
// all of them together as this identity wrote them.
#include "node/store/database.hpp"
#include "node/store/row_statements.hpp"
#include "node/store/words.hpp"

namespace weft::store {
namespace {

// Every table, index, trigger and view, with the text that made it.
Result<std::string> schema_text(sqlite3* handle) {
  int code = SQLITE_OK;
  const auto statement = prepare(
      handle,
      "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1", code);
  if (!statement) return fail(Errc::Storage, sqlite3_errstr(code));
  std::string out;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW)
    (out += text_of(column(statement, 0))) += '\n';
  if (code != SQLITE_DONE) return fail(Errc::Storage, sqlite3_errstr(code));
  return out;
}

// What the migrations up to a version make of nothing.
Result<std::string> wanted_schema(const DatabaseSpec& spec, std::int64_t version) {
  sqlite3* handle = nullptr;
  int code =
      sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  for (const auto& migration : spec.migrations)
    if (code == SQLITE_OK && migration.version <= version)
      code = sqlite3_exec(handle, migration.sql.c_str(), nullptr, nullptr, nullptr);
  Result<std::string> out = fail(Errc::Storage, sqlite3_errstr(code));
  if (code == SQLITE_OK) out = schema_text(handle);
  sqlite3_close(handle);
  return out;
}

}  // namespace

Result<void> Database::check_quickly() {
  int code = SQLITE_OK;
  const auto statement = prepare(handle_, "PRAGMA quick_check(1)", code);
  if (!statement) return failed(code);
  code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) return failed(code);
  const std::string text(text_of(column(statement, 0)));
  if (text != "ok") return damaged(text);
  return {};
}

Result<void> Database::check_schema(std::int64_t version) {
  WEFT_TRY(const auto wanted, wanted_schema(spec_, version));
  auto found = schema_text(handle_);
  if (!found) return damaged(found.error().detail);
  if (*found != wanted)
    return damaged("its tables are not the ones weft makes; something else changed the file");
  return {};
}

Result<void> Database::check_rows(std::int64_t version) {
  if (spec_.sealed == 0) return {};
  Digest digest;
  for (const auto table : tables(version)) {
    WEFT_TRY(digest, check_table(table, digest));
  }
  int code = SQLITE_OK;
  const auto statement = prepare(handle_, "SELECT generation, mac FROM seal WHERE id = 1", code);
  if (!statement) return failed(code);
  code = sqlite3_step(statement.get());
  if (code == SQLITE_DONE) return damaged("its seal is missing");
  if (code != SQLITE_ROW) return failed(code);
  const auto generation = static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), 0));
  if (!crypto::equal_constant_time(sealer_.database(spec_.file, generation, digest),
                                   column(statement, 1)))
    return damaged("rows are missing, or are from another time or another node");
  generation_ = generation;
  digest_ = digest;
  return {};
}

Result<Digest> Database::check_table(Table table, Digest digest) {
  const std::string name(name_of(table));
  int code = SQLITE_OK;
  const auto statement = prepare(
      handle_, "SELECT network, key, value, mac FROM " + name + " ORDER BY network, key", code);
  if (!statement) return failed(code);
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    const auto network = to_array<32>(column(statement, 0));
    const auto key = column(statement, 1);
    const auto mac = to_array<32>(column(statement, 3));
    if (!network || !mac ||
        !crypto::equal_constant_time(
            sealer_.row(name, NetworkId{*network}, key, column(statement, 2)), *mac))
      return damaged("the row " +
                     to_hex(ByteView(key).first(std::min<std::size_t>(key.size(), 8))) +
                     " of table " + name + " is not as this node wrote it");
    digest.add(*mac);
  }
  if (code != SQLITE_DONE) return failed(code);
  return digest;
}

std::vector<Table> Database::tables(std::int64_t version) const {
  std::vector<Table> out;
  for (const auto& info : kTables)
    if (info.trust == spec_.trust && info.since <= version) out.push_back(info.table);
  return out;
}

// The rows of before the seals, as they are. Inside a transaction.
Result<void> Database::adopt_rows() {
  Digest digest;
  for (const auto table : tables(spec_.sealed)) {
    WEFT_TRY(const auto rows, load(table));
    int code = SQLITE_OK;
    const auto update = prepare(
        handle_,
        "UPDATE " + std::string(name_of(table)) + " SET mac = ?3 WHERE network = ?1 AND key = ?2",
        code);
    if (!update) return failed(code);
    for (const auto& row : rows) {
      const auto mac = sealer_.row(name_of(table), row.network, row.key, *row.value);
      sqlite3_reset(update.get());
      bind_blob(update, 1, row.network.view());
      bind_blob(update, 2, row.key);
      bind_blob(update, 3, mac);
      if (code = sqlite3_step(update.get()); code != SQLITE_DONE) return failed(code);
      digest.add(mac);
    }
  }
  WEFT_CHECK(write_seal(0, digest));
  generation_ = 0;
  digest_ = digest;
  return {};
}

Result<void> Database::read_seal() {
  int code = SQLITE_OK;
  const auto statement =
      prepare(handle_, "SELECT generation, rows, digest, mac FROM seal WHERE id = 1", code);
  if (!statement) return failed(code);
  code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW)
    return code == SQLITE_DONE ? damaged("its seal is missing") : failed(code);
  const auto generation = static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), 0));
  const auto rows = static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), 1));
  const auto sum = to_array<32>(column(statement, 2));
  if (!sum ||
      !crypto::equal_constant_time(sealer_.database(spec_.file, generation, Digest(*sum, rows)),
                                   column(statement, 3)))
    return damaged("its seal is not as this node wrote it");
  generation_ = generation;
  digest_ = Digest(*sum, rows);
  return {};
}

Result<void> Database::write_seal(std::uint64_t generation, const Digest& digest) {
  int code = SQLITE_OK;
  auto& statement = statements_->seal;
  if (!statement)
    statement = prepare(
        handle_,
        "INSERT OR REPLACE INTO seal (id, generation, rows, digest, mac) VALUES (1, ?, ?, ?, ?)",
        code);
  if (!statement) return failed(code);
  const InUse in_use(statement);
  const auto sum = digest.bytes();
  const auto mac = sealer_.database(spec_.file, generation, digest);
  sqlite3_bind_int64(statement.get(), 1, static_cast<sqlite3_int64>(generation));
  sqlite3_bind_int64(statement.get(), 2, static_cast<sqlite3_int64>(digest.rows()));
  bind_blob(statement, 3, sum);
  bind_blob(statement, 4, mac);
  code = sqlite3_step(statement.get());
  if (code != SQLITE_DONE) return failed(code);
  return {};
}

std::unexpected<Error> Database::damaged(const std::string& what) const {
  return fail(Errc::Storage,
              path_.string() + " is damaged: " + what + "." + fix_for_database(spec_.trust));
}

}  // namespace weft::store
