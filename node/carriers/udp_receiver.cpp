#include "node/carriers/udp_receiver.hpp"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "node/io/socket_address.hpp"

namespace weft::carriers {

namespace {
constexpr std::size_t kBulk = 64 * 1024;  // bytes of one call that show a bulk transfer
constexpr std::size_t kCallCost = 256;    // so that empty datagrams and errors use up a budget too

template <class T>
T read_value(const cmsghdr* control) {
  T value{};
  std::memcpy(&value, CMSG_DATA(control), sizeof(value));
  return value;
}

bool is(const cmsghdr* control, int level, int type) {
  return control->cmsg_level == level && control->cmsg_type == type;
}
}  // namespace

UdpReceiver::UdpReceiver(bool gro, UdpCounters& counters)
    : counters_(counters),
      message_size_(gro ? kGroSize : kPlainSize),
      messages_(gro ? kMessages / 4 : kMessages),
      width_(messages_),
      arena_(std::make_unique_for_overwrite<std::uint8_t[]>(message_size_ * messages_)) {
  for (std::size_t i = 0; i < messages_; ++i) {
    pieces_[i] = {arena_.get() + i * message_size_, message_size_};
    headers_[i].msg_hdr.msg_iov = &pieces_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &peers_[i];
    headers_[i].msg_hdr.msg_control = controls_[i].bytes.data();
  }
}

// The kernel overwrites these lengths on every call.
void UdpReceiver::prepare() {
  for (std::size_t i = 0; i < width_; ++i) {
    headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    headers_[i].msg_hdr.msg_controllen = kControlSize;
    headers_[i].msg_hdr.msg_flags = 0;
  }
}

bool UdpReceiver::receive(int fd, std::size_t budget, DatagramSink& sink) {
  for (std::size_t taken = 0; taken < budget;) {
    prepare();
    const int result =
        ::recvmmsg(fd, headers_.data(), static_cast<unsigned>(width_), MSG_DONTWAIT, nullptr);
    ++counters_.rx_calls;
    if (result < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return false;
      ++counters_.rx_errors;  // an error of an earlier send, reported here once: read on
      taken += kCallCost;
      continue;
    }
    const auto got = static_cast<std::size_t>(result);
    const std::size_t asked = width_;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < got; ++i) bytes += headers_[i].msg_len;
    choose_width(got, bytes);
    for (std::size_t i = 0; i < got; ++i) deliver(i, headers_[i].msg_len, sink);
    if (got < asked) return false;
    taken += bytes + kCallCost;
  }
  return true;
}

// Narrow while long GRO batches come, else one call would outrun any budget; wide for small ones.
void UdpReceiver::choose_width(std::size_t got, std::size_t bytes) {
  if (bytes >= kBulk / 2) {
    width_ = std::max<std::size_t>(width_ / 2, 1);
  } else if (got == width_) {
    width_ = std::min(width_ * 2, messages_);
  }
}

void UdpReceiver::deliver(std::size_t index, std::size_t size, DatagramSink& sink) {
  msghdr& header = headers_[index].msg_hdr;
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    ++counters_.rx_truncated;
    return;
  }
  const Ancillary extra = read_control(header);
  const ByteView payload(arena_.get() + index * message_size_, size);
  Datagram datagram{PathId::Udp, extra.local, io::to_endpoint(peers_[index]),
                    extra.ecn,   payload,     extra.segment};
  if (!datagram.is_run()) datagram.segment_size = 0;
  const std::size_t count =
      datagram.is_run() ? (size + extra.segment - 1) / extra.segment : std::size_t{1};
  counters_.rx_datagrams += count;
  counters_.rx_bytes += size;
  if (count > 1) counters_.rx_coalesced += count;
  sink.on_datagram(datagram);
}

UdpReceiver::Ancillary UdpReceiver::read_control(msghdr& header) {
  Ancillary out;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (is(c, IPPROTO_UDP, UDP_GRO)) {
      out.segment = static_cast<std::size_t>(std::max(read_value<int>(c), 0));
    } else if (is(c, IPPROTO_IP, IP_TOS)) {
      out.ecn = static_cast<Ecn>(read_value<std::uint8_t>(c) & 3);
    } else if (is(c, IPPROTO_IPV6, IPV6_TCLASS)) {
      out.ecn = static_cast<Ecn>(read_value<int>(c) & 3);
    } else if (is(c, IPPROTO_IP, IP_PKTINFO)) {
      out.local = Endpoint::v4(ntohl(read_value<in_pktinfo>(c).ipi_addr.s_addr), 0);
    } else if (is(c, IPPROTO_IPV6, IPV6_PKTINFO)) {
      const auto info = read_value<in6_pktinfo>(c);
      std::memcpy(out.local.address.data(), &info.ipi6_addr, 16);
    } else if (is(c, SOL_SOCKET, SO_RXQ_OVFL)) {
      const auto drops = read_value<std::uint32_t>(c);  // total since the socket was opened
      counters_.rx_kernel_drops += drops - drops_seen_;
      drops_seen_ = drops;
    }
  }
  return out;
}

}  // namespace weft::carriers
