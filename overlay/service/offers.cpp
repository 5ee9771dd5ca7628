#include "overlay/service/offers.hpp"

#include <algorithm>

namespace weft::service {

namespace {

// But for the time when a target was tried last.
bool same_offer(const ServiceLine& a, const ServiceLine& b) {
  return a.name == b.name && a.protocol == b.protocol && a.port == b.port &&
         is_bad(a.health) == is_bad(b.health);
}

}  // namespace

bool Offers::take(Instant now, const NodeId& peer, std::vector<ServiceLine> lines, bool licensed) {
  Offer& offer = offers_[peer];
  const bool offers = !lines.empty();
  if (!std::ranges::equal(offer.lines, lines, same_offer)) changed_.insert(peer);
  offer.lines = std::move(lines);
  offer.told = now;
  offer.away_since = 0;
  if (licensed) {
    offer.unlicensed = 0;
    return false;
  }
  return offers && ++offer.unlicensed == 1;
}

void Offers::came(const NodeId& peer) {
  if (const auto known = offers_.find(peer); known != offers_.end()) known->second.away_since = 0;
}

void Offers::went(const NodeId& peer, UnixTime since) {
  auto& away = offers_[peer].away_since;
  if (away == 0) away = since;
  for (;;) {
    std::size_t lines = 0;
    Offer* oldest = nullptr;
    for (auto& [id, offer] : offers_) {
      if (offer.away_since == 0 || offer.lines.empty()) continue;
      lines += offer.lines.size();
      if (oldest == nullptr || offer.away_since < oldest->away_since) oldest = &offer;
    }
    if (lines <= kMaxAwayLines) return;
    oldest->lines.clear();
  }
}

void Offers::answered(Instant now, const NodeId& peer, const std::string& service,
                      OpenStatus status) {
  if (line(peer, service) == nullptr) return;
  Health health = Health::Ok;
  if (status == OpenStatus::TargetRefused) health = Health::Refused;
  if (status == OpenStatus::TargetUnreachable) health = Health::NoAnswer;
  if (health == Health::Ok && status != OpenStatus::Ok) return;
  Offer& offer = offers_.at(peer);
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - offer.told).count();
  for (auto& one : offer.lines) one.health_age_s += static_cast<std::uint64_t>(passed);
  offer.told += std::chrono::seconds(passed);
  const auto news = std::ranges::find(offer.lines, service, &ServiceLine::name);
  if (is_bad(news->health) != is_bad(health)) changed_.insert(peer);
  news->health = health;
  news->health_age_s = 0;
}

std::optional<NodeId> Offers::poll_changed() {
  if (changed_.empty()) return std::nullopt;
  return changed_.extract(changed_.begin()).value();
}

const ServiceLine* Offers::line(const NodeId& peer, const std::string& service) const {
  const auto offer = offers_.find(peer);
  if (offer == offers_.end()) return nullptr;
  const auto line = std::ranges::find(offer->second.lines, service, &ServiceLine::name);
  return line == offer->second.lines.end() ? nullptr : &*line;
}

UnixTime Offers::away_since(const NodeId& peer) const {
  const auto offer = offers_.find(peer);
  return offer == offers_.end() ? 0 : offer->second.away_since;
}

}  // namespace weft::service
