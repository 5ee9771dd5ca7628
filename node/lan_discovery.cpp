#include "node/lan_discovery.hpp"

#include <algorithm>

#include "dht/record.hpp"
#include "node/io/clock.hpp"

namespace weft::node {

namespace {

constexpr std::string_view kMagic = "WFL1";
constexpr Duration kInterval = 30s;
constexpr Duration kAnswerPause = 2s;
constexpr std::size_t kKnown = 256;

}  // namespace

Bytes encode_beacon(const LanIdentity& self, Rng& rng) {
  Bytes plain;
  append_be(plain, self.port);
  append(plain, self.certificate.encode());
  Bytes out = to_bytes(bytes_of(kMagic));
  append(out,
         dht::seal_value(dht::audience_key(self.secret), NodeId{self.network.bytes}, rng, plain));
  return out;
}

Result<Beacon> decode_beacon(const NetworkId& network, const ByteArray<32>& secret, UnixTime now,
                             ByteView bytes) {
  if (bytes.size() < kMagic.size() || text_of(bytes.first(kMagic.size())) != kMagic)
    return fail(Errc::Unsupported, "no beacon");
  WEFT_TRY(const Bytes plain, dht::open_value(dht::audience_key(secret), NodeId{network.bytes},
                                              bytes.subspan(kMagic.size())));
  if (plain.size() < 2) return fail(Errc::Malformed, "beacon");
  Beacon beacon;
  beacon.port = read_be<std::uint16_t>(plain);
  WEFT_TRY(beacon.certificate, Certificate::decode(ByteView(plain).subspan(2)));
  WEFT_CHECK(beacon.certificate.check(network, beacon.certificate.static_key, now));
  if (beacon.port == 0) return fail(Errc::Malformed, "beacon without port");
  return beacon;
}

LanDiscovery::LanDiscovery(io::EventLoop& loop, Rng& rng, Found found)
    : rng_(rng),
      found_(std::move(found)),
      v4_(loop, IpFamily::V4, [this](ByteView d, const Endpoint& from) { on_beacon(d, from); }),
      v6_(loop, IpFamily::V6, [this](ByteView d, const Endpoint& from) { on_beacon(d, from); }),
      timer_(loop, [this] { on_timer(); }) {}

void LanDiscovery::announce(const LanIdentity& self) {
  self_ = self;
  sent_ = 0;
  known_.clear();
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
  const Bytes beacon = encode_beacon(*self_, rng_);
  v4_.send(beacon);
  v6_.send(beacon);
}

void LanDiscovery::on_beacon(ByteView datagram, const Endpoint& from) {
  if (!self_) return;
  const auto beacon = decode_beacon(self_->network, self_->secret, io::unix_time(), datagram);
  if (!beacon) {
    ++foreign_;
    return;
  }
  if (beacon->certificate.identity == self_->certificate.identity) return;
  ++heard_;
  Endpoint endpoint = from;
  endpoint.port = beacon->port;
  const bool fresh = std::ranges::find(known_, endpoint) == known_.end();
  if (fresh && known_.size() < kKnown) known_.push_back(endpoint);
  found_(beacon->certificate, endpoint);
  // Somebody new does not know us either.
  if (fresh && io::monotonic_time() - last_sent_ > kAnswerPause) send_everywhere();
}

}  // namespace weft::node
