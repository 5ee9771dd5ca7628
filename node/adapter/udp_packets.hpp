// Datagrams as they come out of a socket, many with one system call, and the way back to whoever
// sent one: with the address of this machine that it was sent to (IP_PKTINFO, RFC 3542).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace weft::adapter {

// One sender as this socket sees it. `here` is unspecified where the socket is bound to one address.
struct UdpPeer {
  Endpoint from;
  Endpoint here;

  auto operator<=>(const UdpPeer&) const = default;
};

// The kernel tells where datagrams were sent to. For sockets bound to all addresses.
void tell_destinations(int fd, int family);

struct ReadCount {
  std::size_t datagrams = 0;
  int error = 0;  // that ended the reading; EAGAIN: there were no more
};
// Reads at most `most` datagrams, 64 at most; `take` for each, its bytes valid in the call.
ReadCount read_datagrams(int fd, std::size_t most,
                         const std::function<void(const UdpPeer&, ByteView)>& take);
// To `peer.from`, from `peer.here`. 0, or the error.
int send_datagram(int fd, int family, const UdpPeer& peer, ByteView datagram);

}  // namespace weft::adapter
