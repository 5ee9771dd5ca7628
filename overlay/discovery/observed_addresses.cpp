#include "overlay/discovery/observed_addresses.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace weft::discovery {

bool ObservedAddresses::note(Instant now, const NodeId& by, const Endpoint& endpoint) {
  if (endpoint.port == 0 || endpoint.is_unspecified()) return false;
  std::erase_if(sayings_, [&](const Saying& s) { return s.by == by; });
  if (sayings_.size() >= kObservers)
    sayings_.erase(std::ranges::min_element(sayings_, {}, &Saying::at));
  sayings_.push_back({by, endpoint, now});
  return count_again();
}

void ObservedAddresses::set_own(std::vector<Endpoint> own) {
  own_ = std::move(own);
  sayings_.clear();
  candidates_.clear();
}

bool ObservedAddresses::expire(Instant now) {
  const auto old = std::erase_if(sayings_, [&](const Saying& s) { return now - s.at > kFresh; });
  return old > 0 && count_again();
}

bool ObservedAddresses::untranslated() const {
  return std::ranges::any_of(
      sayings_, [&](const Saying& s) { return std::ranges::find(own_, s.endpoint) != own_.end(); });
}

bool ObservedAddresses::count_again() {
  std::map<Endpoint, std::size_t> votes;
  for (const Saying& s : sayings_)
    if (std::ranges::find(own_, s.endpoint) == own_.end()) ++votes[s.endpoint];
  std::vector<std::pair<std::size_t, Endpoint>> order;
  for (const auto& [endpoint, count] : votes)
    if (count >= kEnough) order.emplace_back(count, endpoint);
  std::ranges::sort(order, [](const auto& a, const auto& b) {  // most votes first, then by address
    return std::tie(b.first, a.second) < std::tie(a.first, b.second);
  });
  std::vector<Endpoint> next;
  for (const auto& [count, endpoint] : order)
    if (next.size() < kMost) next.push_back(endpoint);
  return std::exchange(candidates_, next) != next;
}

}  // namespace weft::discovery
