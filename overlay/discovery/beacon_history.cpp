#include "overlay/discovery/beacon_history.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace weft::discovery {

namespace {

bool holds(const std::vector<Endpoint>& endpoints, const Endpoint& endpoint) {
  return std::ranges::find(endpoints, endpoint) != endpoints.end();
}

}  // namespace

BeaconHistory::Verdict BeaconHistory::take(Instant now, const IdentityKey& member, UnixTime sent,
                                           const Endpoint& from) {
  Member& known = member_of(now, member);
  if (sent < known.sent) return {};
  if (sent > known.sent) {
    known.sent = sent;
    known.before = std::exchange(known.sources, {});
  }
  if (holds(known.sources, from)) return {.counts = true, .fresh = false};
  if (known.sources.size() >= kSources) return {};
  known.sources.push_back(from);
  known.heard = now;
  return {.counts = true, .fresh = !holds(known.before, from)};
}

BeaconHistory::Member& BeaconHistory::member_of(Instant now, const IdentityKey& identity) {
  const auto at = std::ranges::find(members_, identity, &Member::identity);
  const Member unheard{identity, std::numeric_limits<UnixTime>::min(), now, {}, {}};
  if (at != members_.end()) {
    if (now - at->heard > kForget) *at = unheard;
    return *at;
  }
  if (members_.size() < kMembers) return members_.emplace_back(unheard);
  return *std::ranges::min_element(members_, {}, &Member::heard) = unheard;
}

}  // namespace weft::discovery
