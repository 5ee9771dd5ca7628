// Whom to look up in the DHT, and when: members that a session is wished for and that have none.
// First after kFirst, because the addresses known are tried meanwhile, then with pauses that double
// up to kMaxPause; at most kAtOnce at a time.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "dht/dht.hpp"

namespace weft::discovery {

class Searcher {
 public:
  static constexpr Duration kFirst = 1s;
  static constexpr Duration kMaxPause = 5min;
  static constexpr std::size_t kAtOnce = 8;
  static constexpr std::size_t kMost = 4096;  // members that are sought

  // Who is sought now. Who is not any more is forgotten.
  void set_sought(Instant now, const std::vector<NodeId>& nodes);
  // The next one whose time has come, if another lookup may run. The caller starts it and says so.
  [[nodiscard]] std::optional<NodeId> due(Instant now) const;
  void started(Instant now, const NodeId& node, dht::LookupId lookup);
  void ended(dht::LookupId lookup);
  // Our own address changed: where we are now, they may be found again.
  void begin_anew() { searches_.clear(); }

  [[nodiscard]] bool runs(dht::LookupId lookup) const;
  [[nodiscard]] std::size_t size() const { return searches_.size(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

 private:
  struct Search {
    dht::LookupId lookup = dht::LookupId::None;
    Instant next{};
    Duration pause{};
  };
  [[nodiscard]] std::size_t running() const;

  std::map<NodeId, Search> searches_;
};

}  // namespace weft::discovery
