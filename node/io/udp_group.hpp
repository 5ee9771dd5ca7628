// The UDP sockets of a node, as one: usually a single dual-stack UdpDriver, several when the user
// names several addresses to listen at.
//
// A datagram leaves by the socket that its PathId names. PathId::Udp means the first socket whose
// address can reach the destination (its family; loopback only from loopback), and what arrives
// there from that far end carries PathId::Udp too: who dials need not know how many there are.
// What arrives elsewhere carries a PathId of its own, 1 to kMostSockets - 1, so that the answer
// leaves by the address that was spoken to. A socket whose address the machine has lost is passed
// over, and its datagrams leave by another, until the address is back.
#pragma once

#include <memory>
#include <vector>

#include "node/io/udp_driver.hpp"

namespace weft::io {

class UdpGroup {
 public:
  static constexpr std::size_t kMostSockets = 8;  // as many endpoints as a node tells of itself

  // One to kMostSockets options, else Errc::Usage; errors as UdpDriver::open. `sink` outlives this.
  [[nodiscard]] static Result<std::unique_ptr<UdpGroup>> open(
      EventLoop& loop, const std::vector<UdpOptions>& options, DatagramSink& sink);
  ~UdpGroup();
  UdpGroup(const UdpGroup&) = delete;
  UdpGroup& operator=(const UdpGroup&) = delete;

  // As UdpDriver::send; a datagram that no socket can reach is dropped and false.
  bool send(const Transmit& transmit, ByteView bytes);
  [[nodiscard]] bool can_send() const;  // none of them is blocked
  void set_receive_share(std::size_t bytes_per_wakeup);

  // The machine's addresses may have changed: which sockets still have theirs?
  void look_around();
  [[nodiscard]] std::vector<Endpoint> bound() const;  // as UdpDriver::local of each not lost
  [[nodiscard]] std::uint16_t port() const;           // of the first
  [[nodiscard]] const UdpDriver& socket(std::size_t index) const;

 private:
  class Member;
  explicit UdpGroup(DatagramSink& sink);
  [[nodiscard]] std::size_t usual(const Endpoint& to) const;  // members_.size(): none

  DatagramSink& sink_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace weft::io
