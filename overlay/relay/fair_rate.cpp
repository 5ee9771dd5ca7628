#include "overlay/relay/fair_rate.hpp"

#include <algorithm>

namespace weft::relay {

void FairRate::note_active(Instant now, Client& client) {
  const std::int64_t second = now.time_since_epoch() / Duration(1s);
  if (second != second_) {
    const bool next = second == second_ + 1;
    before_ = next ? here_ : 0;
    bytes_before_ = next ? bytes_here_ : 0;
    here_ = 0;
    bytes_here_ = 0;
    second_ = second;
  }
  if (client.second == second) return;
  client.second = second;
  ++here_;
}

void FairRate::adjust(Instant now) {
  if (now - adjusted_ < kAdjust) return;
  adjusted_ = now;
  const bool ahead = whole_ - now > kReckoned / 4;
  divisor_ = std::clamp(ahead ? divisor_ * 1.2 : divisor_ / 1.1, 1.0, 65536.0);
}

bool FairRate::take(Instant now, Client& client, std::size_t bytes) {
  note_active(now, client);
  bytes_here_ += bytes;
  if (rate_ == 0) return true;
  adjust(now);
  const Duration cost(static_cast<std::int64_t>(bytes * 1'000'000'000ull / rate_));
  const Duration own = cost * std::max<std::int64_t>(1, active());
  whole_ = std::max(whole_, now);
  client.own = std::max(client.own, now);
  const bool fits = client.own == now || client.own + own - now <= kReckoned;
  if (fits && whole_ - now <= kMost) {
    client.own += own;
    whole_ += cost;
    return true;
  }
  const Duration more(static_cast<std::int64_t>(static_cast<double>(cost.count()) * divisor_));
  client.more = std::max(client.more, now);
  const bool first = client.more == now;
  if (whole_ + cost - now > kReckoned / 2 || (!first && client.more + more - now > kReckoned))
    return false;
  client.more += more;
  whole_ += cost;
  return true;
}

std::uint32_t FairRate::load_permille(Instant now) const {
  if (rate_ == 0) return 0;
  const std::int64_t age = now.time_since_epoch() / Duration(1s) - second_;
  const std::uint64_t bytes = age == 0   ? std::max(bytes_before_, bytes_here_)
                              : age == 1 ? bytes_here_
                                         : 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(1000, bytes * 1000 / rate_));
}

}  // namespace weft::relay
