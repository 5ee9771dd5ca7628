// The one UDP socket of a node: dual stack, batched both ways (recvmmsg + UDP_GRO in,
// UDP_SEGMENT or sendmmsg out), local address and ECN of every datagram, no fragmentation (PMTUD).
//
// Sending: a core should be polled for transmits only while can_send(). When the kernel's buffer is
// full the driver keeps what it was handed (at most kPendingLimit bytes; beyond that it drops and
// counts) and says on_writable() once that is out.
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
#include "node/io/event_loop.hpp"
#include "node/io/udp_counters.hpp"

namespace weft::io {

// The one who is fed. Called on the loop; must not destroy the driver from within a callback.
class DatagramSink {
 public:
  virtual void on_datagram(const Datagram& datagram) = 0;  // payload: valid during the call
  virtual void on_batch_end() = 0;  // after the last on_datagram of a wake-up: drain cores now
  virtual void on_writable() = 0;   // can_send() became true again
  // Datagrams of `size` are longer than the interface takes (EMSGSIZE); they were dropped.
  virtual void on_too_large(const Transmit& transmit, std::size_t size) {
    static_cast<void>(transmit);
    static_cast<void>(size);
  }

 protected:
  ~DatagramSink() = default;
};

// What the kernel is made to say: how tests reach the fallbacks. No effect as it stands.
struct UdpFaults {
  int gso_errno = 0;    // sendmsg with UDP_SEGMENT fails with this
  int full_after = -1;  // EAGAIN after that many sends, until the socket is next found writable
};

struct UdpOptions {
  Endpoint bind;              // ::, all addresses of both families; 0.0.0.0, of IPv4; port 0: any
  PathId path = PathId::Udp;  // what received datagrams carry
  bool gso = true;
  bool gro = true;
  bool ipv6 = true;             // false: an IPv4 socket even where IPv6 works
  bool only_family = false;     // ::, of IPv6 alone: IPv4 is somebody else's
  int socket_buffer = 4 << 20;  // bytes, each direction
  // Then other sockets get their turn: what comes beside a bulk transfer waits this long at most.
  std::size_t receive_bytes_per_wakeup = 64 * 1024;
  UdpFaults faults;
};

class UdpDriver {
 public:
  static constexpr std::size_t kPendingLimit = 256 * 1024;

  // Errc::Busy: address or port in use. Errc::Denied: not permitted. Errc::NotFound: no such
  // address here. `sink` outlives the driver.
  [[nodiscard]] static Result<std::unique_ptr<UdpDriver>> open(EventLoop& loop,
                                                               const UdpOptions& options,
                                                               DatagramSink& sink);
  ~UdpDriver();
  UdpDriver(const UdpDriver&) = delete;
  UdpDriver& operator=(const UdpDriver&) = delete;

  // Sends transmit.size bytes from the front of `bytes`; true: sent, kept to be sent, or refused by
  // the kernel and counted. False: dropped, too much is pending already.
  bool send(const Transmit& transmit, ByteView bytes);
  [[nodiscard]] bool can_send() const;
  void set_receive_share(std::size_t bytes_per_wakeup);

  [[nodiscard]] Endpoint local() const;  // the bound address; unspecified if all, with the port
  [[nodiscard]] bool gso_active() const;
  [[nodiscard]] bool gro_active() const;
  [[nodiscard]] bool dual_stack() const;
  [[nodiscard]] const UdpCounters& counters() const;

 private:
  struct Impl;
  explicit UdpDriver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::io
