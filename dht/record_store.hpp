// The records this node holds for others, and its own. Bounded in number and bytes; when full, the
// record farthest from us makes room for a nearer one.
//
// Invariants
// 1. Only records whose check() was None get in (the caller checks), under their own key.
// 2. One record per key and author, except that immutable ones have no author; at most
//    providers_per_key per key.
// 3. What expired is never handed out.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "dht/config.hpp"
#include "dht/record.hpp"

namespace weft::dht {

struct Stored {
  Key key;
  Record record;
  Instant until{};      // forgotten then
  Instant repair_at{};  // stored to its region again then, unless anybody does so before
  std::uint32_t size = 0;
};

class RecordStore {
 public:
  RecordStore(const Config& config, const NodeId& self) : config_(config), self_(self) {}

  // `left`: seconds that its sender, a holder as we are, lets it live on; without it a whole life
  // begins, as for its author.
  PutError put(Instant now, UnixTime unix_now, const Key& key, const Record& record,
               std::optional<std::uint64_t> cas, std::optional<std::uint64_t> left = std::nullopt);
  // Alive ones under this key: of this kind; newest sequence first.
  [[nodiscard]] std::vector<const Stored*> find(Instant now, const Key& key, RecordKind kind) const;
  [[nodiscard]] bool holds(const Key& key) const;
  void expire(Instant now);
  // The one whose repair was due first, if that was before `limit`.
  Stored* due_for_repair(Instant limit);
  [[nodiscard]] const std::vector<std::unique_ptr<Stored>>& all() const { return records_; }
  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void check_invariants() const;

 private:
  using Iterator = std::vector<std::unique_ptr<Stored>>::iterator;
  bool make_room(const Key& key, std::size_t size);
  void erase(Iterator place);

  const Config& config_;
  NodeId self_;
  std::size_t bytes_ = 0;
  Instant next_expiry_ = Instant::max();          // nothing expires before
  std::vector<std::unique_ptr<Stored>> records_;  // by key, then author
};

}  // namespace weft::dht
