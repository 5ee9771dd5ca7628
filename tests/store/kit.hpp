// A directory of its own for each test, and rows to write.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "node/store/store.hpp"
#include "tests/harness/temporary_folder.hpp"

namespace weft::store {

using TemporaryHome = harness::TemporaryFolder;

inline Row row(Table table, std::string_view key, std::string_view value) {
  return {table, NetworkId{{7}}, to_bytes(bytes_of(key)), to_bytes(bytes_of(value))};
}
inline Row without(Table table, std::string_view key) {
  return {table, NetworkId{{7}}, to_bytes(bytes_of(key)), std::nullopt};
}

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? static_cast<Errc>(-1) : result.error().code;
}

// What a database should hold.
using Model = std::map<std::pair<Table, Bytes>, Bytes>;

inline void play(Model& model, std::span<const Row> rows) {
  for (const auto& r : rows) {
    if (r.value)
      model[{r.table, r.key}] = *r.value;
    else
      model.erase({r.table, r.key});
  }
}

inline Result<Model> read_all(Store& store, bool trust) {
  Model model;
  for (const auto& info : kTables) {
    if (info.trust != trust) continue;
    WEFT_TRY(const auto rows, store.load(info.table));
    play(model, rows);
  }
  return model;
}

}  // namespace weft::store
