#include "overlay/peers/pings.hpp"

#include <algorithm>

namespace weft::overlay {

bool Pings::add(CommandId id, const NodeId& peer, Instant deadline) {
  if (pings_.size() >= kMaxPings) return false;
  pings_.emplace(id, Ping{peer, deadline, 0, 0, {}});
  return true;
}

std::vector<Pings::Due> Pings::start(Instant now, const NodeId& peer, session::SessionId session) {
  std::vector<Due> due;
  for (auto& [id, ping] : pings_) {
    if (ping.peer != peer || ping.session != 0) continue;
    ping.session = session;
    ping.sequence = ++last_;
    ping.sent = now;
    due.push_back({session, ping.sequence});
  }
  return due;
}

std::optional<Pings::Answered> Pings::answer(Instant now, session::SessionId session,
                                             std::uint64_t sequence) {
  const auto at = std::ranges::find_if(pings_, [&](const auto& entry) {
    return entry.second.session == session && session != 0 && entry.second.sequence == sequence;
  });
  if (at == pings_.end()) return std::nullopt;
  const Answered answered{at->first, now - at->second.sent};
  pings_.erase(at);
  return answered;
}

template <class Which>
std::vector<Pings::Ended> Pings::take(const Which& which) {
  std::vector<Ended> ended;
  std::erase_if(pings_, [&](const auto& entry) {
    if (!which(entry.second)) return false;
    ended.push_back({entry.first, entry.second.peer, entry.second.session != 0});
    return true;
  });
  return ended;
}

std::vector<Pings::Ended> Pings::session_down(session::SessionId session) {
  return take([&](const Ping& ping) { return ping.session == session; });
}

std::vector<Pings::Ended> Pings::expire(Instant now) {
  return take([&](const Ping& ping) { return ping.deadline <= now; });
}

std::vector<Pings::Ended> Pings::drop(const NodeId& peer) {
  return take([&](const Ping& ping) { return ping.peer == peer && ping.session == 0; });
}

std::optional<Instant> Pings::poll_timeout() const {
  std::optional<Instant> earliest;
  for (const auto& [id, ping] : pings_)
    if (!earliest || ping.deadline < *earliest) earliest = ping.deadline;
  return earliest;
}

}  // namespace weft::overlay
