// The receiving half of the UDP carrier: recvmmsg into one arena; what GRO joined is handed on
// as one run.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>

#include "node/carriers/udp_carrier.hpp"

namespace weft::carriers {

class UdpReceiver {
 public:
  UdpReceiver(bool gro, UdpCounters& counters);

  // Hands what waits to the sink until nothing does or `budget` bytes (rounded up to a call) came.
  // True: there may be more.
  bool receive(int fd, std::size_t budget, DatagramSink& sink);

 private:
  static constexpr std::size_t kMessages = 32;
  // GRO hands over up to 64 KiB at once; without it nothing longer than a jumbo frame is ours.
  static constexpr std::size_t kGroSize = 65536;
  static constexpr std::size_t kPlainSize = 16384;
  static constexpr std::size_t kControlSize =
      CMSG_SPACE(sizeof(in6_pktinfo)) + 4 * CMSG_SPACE(sizeof(int));

  struct Ancillary {
    Endpoint local;
    Ecn ecn = Ecn::NotEct;
    std::size_t segment = 0;  // 0: one datagram
  };
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, kControlSize> bytes;
  };

  void prepare();
  void choose_width(std::size_t got, std::size_t bytes);
  void deliver(std::size_t index, std::size_t size, DatagramSink& sink);
  Ancillary read_control(msghdr& header);

  UdpCounters& counters_;
  std::size_t message_size_;
  std::size_t messages_;  // the arena holds so many
  std::size_t width_;     // so many are asked for in the next call
  std::unique_ptr<std::uint8_t[]> arena_;
  std::uint32_t drops_seen_ = 0;
  std::array<mmsghdr, kMessages> headers_{};
  std::array<iovec, kMessages> pieces_{};
  std::array<sockaddr_storage, kMessages> peers_{};
  std::array<Control, kMessages> controls_{};
};

}  // namespace weft::carriers
