// The retained value of each topic, as far as this member holds it: the newest by (stamp,
// publisher), proven by its publisher's signature, so members that compare what they hold come to
// the same.
//
// Limits: kMaxRetained topics and kMaxRetainedBytes; one publisher at most a quarter of what the
// others leave. What does not fit is refused. An empty payload is a value too: it says that there
// is none, and takes its place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "overlay/broker/batch.hpp"
#include "overlay/broker/frame.hpp"

namespace weft::broker {

inline constexpr std::size_t kMaxRetained = 4096;
inline constexpr std::size_t kMaxRetainedBytes = 16u << 20;

[[nodiscard]] std::uint64_t topic_hash(std::string_view topic);

class Retained {
 public:
  enum class Take : std::uint8_t { Newer, Older, Full };
  // REQUIRES: retain is set.
  [[nodiscard]] Take look(const Batch& batch) const;
  Take put(const BatchPtr& batch);  // REQUIRES: verified

  void drop(const std::function<bool(const Batch&)>& which);

  [[nodiscard]] std::vector<BatchPtr> matching(std::string_view pattern) const;
  // The same here and there: the same values.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  // Everything, cut into frames.
  [[nodiscard]] std::vector<Kept> summary() const;
  // What the sender of this has not, or has older.
  [[nodiscard]] std::vector<BatchPtr> beyond(const Kept& theirs) const;
  [[nodiscard]] std::size_t size() const { return by_topic_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::map<std::string, BatchPtr, std::less<>>& all() const {
    return by_topic_;
  }

 private:
  void count(const Batch& batch, bool add);

  std::map<std::string, BatchPtr, std::less<>> by_topic_;
  std::multimap<std::uint64_t, BatchPtr> by_hash_;
  std::map<NodeId, std::pair<std::size_t, std::size_t>> used_;  // topics and bytes
  std::size_t bytes_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace weft::broker
