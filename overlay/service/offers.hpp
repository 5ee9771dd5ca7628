// What the members of a network let this node use: the lines they told (ServicesAre), and how a
// connection of ours to one fared since. A member's lines are kept when it goes away, so that
// people see what is missing.
//
// Invariants
//  1. The lines of members that are away are kMaxAwayLines at most; what the longest away offered
//     goes first. Of members that are here: kMaxServicesPerMessage each.
//  2. The ages in the lines of one member count from one moment, `told`.
//  3. Lines of a member without the right to expose are kept and count for nothing, because the
//     right may come later than they do and nobody says them twice: who reads asks may_expose().
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/identity.hpp"
#include "overlay/service/service_line.hpp"
#include "overlay/service/stream_open.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxAwayLines = 8192;  // some 1 MB

struct Offer {
  std::vector<ServiceLine> lines;
  Instant told{};
  UnixTime away_since = 0;       // 0: here
  std::uint64_t unlicensed = 0;  // times it offered without the right to expose
};

class Offers {
 public:
  // Replaces what this member offered. True: for the first time it did so without the right.
  bool take(Instant now, const NodeId& peer, std::vector<ServiceLine> lines, bool licensed);
  void came(const NodeId& peer);
  void went(const NodeId& peer, UnixTime since);
  void forget(const NodeId& peer) { offers_.erase(peer); }
  // A connection of ours to that service was answered so, which is news about its target.
  void answered(Instant now, const NodeId& peer, const std::string& service, OpenStatus status);

  // Members whose offers changed, as far as anybody waits for it: a service that came or went, or
  // whose target works or does not any more.
  std::optional<NodeId> poll_changed();

  [[nodiscard]] const ServiceLine* line(const NodeId& peer, const std::string& service) const;
  [[nodiscard]] UnixTime away_since(const NodeId& peer) const;  // 0: here, or never heard
  [[nodiscard]] const std::map<NodeId, Offer>& all() const { return offers_; }

 private:
  std::map<NodeId, Offer> offers_;
  std::set<NodeId> changed_;
};

}  // namespace weft::service
