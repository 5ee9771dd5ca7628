// Rows of a database: read, written in groups, and counted into its seal.
#include <algorithm>

#include "base/assert.hpp"
#include "node/store/database.hpp"
#include "node/store/row_statements.hpp"

namespace weft::store {
namespace {

std::string text_of(RowSql what, std::string_view table, bool sealed) {
  const std::string name(table);
  constexpr const char* kOne = " WHERE network = ?1 AND key = ?2";
  const std::string select = std::string("SELECT key, value") + (sealed ? ", mac" : "") + " FROM ";
  switch (what) {
    case RowSql::Sealed:
      return "SELECT mac FROM " + name + kOne;
    case RowSql::Value:
      return select + name + kOne;
    case RowSql::Put:
      return "INSERT INTO " + name +
             (sealed ? " (network, key, value, mac) VALUES (?1, ?2, ?3, ?4)"
                       " ON CONFLICT DO UPDATE SET value = ?3, mac = ?4"
                     : " (network, key, value) VALUES (?1, ?2, ?3)"
                       " ON CONFLICT DO UPDATE SET value = ?3");
    case RowSql::Remove:
      return "DELETE FROM " + name + kOne;
    case RowSql::ScanAll:
      return select + name + " WHERE network = ?1 AND key >= ?2 ORDER BY key";
    case RowSql::Scan:
      return select + name + " WHERE network = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";
  }
  return {};
}

}  // namespace

Scan scan_of_prefix(Table table, const NetworkId& network, ByteView prefix) {
  Scan out{table, network, to_bytes(prefix), std::nullopt, kPageRows};
  // The first key that is behind all of them: the prefix with its last byte one higher, the bytes
  // 0xff at its end left off.
  Bytes end = out.from;
  while (!end.empty() && end.back() == 0xff) end.pop_back();
  if (!end.empty()) {
    ++end.back();
    out.until = std::move(end);
  }
  return out;
}

Result<const Statement*> Database::prepared(Table table, int what) {
  auto& statement =
      statements_->rows[static_cast<std::size_t>(table)][static_cast<std::size_t>(what)];
  if (!statement) {
    int code = SQLITE_OK;
    statement = prepare(
        handle_, text_of(static_cast<RowSql>(what), name_of(table), spec_.sealed != 0), code);
    if (!statement) return failed(code);
  }
  return &statement;
}

Result<std::vector<Row>> Database::load(Table table) {
  int code = SQLITE_OK;
  const auto statement = prepare(
      handle_,
      "SELECT network, key, value FROM " + std::string(name_of(table)) + " ORDER BY network, key",
      code);
  if (!statement) return failed(code);
  std::vector<Row> rows;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    auto network = to_array<32>(column(statement, 0));
    if (!network)
      return damaged("a row of table " + std::string(name_of(table)) + " has no network");
    rows.push_back({table, NetworkId{*network}, column(statement, 1), column(statement, 2)});
  }
  if (code != SQLITE_DONE) return failed(code);
  return rows;
}

// The row that a statement stands at, checked: columns key, value, mac.
Result<Row> Database::row_at(sqlite3_stmt* at, Table table, const NetworkId& network) {
  Row row{table, network, column(at, 0), column(at, 1)};
  if (spec_.sealed == 0) return row;
  const auto mac = to_array<32>(column(at, 2));
  if (!mac ||
      !crypto::equal_constant_time(sealer_.row(name_of(table), network, row.key, *row.value), *mac))
    return damaged("a row of table " + std::string(name_of(table)) +
                   " is not as this node wrote it");
  return row;
}

Result<std::optional<Bytes>> Database::get(Table table, const NetworkId& network, ByteView key) {
  WEFT_TRY(const auto* statement, prepared(table, static_cast<int>(RowSql::Value)));
  const InUse in_use(*statement);
  bind_blob(*statement, 1, network.view());
  bind_blob(*statement, 2, key);
  const int code = sqlite3_step(statement->get());
  if (code == SQLITE_DONE) return std::optional<Bytes>{};
  if (code != SQLITE_ROW) return failed(code);
  WEFT_TRY(auto row, row_at(statement->get(), table, network));
  return std::move(row.value);
}

Result<Page> Database::scan(const Scan& scan) {
  WEFT_TRY(const auto* statement,
           prepared(scan.table, static_cast<int>(scan.until ? RowSql::Scan : RowSql::ScanAll)));
  const InUse in_use(*statement);
  bind_blob(*statement, 1, scan.network.view());
  bind_blob(*statement, 2, scan.from);
  if (scan.until) bind_blob(*statement, 3, *scan.until);
  const std::size_t limit = std::clamp<std::size_t>(scan.rows, 1, kPageRows);
  Page page;
  std::size_t bytes = 0;
  int code = SQLITE_OK;
  while ((code = sqlite3_step(statement->get())) == SQLITE_ROW) {
    if (page.rows.size() >= limit || bytes >= kPageBytes) {
      page.next = column(statement->get(), 0);
      return page;
    }
    WEFT_TRY(auto row, row_at(statement->get(), scan.table, scan.network));
    bytes += row.key.size() + row.value->size();
    page.rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return failed(code);
  return page;
}

Result<void> Database::commit(std::span<const Row> rows) {
  WEFT_CHECK(begin());
  const auto added = add(rows);
  const auto stored = finish();
  return added ? stored : added;
}

// ---- groups -------------------------------------------------------------------------------------

Result<void> Database::run(GroupSql what) {
  constexpr const char* kTexts[] = {"BEGIN IMMEDIATE", "SAVEPOINT one", "RELEASE one",
                                    "ROLLBACK TO one", "COMMIT"};
  auto& statement = statements_->group[static_cast<std::size_t>(what)];
  int code = SQLITE_OK;
  if (!statement) statement = prepare(handle_, kTexts[static_cast<std::size_t>(what)], code);
  if (!statement) return failed(code);
  const InUse in_use(statement);
  code = sqlite3_step(statement.get());
  if (code != SQLITE_DONE) return failed(code);
  return {};
}

Result<void> Database::begin() {
  WEFT_ASSERT(!in_group_);
  if (read_only_)
    return fail(Errc::Storage, path_.string() +
                                   " is read-only: the disk failed to flush earlier, so what it "
                                   "holds is unknown. Fix: check the disk, then restart weft");
  WEFT_CHECK(run(GroupSql::Begin));
  in_group_ = true;
  group_changed_ = false;
  group_digest_ = digest_;
  return {};
}

// A savepoint of its own for each: what fails is undone alone. Some errors (a full disk) make
// sqlite give up the whole transaction; then nothing more can be added, and finish() says so.
Result<void> Database::add(std::span<const Row> rows) {
  WEFT_ASSERT(in_group_);
  if (group_lost()) return fail(Errc::Storage, "the group it was written with was undone");
  if (read_only_) return fail(Errc::Storage, path_.string() + " is read-only since it failed");
  WEFT_CHECK(run(GroupSql::Savepoint));
  Result<void> done;
  Digest digest = group_digest_;
  for (const auto& row : rows) {
    done = write(row, digest);
    if (!done) break;
  }
  if (done) done = run(GroupSql::Release);
  if (done) {
    group_digest_ = digest;
    group_changed_ = true;
  } else if (!group_lost() && (!run(GroupSql::UndoOne) || !run(GroupSql::Release))) {
    std::ignore = execute("ROLLBACK");  // finish() finds the group lost
  }
  return done;
}

bool Database::group_lost() const { return sqlite3_get_autocommit(handle_) != 0; }

Result<void> Database::finish() {
  WEFT_ASSERT(in_group_);
  in_group_ = false;
  if (group_lost()) return fail(Errc::Storage, path_.string() + ": the changes were undone");
  Result<void> done;
  if (!group_changed_) {
    done = execute("ROLLBACK");
    if (!done) read_only_ = true;
    return done;
  }
  if (spec_.sealed != 0) done = write_seal(generation_ + 1, group_digest_);
  if (done) done = run(GroupSql::Commit);
  // A failed COMMIT may have rolled back by itself; else it must not linger half done.
  if (!done && !group_lost())
    if (!execute("ROLLBACK")) read_only_ = true;
  // Or it was past the point of no return when it failed: the write that ends a journal can land in
  // part. Whether the group is in the file is then read there.
  if (!done && spec_.sealed != 0 && !read_only_ && !read_seal()) read_only_ = true;
  if (!done) return done;
  digest_ = group_digest_;
  ++generation_;
  return {};
}

// Takes the row of this key, if there is one, out of the digest.
Result<void> Database::forget(const Row& row, Digest& digest) {
  WEFT_TRY(const auto* before, prepared(row.table, static_cast<int>(RowSql::Sealed)));
  const InUse in_use(*before);
  bind_blob(*before, 1, row.network.view());
  bind_blob(*before, 2, row.key);
  const int code = sqlite3_step(before->get());
  if (code == SQLITE_DONE) return {};
  if (code != SQLITE_ROW) return failed(code);
  const auto mac = to_array<32>(column(*before, 0));
  if (!mac) return damaged("a row of table " + std::string(name_of(row.table)) + " has no MAC");
  digest.remove(*mac);
  return {};
}

Result<void> Database::write(const Row& row, Digest& digest) {
  const bool sealed = spec_.sealed != 0;
  if (sealed) WEFT_CHECK(forget(row, digest));
  WEFT_TRY(const auto* statement,
           prepared(row.table, static_cast<int>(row.value ? RowSql::Put : RowSql::Remove)));
  const InUse in_use(*statement);
  bind_blob(*statement, 1, row.network.view());
  bind_blob(*statement, 2, row.key);
  Mac mac{};
  if (row.value) bind_blob(*statement, 3, *row.value);
  if (row.value && sealed) {
    mac = sealer_.row(name_of(row.table), row.network, row.key, *row.value);
    bind_blob(*statement, 4, mac);
    digest.add(mac);
  }
  const int code = sqlite3_step(statement->get());
  if (code != SQLITE_DONE) return failed(code);
  return {};
}

}  // namespace weft::store
