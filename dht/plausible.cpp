#include "dht/plausible.hpp"

#include <algorithm>

namespace weft::dht {

namespace {

// Sixteenths. The n-th node lies no farther than this where n nodes should: an honest server's does
// in 98 of 100 cases, though the estimate that it is measured by rests on 20 nodes only.
constexpr std::uint64_t kBase = 45;
constexpr std::uint64_t kEach = 30;
constexpr std::uint64_t kAbsurd = 3;  // so many times too far: no server with a table names that

}  // namespace

std::uint64_t Density::within(const Distance& distance) const {
  return (nodes_ * (distance.word(0) >> 32)) >> 28;
}

Verdict Density::judge(const NodeId& target, const Testimony& testimony) const {
  if (nodes_ <= k_) return Verdict::Believed;
  if (testimony.named == 0) return Verdict::Doubted;
  // So many nodes are nearer to the target than the teller's own range of it ends. A server knows
  // all of a few; of many it may hold k / 2, below that it asks around.
  const auto shared =
      static_cast<std::size_t>(std::min(common_prefix(testimony.teller, target), 62));
  const std::uint64_t range = nodes_ >> (shared + 1);
  const std::uint64_t sparse = range <= k_ ? 16 : range * 32 / k_;
  const std::uint64_t most = (kBase + kEach * testimony.named) * sparse / 16;
  const std::uint64_t seen = within(testimony.last);
  if (seen <= most) return Verdict::Believed;
  return seen > kAbsurd * most ? Verdict::Absurd : Verdict::Doubted;
}

}  // namespace weft::dht
