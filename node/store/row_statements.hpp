// The statements that rows are read and written with, prepared once for each table: preparing costs
// more than running them. Only the store's sources include it.
#pragma once

#include <array>

#include "node/store/database.hpp"
#include "node/store/statement.hpp"

namespace weft::store {

enum class RowSql : std::uint8_t {
  Sealed,   // the MAC of one row
  Value,    // of one row, with its MAC
  Put,      // insert or replace
  Remove,   // one row
  ScanAll,  // from a key to the end of the network
  Scan,     // from a key to before another
};
inline constexpr std::size_t kRowSqlCount = 6;

struct Database::Statements {
  std::array<Statement, 5> group;  // as Database::GroupSql names them
  std::array<std::array<Statement, kRowSqlCount>, kTableCount> rows;
  Statement seal;
};

// Gives a statement back as it was: bound to nothing, no row under way. A read that is not ended
// would keep its transaction.
class InUse {
 public:
  explicit InUse(const Statement& statement) : statement_(statement.get()) {}
  ~InUse() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace weft::store
