#include "node/lan_discovery.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "dht/record.hpp"
#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"

namespace weft::node {

namespace {

constexpr std::uint32_t kGroup = 0xefc07766;  // 239.192.119.102, organisation-local
constexpr std::uint16_t kPort = 46119;
constexpr std::string_view kMagic = "WFL1";
constexpr Duration kInterval = 30s;
constexpr Duration kAnswerPause = 2s;
constexpr std::size_t kKnown = 256;
constexpr int kReadsPerWakeup = 64;

struct Interface {
  std::string name;
  in_addr address{};
};

std::vector<Interface> multicast_interfaces() {
  std::vector<Interface> out;
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(raw, freeifaddrs);
  for (const ifaddrs* at = raw; at != nullptr; at = at->ifa_next) {
    constexpr unsigned kWanted = IFF_UP | IFF_MULTICAST;
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET ||
        (at->ifa_flags & kWanted) != kWanted)
      continue;
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    out.push_back({at->ifa_name, v4->sin_addr});
  }
  return out;
}

sockaddr_in group_address() {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(kGroup);
  out.sin_port = htons(kPort);
  return out;
}

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
    : loop_(loop), rng_(rng), found_(std::move(found)), timer_(loop, [this] { on_timer(); }) {}

LanDiscovery::~LanDiscovery() = default;

bool LanDiscovery::open() {
  if (watch_) return true;
  io::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  const int one = 1;
  // Several nodes of one machine share the port; each gets every beacon.
  setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const unsigned char hops = 1;
  setsockopt(fd.value(), IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
  const sockaddr_in group = group_address();
  if (bind(fd.value(), reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0) return false;
  io::FdEvents& events = *this;
  watch_ = std::make_unique<io::FdWatch>(loop_, std::move(fd), events);
  watch_->want_read();
  return true;
}

void LanDiscovery::announce(const LanIdentity& self) {
  self_ = self;
  sent_ = 0;
  known_.clear();
  if (open()) on_timer();
}

void LanDiscovery::on_timer() {
  send_everywhere();
  static constexpr Duration kFirst[] = {1s, 2s};
  timer_.arm(io::monotonic_time() + (sent_ < 2 ? kFirst[sent_] : kInterval));
  ++sent_;
}

void LanDiscovery::send_everywhere() {
  if (!self_ || !watch_) return;
  last_sent_ = io::monotonic_time();
  const Bytes beacon = encode_beacon(*self_, rng_);
  const sockaddr_in group = group_address();
  for (const Interface& interface : multicast_interfaces()) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(kGroup);
    request.imr_ifindex = static_cast<int>(if_nametoindex(interface.name.c_str()));
    // Joined already, most times: that is an error which means nothing.
    setsockopt(watch_->fd(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
    request.imr_address = interface.address;
    setsockopt(watch_->fd(), IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
    [[maybe_unused]] const auto sent =
        sendto(watch_->fd(), beacon.data(), beacon.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&group), sizeof group);
  }
}

void LanDiscovery::on_fd_readable() {
  ByteArray<1500> buffer;
  for (int i = 0; i < kReadsPerWakeup; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const auto got = recvfrom(watch_->fd(), buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) break;
    if (!self_) continue;
    const auto beacon = decode_beacon(self_->network, self_->secret, io::unix_time(),
                                      ByteView(buffer).first(static_cast<std::size_t>(got)));
    if (!beacon) {
      ++foreign_;
      continue;
    }
    if (beacon->certificate.identity == self_->certificate.identity) continue;
    ++heard_;
    Endpoint endpoint = io::to_endpoint(from);
    endpoint.port = beacon->port;
    const bool fresh = std::ranges::find(known_, endpoint) == known_.end();
    if (fresh && known_.size() < kKnown) known_.push_back(endpoint);
    found_(beacon->certificate, endpoint);
    // Somebody new does not know us either.
    if (fresh && io::monotonic_time() - last_sent_ > kAnswerPause) send_everywhere();
  }
  watch_->want_read();
}

}  // namespace weft::node
