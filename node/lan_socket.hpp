// The multicast sockets of the LAN, one in each address family. When a beacon is sent and what one
// that is heard means is decided in overlay/discovery/lan_beacons.hpp.
#pragma once

#include "node/lan_group.hpp"

namespace weft::node {

class LanSocket {
 public:
  LanSocket(io::EventLoop& loop, LanGroup::Heard heard, LanGroup::LeftOut left_out)
      : v4_(loop, IpFamily::V4, heard, left_out),
        v6_(loop, IpFamily::V6, std::move(heard), std::move(left_out)) {}

  // On every interface that is up and does multicast. Without multicast here: nothing.
  void send(ByteView beacon) {
    v4_.send(beacon);
    v6_.send(beacon);
  }

 private:
  LanGroup v4_;
  LanGroup v6_;
};

}  // namespace weft::node
