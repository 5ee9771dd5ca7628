// The multicast group of LAN beacons in one address family: 239.192.119.102 or ff05::7766, port
// 46119. Joined and spoken to on every interface that is up and does multicast, one hop far.
//
// IPv6 speaks to the site-local group and not the link-local one: then the kernel answers for us
// with an address that means something without an interface beside it. An interface that has none
// but link-local addresses is silent in IPv6.
#pragma once

#include <functional>
#include <memory>

#include "base/endpoint.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/fd_watch.hpp"

namespace weft::node {

enum class IpFamily { V4, V6 };

class LanGroup final : private io::FdEvents {
 public:
  using Heard = std::function<void(ByteView datagram, const Endpoint& from)>;

  LanGroup(io::EventLoop& loop, IpFamily family, Heard heard);
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

  io::EventLoop& loop_;
  IpFamily family_;
  Heard heard_;
  Endpoint group_;
  std::unique_ptr<io::FdWatch> watch_;
};

}  // namespace weft::node
