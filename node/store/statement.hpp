// sqlite statements that finalize themselves. Only the store's sources include it.
#pragma once

#include <sqlite3.h>

#include <memory>

#include "base/bytes.hpp"

namespace weft::store {

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

// `code` tells why it is null.
inline Statement prepare(sqlite3* handle, const std::string& sql, int& code) {
  sqlite3_stmt* raw = nullptr;
  code = sqlite3_prepare_v2(handle, sql.c_str(), -1, &raw, nullptr);
  return Statement(raw);
}

inline Bytes column(sqlite3_stmt* statement, int index) {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, index));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
  return data == nullptr ? Bytes{} : Bytes(data, data + size);
}
inline Bytes column(const Statement& statement, int index) {
  return column(statement.get(), index);
}

// The bytes must live until the statement is stepped.
inline void bind_blob(const Statement& statement, int index, ByteView bytes) {
  // An empty blob still wants a pointer, or sqlite binds NULL.
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  sqlite3_bind_blob64(statement.get(), index, data, bytes.size(), SQLITE_STATIC);
}

}  // namespace weft::store
