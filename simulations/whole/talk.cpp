#include "simulations/whole/talk.hpp"

#include <algorithm>

namespace weft::sim {

void Talk::subscribed(Instant now, std::uint32_t node, bool fresh) {
  listeners_[node].since = now;
  if (fresh) listeners_[node].last.clear();
}

void Talk::stopped(std::uint32_t node) {
  listeners_[node].since.reset();
  for (auto& [number, open] : open_) {
    if (!open.awaited[node]) continue;
    open.awaited[node] = false;
    --open.missing;
  }
}

std::uint64_t Talk::publish(Instant now, std::uint32_t node) {
  Open open{node, now, std::nullopt, deaths_, std::vector<bool>(nodes_), 0};
  for (std::uint32_t to = 0; to < nodes_; ++to) {
    const auto& since = listeners_[to].since;
    if (!since || now - *since < kListensAfter) continue;
    open.awaited[to] = true;
    ++open.missing;
  }
  open_.emplace(++last_number_, std::move(open));
  return last_number_;
}

std::optional<Instant> Talk::answered(Instant now, std::uint64_t number, bool held) {
  const auto at = open_.find(number);
  if (at == open_.end()) return std::nullopt;
  const Instant published = at->second.published;
  if (!held) {  // nothing was promised; it may come all the same
    open_.erase(at);
    return published;
  }
  at->second.held = now;
  if (at->second.missing == 0) complete(now, at);
  return published;
}

void Talk::complete(Instant now, std::map<std::uint64_t, Open>::iterator at) {
  laws_.check(Law::HeldArrives, now, true, [] { return std::string(); });
  open_.erase(at);
}

std::optional<Talk::Came> Talk::taken(Instant now, std::uint32_t node, const std::string& name,
                                      const MessageTaken& message) {
  ++delivered_;
  missed_ += message.missed;
  auto& last = listeners_[node].last[message.publisher];
  const std::pair place(message.epoch, message.sequence);
  laws_.check(Law::MessagesOnce, now, place > last, [&] {
    return name + " got message " + std::to_string(message.number) +
           (place == last ? " twice" : " after a later one of its publisher");
  });
  last = std::max(last, place);
  const auto at = open_.find(message.number);
  if (at == open_.end() || !at->second.awaited[node]) return std::nullopt;
  Open& open = at->second;
  const std::size_t stride = std::max<std::size_t>(1, nodes_ / 32);
  const Came came{open.published, (node + message.number) % stride == 0 && node != open.publisher};
  open.awaited[node] = false;
  if (--open.missing == 0 && open.held) complete(now, at);
  return came;
}

void Talk::check(Instant now, Instant disturbed, const std::function<bool(std::uint32_t)>& hears) {
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    const bool off = deaths_ - open.deaths > kMostDeaths;
    const bool due =
        open.held && now - std::max({*open.held, open.published, disturbed}) >= settle_;
    for (std::uint32_t node = 0; due && !off && node < nodes_; ++node) {
      if (!open.awaited[node] || !hears(node)) continue;
      open.awaited[node] = false;
      --open.missing;
      laws_.check(Law::HeldArrives, now, false, [&] {
        return "message " + std::to_string(at->first) + " of n" + std::to_string(open.publisher) +
               ", held since second " + std::to_string(open.held->time_since_epoch() / 1s) +
               ", never came to n" + std::to_string(node);
      });
    }
    at = off || (due && open.missing == 0) ? open_.erase(at) : std::next(at);
  }
}

}  // namespace weft::sim
