// The records this node holds for others, and its own: values in one room, presence (nodes and
// providers) in another. Each is bounded in number and bytes. When one is full, whoever has more
// than a share of it makes room: for itself only by what lies farther from us, for others by its
// farthest. If nobody has, the record farthest from us makes room for a nearer one. So a flood by
// one author takes what nobody else wants, and gives it back to the first who does.
//
// Invariants
// 1. Only records whose check() was None get in (the caller checks), under their own key.
// 2. One record per key and author, except that immutable ones have no author; at most
//    providers_per_key per key.
// 3. What expired is never handed out.
// 4. A record is charged to its author; an immutable one, which has none, to who stored it here.
#pragma once

#include <array>
#include <map>

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
  std::uint64_t charged = 0;  // whose share it is of: the first bytes of a NodeId
};

class RecordStore {
 public:
  RecordStore(const Config& config, const NodeId& self) : config_(config), self_(self) {}

  // `left`: seconds that its sender, a holder as we are, lets it live on; without it a whole life
  // begins, as for its author. `from`: who stores it here.
  PutError put(Instant now, UnixTime unix_now, const Key& key, const Record& record,
               std::optional<std::uint64_t> cas, std::optional<std::uint64_t> left = std::nullopt,
               const NodeId& from = {});
  // Alive ones under this key: of this kind; newest sequence first.
  [[nodiscard]] std::vector<const Stored*> find(Instant now, const Key& key, RecordKind kind) const;
  [[nodiscard]] bool holds(const Key& key) const;
  void expire(Instant now);
  // The one whose repair was due first, if that was before `limit`.
  Stored* due_for_repair(Instant limit);
  [[nodiscard]] const std::vector<std::unique_ptr<Stored>>& all() const { return records_; }
  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] std::size_t bytes() const { return rooms_[0].all.bytes + rooms_[1].all.bytes; }
  void check_invariants() const;

 private:
  using Iterator = std::vector<std::unique_ptr<Stored>>::iterator;
  struct Held {
    std::size_t count = 0;
    std::size_t bytes = 0;
  };
  struct Room {
    Held all;
    std::map<std::uint64_t, Held> by;  // who it is charged to
  };
  bool make_room(const Stored& fresh);
  [[nodiscard]] Held limit_of(bool presence) const;
  [[nodiscard]] bool over_share(const Room& room, std::uint64_t who, const Held& share) const;
  void charge(const Stored& stored);
  void discharge(const Stored& stored);
  void erase(Iterator place);

  const Config& config_;
  NodeId self_;
  std::array<Room, 2> rooms_;                     // values, presence
  Instant next_expiry_ = Instant::max();          // nothing expires before
  std::vector<std::unique_ptr<Stored>> records_;  // by key, then author
};

}  // namespace weft::dht
