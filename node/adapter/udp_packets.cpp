#include "node/adapter/udp_packets.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "node/io/socket_address.hpp"

namespace weft::adapter {

namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kLargest = 65536;

struct Control {
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
};

// Pages of it that no datagram reached are never touched.
struct Batch {
  std::array<std::array<std::uint8_t, kLargest>, kBatch> bytes;
  std::array<sockaddr_storage, kBatch> from;
  std::array<Control, kBatch> control;
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> messages;
};

Batch& batch() {  // of this thread: a datagram is handed on before the next are read
  static thread_local const auto buffers = std::unique_ptr<Batch>(new Batch);
  return *buffers;
}

Endpoint destination_in(msghdr& message) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    sockaddr_storage at{};
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      auto& v4 = reinterpret_cast<sockaddr_in&>(at);
      v4.sin_family = AF_INET;
      v4.sin_addr = info.ipi_addr;
      return io::to_endpoint(at);
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      auto& v6 = reinterpret_cast<sockaddr_in6&>(at);
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = info.ipi6_addr;
      return io::to_endpoint(at);
    }
  }
  return {};
}

template <class Info>
void put_source(msghdr& message, Control& control, int level, int type, const Info& info) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof info);
  auto* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(part), &info, sizeof info);
}

}  // namespace

void tell_destinations(int fd, int family) {
  const int one = 1;
  if (family == AF_INET)
    ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
  else
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
}

ReadCount read_datagrams(int fd, std::size_t most,
                         const std::function<void(const UdpPeer&, ByteView)>& take) {
  Batch& in = batch();
  const auto wanted = static_cast<unsigned>(std::min(most, kBatch));
  for (unsigned i = 0; i < wanted; ++i) {
    in.parts[i] = {in.bytes[i].data(), kLargest};
    in.messages[i] = {};
    auto& header = in.messages[i].msg_hdr;
    header.msg_name = &in.from[i];
    header.msg_namelen = sizeof in.from[i];
    header.msg_iov = &in.parts[i];
    header.msg_iovlen = 1;
    header.msg_control = in.control[i].bytes.data();
    header.msg_controllen = in.control[i].bytes.size();
  }
  const int got = ::recvmmsg(fd, in.messages.data(), wanted, MSG_DONTWAIT, nullptr);
  if (got < 0) return {0, errno};
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    auto& message = in.messages[i];
    const UdpPeer peer{message.msg_hdr.msg_namelen == 0 ? Endpoint{} : io::to_endpoint(in.from[i]),
                       destination_in(message.msg_hdr)};
    take(peer, ByteView(in.bytes[i]).first(message.msg_len));
  }
  return {static_cast<std::size_t>(got), 0};
}

int send_datagram(int fd, int family, const UdpPeer& peer, ByteView datagram) {
  auto to = io::to_socket_address(peer.from, family);
  iovec part{const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
  msghdr message{};
  Control control{};
  message.msg_name = &to.storage;
  message.msg_namelen = to.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!peer.here.is_unspecified()) {
    const auto here = io::to_socket_address(peer.here, family);
    if (family == AF_INET) {
      in_pktinfo info{};
      info.ipi_spec_dst = reinterpret_cast<const sockaddr_in&>(here.storage).sin_addr;
      put_source(message, control, IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      info.ipi6_addr = reinterpret_cast<const sockaddr_in6&>(here.storage).sin6_addr;
      put_source(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

}  // namespace weft::adapter
