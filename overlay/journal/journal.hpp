// Rows on their way to the disk, of all networks of this node. A disk that refuses some (full, or
// failing) must neither lose what was said to work nor end up with a mixture that no moment ever
// had.
//
// Invariants
//  1. One batch with roster rows is on its way at a time, in the order they were asked for: the
//     chain on the disk has no gap, whatever the disk refuses.
//  2. Rows that were refused are kept, the newest of each key, kMaxUnsaved at most, and tried again
//     after kRetryStore; those of Again::Never are given up.
//  3. Each continuation is handed out exactly once: with how it went, or when its network goes.
//  4. Rows of trust that were refused go first, in the transaction of the next roster rows.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/fields.hpp"
#include "overlay/part.hpp"

namespace weft::overlay {

inline constexpr Duration kRetryStore = 5s;
inline constexpr std::size_t kMaxUnsaved = 65536;

struct JournalCounters {
  std::uint64_t refused = 0;   // batches that the disk did not take
  std::uint64_t given_up = 0;  // rows that found no room to wait

  static constexpr auto fields() {
    return std::tuple{
        field("refused", "batches", "that the disk did not take", &JournalCounters::refused),
        field("given_up", "rows", "refused by the disk, without room to wait",
              &JournalCounters::given_up)};
  }
};
static_assert(lists_all_fields<JournalCounters>());

class Journal {
 public:
  // What the disk's answer to one batch means. `then` is to be run by the caller, with `result`.
  struct Settled {
    Then then;
    Result<void> result;
    // The rosters of these networks are on the disk, all of them, and were not before.
    std::vector<NetworkId> whole;
  };

  // `owner`: the network whose part asks. Nothing to store is an error of the caller.
  void store(const NetworkId& owner, Store store);
  // Batches for the disk, in order.
  [[nodiscard]] std::optional<Persist> poll_persist();
  // The disk's answer to poll_persist()'s `id`; nothing for an id that is not under way.
  [[nodiscard]] std::optional<Settled> persisted(Instant now, std::uint64_t id,
                                                 const Result<void>& result);
  // That network goes away: its rows are still written, nobody waits for them. Its continuations,
  // to be run with an error.
  [[nodiscard]] std::vector<Then> forget(const NetworkId& owner);

  // Somebody of that network still waits for the disk.
  [[nodiscard]] bool awaited(const NetworkId& owner) const;

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return retry_at_; }

  // Roster entries of that network which the disk does not have yet: nobody is told of them.
  [[nodiscard]] bool roster_unstored(const NetworkId& network) const;
  // The disk's last refusal, while what it refused is not stored.
  [[nodiscard]] const std::optional<std::string>& trouble() const { return trouble_; }
  [[nodiscard]] std::size_t unsaved() const { return unsaved_.size(); }
  [[nodiscard]] const JournalCounters& counters() const { return counters_; }

 private:
  struct Batch {
    NetworkId owner;
    std::vector<Row> rows;
    Then then;
    Again again = Again::UntilStored;
    bool roster = false;
  };
  using RowKey = std::tuple<Table, NetworkId, Bytes>;

  void emit(std::uint64_t id);
  void keep_unsaved(std::uint64_t id, std::vector<Row> rows);
  [[nodiscard]] bool newer_under_way(std::uint64_t id, const Row& row) const;

  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Batch> batches_;
  std::deque<std::uint64_t> ready_;  // to be polled
  std::optional<std::uint64_t> roster_write_;
  std::deque<std::uint64_t> roster_held_;
  std::map<RowKey, Row> unsaved_;
  std::optional<Instant> retry_at_;
  std::optional<std::string> trouble_;
  JournalCounters counters_;
};

}  // namespace weft::overlay
