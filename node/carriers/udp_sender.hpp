// The sending half of the UDP carrier: UDP_SEGMENT where it works, sendmmsg where it does not, and
// a bounded queue for what the kernel would not take yet.
#pragma once

#include <cstdint>
#include <deque>

#include "node/carriers/udp_carrier.hpp"

namespace weft::carriers {

class UdpSender {
 public:
  UdpSender(int fd, int family, bool gso, UdpFaults faults, UdpCounters& counters,
            DatagramSink& sink);

  bool send(const Transmit& transmit, ByteView bytes);  // as UdpCarrier::send
  bool flush();  // the socket is writable: send what is pending. True: nothing is any more
  [[nodiscard]] bool blocked() const { return !pending_.empty(); }
  [[nodiscard]] bool gso_active() const { return gso_; }

 private:
  // Limits of the kernel: UDP_MAX_SEGMENTS, and one IP packet for the whole batch.
  static constexpr std::size_t kMaxSegments = 64;
  static constexpr std::size_t kMaxBatch = 65000;

  struct Pending {
    Transmit transmit;
    Bytes bytes;
    std::size_t sent = 0;
  };
  struct Header;

  bool keep(const Transmit& transmit, ByteView bytes);
  // Bytes dealt with: sent, or refused for good and counted. Less than all: the kernel is full.
  std::size_t push(const Transmit& transmit, ByteView bytes);
  std::size_t push_batch(Header& plain, ByteView batch, std::size_t segment);
  std::size_t push_segmented(Header& header, ByteView batch, std::size_t segment);
  std::size_t push_plain(Header& header, ByteView bytes, std::size_t segment);
  void count_sent(std::size_t datagrams, std::size_t bytes);
  bool pretend_full();

  UdpCounters& counters_;
  DatagramSink& sink_;
  int fd_;
  int family_;
  bool gso_;
  UdpFaults faults_;
  std::deque<Pending> pending_;
  std::size_t pending_bytes_ = 0;
};

}  // namespace weft::carriers
