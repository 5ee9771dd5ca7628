// Finds members on the same LAN by multicast, so that two nodes there need no address at all.
//
//   beacon   "WFL1" | sealed value of [u16 port | certificate]      to both groups of LanGroup
//
// Sealed under the network secret (dht::seal_value, bound to the network id): who is not of the
// network sees random bytes and learns neither identity nor network. A beacon proves nothing by
// itself; it says where to dial. A replayed one costs a dial that fails.
//
// Sent on every interface that is up and does multicast: at once, after 1 s and 3 s, then each 30 s
// and (at most every 2 s) when somebody new is heard.
#pragma once

#include <functional>
#include <optional>

#include "base/endpoint.hpp"
#include "base/identity.hpp"
#include "base/rng.hpp"
#include "node/io/event_loop.hpp"
#include "node/lan_group.hpp"

namespace weft::node {

struct LanIdentity {
  NetworkId network;
  ByteArray<32> secret{};
  Certificate certificate;  // ours
  std::uint16_t port = 0;   // of our UDP socket
};

Bytes encode_beacon(const LanIdentity& self, Rng& rng);
struct Beacon {
  Certificate certificate;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<Beacon> decode_beacon(const NetworkId& network, const ByteArray<32>& secret,
                                           UnixTime now, ByteView bytes);

class LanDiscovery {
 public:
  using Found = std::function<void(const Certificate& certificate, const Endpoint& endpoint)>;

  LanDiscovery(io::EventLoop& loop, Rng& rng, Found found);
  LanDiscovery(const LanDiscovery&) = delete;
  LanDiscovery& operator=(const LanDiscovery&) = delete;

  // Again after our addresses changed. Without multicast here nothing is found, and nothing said.
  void announce(const LanIdentity& self);

  [[nodiscard]] std::uint64_t heard() const { return heard_; }      // beacons of our network
  [[nodiscard]] std::uint64_t foreign() const { return foreign_; }  // all others

 private:
  void on_beacon(ByteView datagram, const Endpoint& from);
  void on_timer();
  void send_everywhere();

  Rng& rng_;
  Found found_;
  std::optional<LanIdentity> self_;
  LanGroup v4_;
  LanGroup v6_;
  io::Timer timer_;
  unsigned sent_ = 0;  // beacons since announce()
  Instant last_sent_{};
  std::vector<Endpoint> known_;  // whom we heard, at most kKnown
  std::uint64_t heard_ = 0;
  std::uint64_t foreign_ = 0;
};

}  // namespace weft::node
