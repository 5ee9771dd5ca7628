// A bounded part of a table in the order of its keys, for those who read while the node runs. Rows
// of one network, keys compared byte by byte.
//
// A page holds at most kPageRows rows and ends after the row that brings it to kPageBytes, so that
// one reader holds the writer's thread for about a millisecond. More is asked for with `from` =
// `next`; what was written between two pages is seen by the later one alone.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/persist.hpp"

namespace weft::store {

inline constexpr std::size_t kPageRows = 256;
inline constexpr std::size_t kPageBytes = 256UL * 1024;  // of keys and values

struct Scan {
  Table table = Table::Setting;
  NetworkId network;
  Bytes from;                    // the first key that may be in it
  std::optional<Bytes> until;    // the first key behind it; none: to the end
  std::size_t rows = kPageRows;  // at most; more than kPageRows counts as kPageRows
};

struct Page {
  std::vector<Row> rows;
  std::optional<Bytes> next;  // where the next page begins; none: this was the last
};

// All keys that begin with `prefix`; an empty one: the whole network's.
[[nodiscard]] Scan scan_of_prefix(Table table, const NetworkId& network, ByteView prefix);

}  // namespace weft::store
