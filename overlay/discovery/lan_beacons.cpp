#include "overlay/discovery/lan_beacons.hpp"

#include <algorithm>
#include <array>

namespace weft::discovery {

void LanBeacons::announce(Instant now, const LanIdentity& self) {
  self_ = self;
  sent_ = 0;
  next_ = now;
  history_.clear();  // whoever is here is to be answered once more
}

std::optional<Bytes> LanBeacons::poll_beacon(Instant now, UnixTime wall, Rng& rng) {
  if (!self_ || now < next_) return std::nullopt;
  static constexpr std::array<Duration, 2> kFirst{1s, 2s};
  last_sent_ = now;
  next_ = now + (sent_ < kFirst.size() ? kFirst[sent_] : kEvery);
  ++sent_;
  return LanBeacon::encode(*self_, wall, rng);
}

std::optional<LanBeacons::Heard> LanBeacons::handle_beacon(Instant now, UnixTime wall,
                                                           ByteView datagram,
                                                           const Endpoint& from) {
  if (!self_) return std::nullopt;
  const auto beacon = LanBeacon::decode(self_->network, self_->secret, datagram);
  if (!beacon) {
    ++counters_.foreign;
    return std::nullopt;
  }
  const Certificate& certificate = beacon->certificate;
  if (certificate.identity == self_->certificate.identity) return std::nullopt;
  Endpoint endpoint = from;
  endpoint.port = beacon->port;
  const auto verdict = history_.take(now, certificate.identity, beacon->sent, endpoint);
  if (!verdict.counts) {
    ++counters_.stale;
    return std::nullopt;
  }
  // Last, for it is the costly part: recordings of beacons do not get here.
  if (!certificate.check(self_->network, certificate.static_key, wall)) {
    ++counters_.foreign;
    return std::nullopt;
  }
  ++counters_.heard;
  // Somebody new does not know us either.
  if (verdict.fresh && now - last_sent_ > kAnswerPause) next_ = std::min(next_, now);
  return Heard{certificate, endpoint};
}

std::optional<Instant> LanBeacons::poll_timeout() const {
  return self_ ? std::optional(next_) : std::nullopt;
}

}  // namespace weft::discovery
