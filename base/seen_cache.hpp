// What has been answered once and is not to be answered again soon: a bounded set of tags with a
// time. Whoever replays a recorded packet meets it; who does not know the key cannot make two tags
// meet, nor choose which are remembered side by side.
//
// A tag is remembered for at least `span` and at most twice as long. More new ones than half the
// limit within a span push the oldest out earlier: the memory is what is certain.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/crypto.hpp"
#include "base/time.hpp"

namespace weft {

class SeenCache {
 public:
  explicit SeenCache(const ByteArray<16>& key, std::size_t limit = 65536, Duration span = 10min)
      : key_(key), half_(std::max<std::size_t>(limit / 2, 1)), span_(span) {}

  [[nodiscard]] bool contains(Instant now, ByteView tag) const {
    const auto mark = mark_of(tag);
    return (now < turned_ + span_ + span_ && has(newer_, mark)) ||
           (now < turned_ + span_ && has(older_, mark));
  }
  // True: it was new, and is remembered from now on.
  bool insert(Instant now, ByteView tag) {
    if (now >= turned_ + span_ + span_) newer_ = {};
    if (now >= turned_ + span_ || newer_.count >= half_) turn(now);
    const auto mark = mark_of(tag);
    if (has(newer_, mark) || has(older_, mark)) return false;
    add(newer_, mark);
    return true;
  }
  [[nodiscard]] std::size_t bytes() const {
    return (newer_.slots.capacity() + older_.slots.capacity()) * sizeof(std::uint64_t);
  }

 private:
  // Open addressing, at most half full; 0 is an empty slot.
  struct Table {
    std::vector<std::uint64_t> slots;
    std::size_t count = 0;
  };

  [[nodiscard]] std::uint64_t mark_of(ByteView tag) const {
    return std::max<std::uint64_t>(read_be<std::uint64_t>(crypto::siphash24(key_, tag)), 1);
  }
  static std::size_t place(const Table& table, std::uint64_t mark) {
    std::size_t at = mark & (table.slots.size() - 1);
    while (table.slots[at] != 0 && table.slots[at] != mark)
      at = (at + 1) & (table.slots.size() - 1);
    return at;
  }
  static bool has(const Table& table, std::uint64_t mark) {
    return table.count > 0 && table.slots[place(table, mark)] == mark;
  }
  static void add(Table& table, std::uint64_t mark) {
    if (table.count * 2 >= table.slots.size()) {
      Table larger{std::vector<std::uint64_t>(std::max<std::size_t>(16, table.slots.size() * 2)),
                   table.count};
      for (const auto old : table.slots)
        if (old != 0) larger.slots[place(larger, old)] = old;
      table = std::move(larger);
    }
    table.slots[place(table, mark)] = mark;
    ++table.count;
  }
  void turn(Instant now) {
    older_ = std::move(newer_);
    newer_ = {};
    turned_ = now;
  }

  ByteArray<16> key_;
  std::size_t half_;
  Duration span_;
  Instant turned_{};
  Table newer_;
  Table older_;
};

}  // namespace weft
