// The disk of a simulated node: rows in memory that arrive a little later than they are written,
// in order. A process that is killed leaves what had arrived; the rest is lost.
//
// A thousand nodes of one network keep the same thousand roster entries, so rows are kept once in
// a pool and a disk is a map of 32-bit numbers. A pool belongs to one shard of the simulation.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/persist.hpp"
#include "base/time.hpp"

namespace weft::sim {

// Equal rows once, counted. Numbers are reused when nobody holds them any more.
class RowPool {
 public:
  using Number = std::uint32_t;
  // What a roster row says, read once however many disks hold it.
  struct Meaning {
    std::optional<NodeId> removes;
  };

  Number add(const Row& row);  // REQUIRES: it has a value
  void release(Number number);
  [[nodiscard]] const Row& at(Number number) const { return rows_[number].row; }
  [[nodiscard]] const Meaning& meaning(Number number) const { return rows_[number].meaning; }
  [[nodiscard]] std::size_t memory_bytes() const { return bytes_; }

 private:
  struct Kept {
    Row row;
    Meaning meaning;
    std::uint32_t holders = 0;
  };
  std::vector<Kept> rows_;
  std::vector<Number> free_;
  std::unordered_multimap<std::size_t, Number> by_hash_;  // order decides nothing
  std::size_t bytes_ = 0;
};

class Disk {
 public:
  Disk(RowPool& pool, Duration delay) : pool_(pool), delay_(delay) {}
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  void write(Instant now, Persist persist);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  // The next write that has arrived by now: its id, once.
  std::optional<std::uint64_t> arrived(Instant now);
  // kill -9: what is under way never arrives.
  void lose_unsynced() { writing_.clear(); }

  // Everything that has arrived, in order of table, network and key.
  [[nodiscard]] std::vector<Row> rows() const;
  [[nodiscard]] std::size_t count(Table table) const { return counts_[index_of(table)]; }
  // Goes up with each change of the table that arrived.
  [[nodiscard]] std::uint64_t version(Table table) const { return versions_[index_of(table)]; }
  [[nodiscard]] bool holds(Table table, const NetworkId& network, ByteView key) const;
  // The same on two disks when they keep the same entries of that network's roster.
  [[nodiscard]] std::uint64_t roster_of(const NetworkId& network) const;
  // Since when a removal of this node lies in some roster here.
  [[nodiscard]] std::optional<Instant> removal_of(const NodeId& node) const;

  // For tests of the checkers: it says that rows arrived and keeps none of this table.
  void forget(Table table) { forgotten_ = table; }

 private:
  static constexpr std::size_t index_of(Table table) { return static_cast<std::size_t>(table); }
  void put(Instant now, const Row& row);

  RowPool& pool_;
  Duration delay_;
  std::deque<std::pair<Instant, Persist>> writing_;
  std::unordered_map<std::uint64_t, RowPool::Number> rows_;  // by a hash of table, network, key
  std::array<std::size_t, kTableCount> counts_{};
  std::array<std::uint64_t, kTableCount> versions_{};
  std::unordered_map<NetworkId, std::uint64_t> rosters_;
  std::unordered_map<NodeId, Instant> removals_;
  std::optional<Table> forgotten_;
};

}  // namespace weft::sim
