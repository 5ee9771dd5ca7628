// When this node says on its LAN that it is here, and what it makes of what it hears there. The
// edge owns the multicast socket: it sends what poll_beacon() gives on every interface that is up,
// and hands in what arrives.
//
// Sent at once, after 1 s and 3 s, then every kEvery, and at most every kAnswerPause when somebody
// new is heard. What is heard proves nothing but that a member once sent it: it is a hint where to
// dial (beacon_history.hpp).
#pragma once

#include <optional>

#include "base/endpoint.hpp"
#include "overlay/discovery/beacon_history.hpp"
#include "overlay/discovery/lan_beacon.hpp"

namespace weft::discovery {

struct LanCounters {
  std::uint64_t heard = 0;    // beacons of our network
  std::uint64_t stale = 0;    // of it, but heard before
  std::uint64_t foreign = 0;  // all others
};

class LanBeacons {
 public:
  static constexpr Duration kEvery = 30s;
  static constexpr Duration kAnswerPause = 2s;

  struct Heard {
    Certificate certificate;  // checked
    Endpoint endpoint;
  };

  // From now on, as this; again after our addresses changed.
  void announce(Instant now, const LanIdentity& self);
  // nullopt: not of our network, our own, or a recording; counted.
  std::optional<Heard> handle_beacon(Instant now, UnixTime wall, ByteView datagram,
                                     const Endpoint& from);
  // A beacon to send now.
  std::optional<Bytes> poll_beacon(Instant now, UnixTime wall, Rng& rng);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] const LanCounters& counters() const { return counters_; }

 private:
  std::optional<LanIdentity> self_;
  Instant next_{};
  unsigned sent_ = 0;  // beacons since announce()
  Instant last_sent_{};
  BeaconHistory history_;
  LanCounters counters_;
};

}  // namespace weft::discovery
