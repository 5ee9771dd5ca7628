#include "overlay/service/health.hpp"

#include <algorithm>
#include <utility>

namespace weft::service {

void HealthTable::saw(Instant now, const std::string& service, Health health,
                      std::string_view detail) {
  TargetHealth& known = targets_[service];
  if (known.health != health) news_ = true;
  known.health = health;
  known.at = now;
  known.detail = detail;
  known.probe_at = is_bad(health) ? std::optional(now + kProbePause) : std::nullopt;
}

void HealthTable::look_if_bad(Instant now, const std::string& service) {
  if (const auto known = targets_.find(service);
      known != targets_.end() && is_bad(known->second.health))
    known->second.probe_at = now;
}

void HealthTable::rules_changed() {
  for (auto& [service, known] : targets_)
    if (is_bad(known.health) && !known.probe_at) known.probe_at = known.at + kProbePause;
}

std::vector<std::string> HealthTable::due(Instant now, const AccessTable& access) {
  std::vector<std::string> out;
  auto busy = under_way();
  for (auto& [service, known] : targets_) {
    if (busy >= kMaxProbes) break;
    if (known.probing || !known.probe_at || *known.probe_at > now) continue;
    known.probe_at.reset();
    if (is_bad(known.health) && !access.lets_in_somebody(service)) continue;
    known.probing = true;
    ++busy;
    out.push_back(service);
  }
  return out;
}

bool HealthTable::ended(const std::string& service) {
  const auto known = targets_.find(service);
  return known != targets_.end() && std::exchange(known->second.probing, false);
}

bool HealthTable::take_news(Instant now) {
  if (!news_ || now < next_news_) return false;
  news_ = false;
  next_news_ = now + kNewsPause;
  return true;
}

std::optional<Instant> HealthTable::poll_timeout() const {
  std::optional<Instant> earliest;
  if (news_) earliest = next_news_;
  if (under_way() >= kMaxProbes) return earliest;  // ended() makes room
  for (const auto& [service, known] : targets_)
    if (known.probe_at && !known.probing && (!earliest || *known.probe_at < *earliest))
      earliest = known.probe_at;
  return earliest;
}

const TargetHealth* HealthTable::find(const std::string& service) const {
  const auto known = targets_.find(service);
  return known == targets_.end() ? nullptr : &known->second;
}

std::size_t HealthTable::under_way() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(targets_, [](const auto& entry) { return entry.second.probing; }));
}

}  // namespace weft::service
