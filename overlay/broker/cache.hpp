// The batches of the last while, for members that missed some and for subscribers that ask for the
// last few. In memory; the oldest go first, and a publisher that takes more than its share loses
// its own oldest.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <tuple>
#include <vector>

#include "overlay/broker/batch.hpp"

namespace weft::broker {

inline constexpr std::size_t kCacheBytes = 32u << 20;
inline constexpr std::size_t kCacheBatches = 32'768;

class Cache {
 public:
  explicit Cache(std::size_t bytes = kCacheBytes, std::size_t batches = kCacheBatches)
      : max_bytes_(bytes), max_batches_(batches) {}

  void add(const BatchPtr& batch);
  [[nodiscard]] bool contains(const Batch& batch) const;
  // In order, those that hold any of these numbers; at most `limit` bytes, at least one if there is
  // any.
  [[nodiscard]] std::vector<BatchPtr> range(const NodeId& publisher, std::uint64_t epoch,
                                            std::uint64_t from, std::uint64_t to,
                                            std::size_t limit) const;
  // Up to where it holds everything from there on; from - 1: not even that.
  [[nodiscard]] std::uint64_t whole_to(const NodeId& publisher, std::uint64_t epoch,
                                       std::uint64_t from) const;
  // The newest `count` whose topic matches one of the patterns, oldest first.
  [[nodiscard]] std::vector<Placed> last(const std::vector<std::string>& patterns,
                                         std::size_t count) const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return batches_.size(); }

 private:
  using Key = std::tuple<NodeId, std::uint64_t, std::uint64_t>;  // publisher, epoch, first
  void drop(std::map<Key, BatchPtr>::iterator at);
  void drop_oldest_of(const NodeId& publisher);

  std::size_t max_bytes_;
  std::size_t max_batches_;
  std::map<Key, BatchPtr> batches_;
  std::deque<Key> order_;  // as they came; may name some that are gone
  std::map<NodeId, std::pair<std::size_t, std::size_t>> used_;  // bytes and batches
  std::size_t bytes_ = 0;
};

}  // namespace weft::broker
