// Finds members on the same LAN by multicast of beacons (discovery/lan_beacon.hpp) to both groups of
// LanGroup.
//
// Sent on every interface that is up and does multicast: at once, after 1 s and 3 s, then each 30 s
// and (at most every 2 s) when somebody new is heard.
#pragma once

#include <functional>
#include <optional>

#include "base/endpoint.hpp"
#include "base/rng.hpp"
#include "node/io/event_loop.hpp"
#include "node/lan_group.hpp"
#include "overlay/discovery/beacon_history.hpp"
#include "overlay/discovery/lan_beacon.hpp"

namespace weft::node {

class LanDiscovery {
 public:
  using Found = std::function<void(const Certificate& certificate, const Endpoint& endpoint)>;

  LanDiscovery(io::EventLoop& loop, Rng& rng, Found found);
  LanDiscovery(const LanDiscovery&) = delete;
  LanDiscovery& operator=(const LanDiscovery&) = delete;

  // Again after our addresses changed. Without multicast here nothing is found, and nothing said.
  void announce(const discovery::LanIdentity& self);

  [[nodiscard]] std::uint64_t heard() const { return heard_; }      // beacons of our network
  [[nodiscard]] std::uint64_t stale() const { return stale_; }      // of it, but heard before
  [[nodiscard]] std::uint64_t foreign() const { return foreign_; }  // all others

 private:
  void on_beacon(ByteView datagram, const Endpoint& from);
  void on_timer();
  void send_everywhere();

  Rng& rng_;
  Found found_;
  std::optional<discovery::LanIdentity> self_;
  LanGroup v4_;
  LanGroup v6_;
  io::Timer timer_;
  unsigned sent_ = 0;  // beacons since announce()
  Instant last_sent_{};
  discovery::BeaconHistory history_;
  std::uint64_t heard_ = 0;
  std::uint64_t stale_ = 0;
  std::uint64_t foreign_ = 0;
};

}  // namespace weft::node
