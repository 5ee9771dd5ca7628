#include "overlay/discovery/searcher.hpp"

#include <algorithm>
#include <set>

namespace weft::discovery {

void Searcher::set_sought(Instant now, const std::vector<NodeId>& nodes) {
  const std::set<NodeId> sought(nodes.begin(), nodes.end());
  std::erase_if(searches_, [&](const auto& entry) { return !sought.contains(entry.first); });
  for (const NodeId& node : sought)
    if (searches_.size() < kMost)
      searches_.try_emplace(node, Search{dht::LookupId::None, now + kFirst, kFirst});
}

std::optional<NodeId> Searcher::due(Instant now) const {
  if (running() >= kAtOnce) return std::nullopt;
  const auto found = std::ranges::find_if(searches_, [&](const auto& entry) {
    return entry.second.lookup == dht::LookupId::None && entry.second.next <= now;
  });
  return found == searches_.end() ? std::nullopt : std::optional(found->first);
}

void Searcher::started(Instant now, const NodeId& node, dht::LookupId lookup) {
  const auto found = searches_.find(node);
  if (found == searches_.end()) return;
  Search& search = found->second;
  search.pause = std::min<Duration>(search.pause * 2, kMaxPause);
  search.next = now + search.pause;
  search.lookup = lookup;
}

void Searcher::ended(dht::LookupId lookup) {
  for (auto& [node, search] : searches_)
    if (search.lookup == lookup) search.lookup = dht::LookupId::None;
}

bool Searcher::runs(dht::LookupId lookup) const {
  return lookup != dht::LookupId::None &&
         std::ranges::any_of(searches_, [&](const auto& s) { return s.second.lookup == lookup; });
}

std::size_t Searcher::running() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      searches_, [](const auto& s) { return s.second.lookup != dht::LookupId::None; }));
}

std::optional<Instant> Searcher::poll_timeout() const {
  std::optional<Instant> next;
  if (running() >= kAtOnce) return next;
  for (const auto& [node, search] : searches_)
    if (search.lookup == dht::LookupId::None && (!next || search.next < *next)) next = search.next;
  return next;
}

}  // namespace weft::discovery
