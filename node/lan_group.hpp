// The multicast group of LAN beacons in one address family: 239.192.119.102 or ff05::7766, port
// 46119. Joined and spoken to, one hop far, on interfaces that have carrier and do multicast: those
// with a default route first, those of containers last, kMostInterfaces at most (a socket may join
// 20 groups, and each costs a datagram). They are looked for at each send, so that one that comes
// is joined and one that is gone is left.
//
// IPv6 speaks to the site-local group and not the link-local one: then the kernel answers for us
// with an address that means something without an interface beside it. An interface that has none
// but link-local addresses is silent in IPv6.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "base/endpoint.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/fd_watch.hpp"
#include "node/local_addresses.hpp"

namespace weft::node {

enum class IpFamily { V4, V6 };
inline constexpr std::size_t kMostInterfaces = 16;

// Where beacons go, of what the machine has: in IPv4 from each address, in IPv6 once on each
// interface; those beyond kMostInterfaces are counted.
struct LanPlaces {
  std::vector<LocalAddress> places;
  std::size_t left_out = 0;  // interfaces
};
[[nodiscard]] LanPlaces lan_places(std::vector<LocalAddress> all, IpFamily family);

class LanGroup final : private io::FdEvents {
 public:
  using Heard = std::function<void(ByteView datagram, const Endpoint& from)>;

  // Interfaces where beacons are not heard, and those where they are; told when it changes.
  using LeftOut = std::function<void(IpFamily family, std::size_t left_out, std::size_t joined)>;

  LanGroup(io::EventLoop& loop, IpFamily family, Heard heard, LeftOut left_out);
  ~LanGroup();
  LanGroup(const LanGroup&) = delete;
  LanGroup& operator=(const LanGroup&) = delete;

  // Opens the socket at the first call, then joins and sends. Without multicast here, or without
  // this family: nothing is sent, nothing heard, and nothing said.
  void send(ByteView datagram);

 private:
  void on_fd_readable() override;
  bool open();
  void send_from(ByteView datagram, unsigned interface, const Endpoint& address);
  void join(const LanPlaces& there);
  bool change_membership(unsigned interface, bool join);

  io::EventLoop& loop_;
  IpFamily family_;
  Heard heard_;
  LeftOut left_out_;
  Endpoint group_;
  std::unique_ptr<io::FdWatch> watch_;
  std::set<unsigned> joined_;
  std::size_t said_left_out_ = 0;
};

}  // namespace weft::node
