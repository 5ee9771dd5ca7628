// What a core asks the disk to remember. A core emits Persist{id, rows}, and acknowledges or
// broadcasts what depends on it only after the owner reports persisted(now, id).
//
// Invariants: the rows of one Persist are stored whole or not at all, and therefore all belong to
// one database: either every table is_trust() or none is. A row without a value is a deletion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/node_id.hpp"

namespace weft {

enum class Table : std::uint8_t {
  Roster,    // key: entry hash 32, value: entry bytes
  Ticket,    // key: ticket id 16, value: TicketBook's row
  Epoch,     // key: NodeId 32, value: highest certificate epoch seen, u64 big-endian
  Network,   // key: a short name ("head", "genesis"), value: its owner's bytes
  Exposure,  // key: service name
  Access,    // key: rule id
  Mapping,   // key: mapping id
  Peer,      // key: NodeId 32
  Setting,   // key: a short name
  Message,   // key: of the broker, overlay/broker/shelf.hpp
};

// All there is to say of a table: what the store makes of it, loads and checks comes from this
// list. A new one is a name above, a line here with the next schema, and its page in docs/wire.
struct TableInfo {
  Table table;
  std::string_view name;
  bool trust;  // lives in trust.db, written with the strictest settings; else in state.db
  bool hint;   // learned again by itself: acknowledged without a flush of home.seal
  int since;   // the schema that has it first
};
inline constexpr TableInfo kTables[] = {
    {Table::Roster, "roster", true, false, 1},      {Table::Ticket, "ticket", true, false, 1},
    {Table::Epoch, "epoch", true, false, 1},        {Table::Network, "network", true, false, 1},
    {Table::Exposure, "exposure", false, false, 1}, {Table::Access, "access", false, false, 1},
    {Table::Mapping, "mapping", false, false, 1},   {Table::Peer, "peer", false, true, 1},
    {Table::Setting, "setting", false, true, 1},    {Table::Message, "message", false, false, 3},
};
inline constexpr std::size_t kTableCount = std::size(kTables);
static_assert(
    [] {
      for (std::size_t i = 0; i < kTableCount; ++i)
        if (static_cast<std::size_t>(kTables[i].table) != i) return false;
      return true;
    }(),
    "in the order of their numbers");

constexpr const TableInfo& info_of(Table table) { return kTables[static_cast<std::size_t>(table)]; }
constexpr bool is_trust(Table table) { return info_of(table).trust; }
constexpr std::string_view name_of(Table table) { return info_of(table).name; }

struct Row {
  Table table = Table::Setting;
  NetworkId network;  // zero for what belongs to no network
  Bytes key;
  std::optional<Bytes> value;  // nullopt deletes

  bool operator==(const Row&) const = default;
};

struct Persist {
  std::uint64_t id = 0;
  std::vector<Row> rows;
};

}  // namespace weft
