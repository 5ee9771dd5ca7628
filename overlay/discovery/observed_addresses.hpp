// Where others see us: what members say in Hello and in answers of the DHT. One may lie or sit
// behind the same NAT as we do, so an address counts once kEnough members name it.
//
// Invariants
// 1. A member has one say at a time, its last; at most kObservers members are kept, who spoke
//    longest ago gives way.
// 2. What was said before our own addresses changed, or longer ago than kFresh, counts no more.
#pragma once

#include <vector>

#include "base/endpoint.hpp"
#include "base/node_id.hpp"
#include "base/time.hpp"

namespace weft::discovery {

class ObservedAddresses {
 public:
  static constexpr std::size_t kObservers = 32;
  static constexpr std::size_t kEnough = 2;
  static constexpr std::size_t kMost = 2;  // candidates told: our NAT has few
  static constexpr Duration kFresh = 30min;

  // True: candidates() is another list now.
  bool note(Instant now, const NodeId& by, const Endpoint& endpoint);
  // Our own addresses: what is said anew is no news if it is one of these. Forgets what was said.
  void set_own(std::vector<Endpoint> own);
  // True: candidates() is another list now.
  bool expire(Instant now);

  // Addresses that are not ours and that enough members name, by how many do; at most kMost.
  [[nodiscard]] const std::vector<Endpoint>& candidates() const { return candidates_; }
  // Somebody sees us at one of our own addresses: nothing translates between.
  [[nodiscard]] bool untranslated() const;

 private:
  struct Saying {
    NodeId by;
    Endpoint endpoint;
    Instant at{};
  };
  bool count_again();

  std::vector<Endpoint> own_;
  std::vector<Saying> sayings_;
  std::vector<Endpoint> candidates_;
};

}  // namespace weft::discovery
