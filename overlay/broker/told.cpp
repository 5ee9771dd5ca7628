#include "overlay/broker/told.hpp"

#include <algorithm>

#include "overlay/broker/topic.hpp"

namespace weft::broker {

namespace {

bool wanted(const std::vector<std::string>& patterns, const Placed& placed) {
  return std::ranges::any_of(
      patterns, [&](const auto& pattern) { return matches(pattern, placed.message().topic); });
}

}  // namespace

Placed Told::tell(const NodeId& self, std::uint64_t stamp, const Telling& what) {
  auto batch = std::make_shared<Batch>();
  batch->publisher = self;
  batch->first = ++number_;
  batch->stamp = stamp;
  batch->messages.push_back({what.topic, to_bytes(bytes_of(what.payload))});
  const Placed placed{std::move(batch), 0};
  recent_.push_back(placed);
  if (recent_.size() > kMaxRecent) recent_.pop_front();
  if (!what.ends.empty())
    standing_.erase({what.ends, what.subject});
  else if (!what.subject.empty() && standing_.size() < kMaxStanding)
    standing_.insert_or_assign({what.topic, what.subject}, placed);
  return placed;
}

std::vector<Placed> Told::standing(const std::vector<std::string>& patterns) const {
  std::vector<Placed> out;
  for (const auto& [key, placed] : standing_)
    if (wanted(patterns, placed)) out.push_back(placed);
  return out;
}

std::vector<Placed> Told::last(const std::vector<std::string>& patterns, std::size_t count) const {
  std::vector<Placed> out;
  for (auto at = recent_.rbegin(); at != recent_.rend() && out.size() < count; ++at)
    if (wanted(patterns, *at)) out.push_back(*at);
  std::ranges::reverse(out);
  return out;
}

}  // namespace weft::broker
