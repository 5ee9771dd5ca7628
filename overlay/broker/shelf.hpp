// What this member keeps on its disk of messages whose publisher asked for it, and the rows that
// say so. Keys of the table "message":
//
//   'e'                                  our last epoch, u64
//   'm' | publisher 32 | epoch | first   a batch
//   'r' | topic                          the batch of a retained value
//
// Limits: kShelfBytes and kShelfBatches; the oldest (by stamp) go first. Retained values stay, as
// their own table bounds them (retained.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "overlay/broker/batch.hpp"

namespace weft::broker {

inline constexpr std::size_t kShelfBytes = 64u << 20;
inline constexpr std::size_t kShelfBatches = 65'536;

struct DiskRow {
  Bytes key;
  std::optional<Bytes> value;  // nullopt deletes
};

class Shelf {
 public:
  static constexpr std::uint8_t kEpoch = 'e';
  static constexpr std::uint8_t kBatch = 'm';
  static constexpr std::uint8_t kRetained = 'r';

  // Rows that keep this batch, and drop what is too much. Empty: it is kept already.
  [[nodiscard]] std::vector<DiskRow> add(const Batch& batch);
  // The disk refused it.
  void failed(const Batch& batch);
  // At a start.
  void loaded(const Batch& batch);
  [[nodiscard]] bool contains(const Batch& batch) const;
  [[nodiscard]] bool keeps_topic(const std::string& topic) const { return topics_.contains(topic); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return by_age_.size(); }

 private:
  void enter(const Batch& batch);

  std::map<std::pair<std::uint64_t, Bytes>, std::size_t> by_age_;  // (stamp, key) -> size
  std::set<Bytes> keys_;
  std::map<std::string, std::pair<std::uint64_t, NodeId>, std::less<>> topics_;
  std::size_t bytes_ = 0;
};

[[nodiscard]] DiskRow epoch_row(std::uint64_t epoch);

}  // namespace weft::broker
