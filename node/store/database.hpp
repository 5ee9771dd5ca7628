// One sqlite file of the store, opened the way store.hpp promises. Only the store includes it.
//
// Every Table is an SQL table (network, key, value) keyed by the first two. user_version says which
// schema a file has; migrations run one by one, each in a transaction, after a backup of the file.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/persist.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace weft::store {

struct Migration {
  int version;      // the user_version it leaves
  const char* sql;  // statements
};

struct DatabaseSpec {
  const char* file;
  const char* pragmas;  // journal and synchronous
  std::span<const Migration> migrations;
};

extern const DatabaseSpec kTrustSpec;
extern const DatabaseSpec kStateSpec;

class Database {
 public:
  Database(std::filesystem::path path, std::string vfs);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Result<void> open(const DatabaseSpec& spec);
  [[nodiscard]] Result<std::vector<Row>> load(Table table);
  [[nodiscard]] Result<void> commit(std::span<const Row> rows);
  [[nodiscard]] bool read_only() const { return read_only_; }

 private:
  Result<void> execute(const char* sql);
  Result<std::int64_t> number(const char* sql);
  Result<void> check_quickly();
  Result<void> migrate(const DatabaseSpec& spec);
  Result<void> back_up(std::int64_t version);
  Result<void> write(const Row& row);
  std::unexpected<Error> failed(int code);

  std::filesystem::path path_;
  std::string vfs_;
  sqlite3* handle_ = nullptr;
  bool read_only_ = false;
};

}  // namespace weft::store
