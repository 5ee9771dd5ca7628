// What a core asks the disk to remember. A core emits Persist{id, rows}, and acknowledges or
// broadcasts what depends on it only after the owner reports persisted(now, id).
//
// Invariants: the rows of one Persist are stored whole or not at all, and therefore all belong to
// one database: either every table is_trust() or none is. A row without a value is a deletion.
#pragma once

#include <cstddef>
#include <cstdint>
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
};
inline constexpr std::size_t kTableCount = 9;

// Trust lives in a database of its own, written with the strictest settings.
constexpr bool is_trust(Table table) { return table <= Table::Network; }

constexpr std::string_view name_of(Table table) {
  constexpr std::string_view kNames[kTableCount] = {
      "roster", "ticket", "epoch", "network", "exposure", "access", "mapping", "peer", "setting"};
  return kNames[static_cast<std::size_t>(table)];
}

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
