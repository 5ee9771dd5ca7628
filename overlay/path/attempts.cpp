#include "overlay/path/attempts.hpp"

#include <algorithm>

namespace weft::path {

std::string_view name_of(TryResult result) {
  switch (result) {
    case TryResult::Worked:
      return "worked";
    case TryResult::NoAnswer:
      return "no answer";
    case TryResult::Refused:
      return "refused";
    case TryResult::Failed:
      return "failed";
  }
  return "failed";
}

void Attempts::note(Instant now, const NodeId& member, const Address& where, TryResult result,
                    std::string_view detail) {
  if (members_.size() >= kMostMembers && !members_.contains(member)) {
    const auto oldest =
        std::ranges::min_element(members_, {}, [](const auto& entry) { return entry.second.at; });
    members_.erase(oldest);
  }
  Member& known = members_[member];
  known.at = now;
  Attempt next{where, result, std::string(detail.substr(0, kMostDetail)), now, 1};
  const auto before = std::ranges::find(known.ways, where, &Attempt::where);
  if (before != known.ways.end()) {
    if (before->result == result) next.times = before->times + 1;
    known.ways.erase(before);
  } else if (known.ways.size() >= kMostWays) {
    known.ways.erase(known.ways.begin());
  }
  known.ways.push_back(std::move(next));
}

std::vector<Attempt> Attempts::of(const NodeId& member) const {
  const auto at = members_.find(member);
  if (at == members_.end()) return {};
  return {at->second.ways.rbegin(), at->second.ways.rend()};
}

}  // namespace weft::path
