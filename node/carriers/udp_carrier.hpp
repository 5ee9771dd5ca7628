// One UDP socket as a carrier: dual stack, batched both ways (recvmmsg + UDP_GRO in,
// UDP_SEGMENT or sendmmsg out), local address and ECN of every datagram, no fragmentation (PMTUD).
//
// Sending: a core should be polled for transmits only while the carrier is not blocked(). When the
// kernel's buffer is full it keeps what it was handed (at most kPendingLimit bytes; beyond that it
// drops and counts) and says on_writable() once that is out.
//
// GSO and GRO are used if the kernel has them. A kernel or route that refuses GSO (EIO, EINVAL) is
// noticed at run time: the batch goes out by sendmmsg and GSO stays off if that succeeded.
// Datagrams longer than the path MTU are refused by the kernel, dropped, counted and told to the
// sink: PMTUD probes count on it.
//
// A Transmit that names a local address leaves from it (IP_PKTINFO), as an answer must from the
// address that was called. An address that is gone is left out: the kernel chooses.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/core.hpp"
#include "node/carriers/carrier.hpp"
#include "node/carriers/udp_counters.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::carriers {

// What the kernel is made to say: how tests reach the fallbacks. No effect as it stands.
struct UdpFaults {
  int gso_errno = 0;    // sendmsg with UDP_SEGMENT fails with this
  int full_after = -1;  // EAGAIN after that many sends, until the socket is next found writable
};

struct UdpOptions {
  Endpoint bind;  // ::, all addresses of both families; 0.0.0.0, of IPv4; port 0: any
  bool gso = true;
  bool gro = true;
  bool ipv6 = true;             // false: an IPv4 socket even where IPv6 works
  bool only_family = false;     // ::, of IPv6 alone: IPv4 is somebody else's
  int socket_buffer = 4 << 20;  // bytes, each direction
  // Then other sockets get their turn: what comes beside a bulk transfer waits this long at most.
  std::size_t receive_bytes_per_wakeup = 64 * 1024;
  UdpFaults faults;
};

class UdpCarrier final : public Carrier {
 public:
  static constexpr std::size_t kPendingLimit = 256 * 1024;

  // Errc::Busy: address or port in use. Errc::Denied: not permitted. Errc::NotFound: no such
  // address here. `sink` outlives the carrier.
  [[nodiscard]] static Result<std::unique_ptr<UdpCarrier>> open(io::EventLoop& loop,
                                                                const UdpOptions& options,
                                                                DatagramSink& sink);
  // A bound socket that somebody else made, as an ICE agent does. Errc::Usage: it is not one.
  [[nodiscard]] static Result<std::unique_ptr<UdpCarrier>> adopt(io::EventLoop& loop,
                                                                 io::UniqueFd fd,
                                                                 const UdpOptions& options,
                                                                 DatagramSink& sink);
  ~UdpCarrier() override;
  UdpCarrier(const UdpCarrier&) = delete;
  UdpCarrier& operator=(const UdpCarrier&) = delete;

  bool send(const Transmit& transmit, ByteView bytes) override;
  [[nodiscard]] bool blocked() const override;
  void set_receive_share(std::size_t bytes_per_wakeup) override;

  [[nodiscard]] Endpoint local() const;  // the bound address; unspecified if all, with the port
  [[nodiscard]] bool gso_active() const;
  [[nodiscard]] bool gro_active() const;
  [[nodiscard]] bool dual_stack() const;
  [[nodiscard]] const UdpCounters& counters() const;

 private:
  struct Impl;
  explicit UdpCarrier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::carriers
