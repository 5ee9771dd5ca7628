#include "node/lan_discovery.hpp"

#include "node/io/clock.hpp"

namespace weft::node {

namespace {

constexpr Duration kInterval = 30s;
constexpr Duration kAnswerPause = 2s;

}  // namespace

LanDiscovery::LanDiscovery(io::EventLoop& loop, Rng& rng, Found found)
    : rng_(rng),
      found_(std::move(found)),
      v4_(loop, IpFamily::V4, [this](ByteView d, const Endpoint& from) { on_beacon(d, from); }),
      v6_(loop, IpFamily::V6, [this](ByteView d, const Endpoint& from) { on_beacon(d, from); }),
      timer_(loop, [this] { on_timer(); }) {}

void LanDiscovery::announce(const discovery::LanIdentity& self) {
  self_ = self;
  sent_ = 0;
  history_.clear();  // whoever is here is to be answered once more
  on_timer();
}

void LanDiscovery::on_timer() {
  send_everywhere();
  static constexpr Duration kFirst[] = {1s, 2s};
  timer_.arm(io::monotonic_time() + (sent_ < 2 ? kFirst[sent_] : kInterval));
  ++sent_;
}

void LanDiscovery::send_everywhere() {
  last_sent_ = io::monotonic_time();
  const Bytes beacon = discovery::LanBeacon::encode(*self_, io::unix_time(), rng_);
  v4_.send(beacon);
  v6_.send(beacon);
}

void LanDiscovery::on_beacon(ByteView datagram, const Endpoint& from) {
  if (!self_) return;
  const auto beacon = discovery::LanBeacon::decode(self_->network, self_->secret, datagram);
  if (!beacon) {
    ++foreign_;
    return;
  }
  const Certificate& certificate = beacon->certificate;
  if (certificate.identity == self_->certificate.identity) return;
  Endpoint endpoint = from;
  endpoint.port = beacon->port;
  const Instant now = io::monotonic_time();
  const auto verdict = history_.take(now, certificate.identity, beacon->sent, endpoint);
  if (!verdict.counts) {
    ++stale_;
    return;
  }
  // Last, for it is the costly part: recordings of beacons do not get here.
  if (!certificate.check(self_->network, certificate.static_key, io::unix_time())) {
    ++foreign_;
    return;
  }
  ++heard_;
  found_(certificate, endpoint);
  // Somebody new does not know us either.
  if (verdict.fresh && now - last_sent_ > kAnswerPause) send_everywhere();
}

}  // namespace weft::node
