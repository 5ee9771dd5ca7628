#include "node/carriers/udp_sender.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {

namespace {
bool is_full(int number) { return number == EAGAIN || number == EWOULDBLOCK; }

std::size_t datagrams_in(std::size_t size, std::size_t segment) {
  return (size + segment - 1) / segment;
}
}  // namespace

// Destination and control messages of one transmit, shared by all system calls it takes.
struct UdpSender::Header {
  Header(const Transmit& transmit, int family) : to(io::to_socket_address(transmit.to, family)) {
    const bool v4 = transmit.to.is_v4();
    from_set = !transmit.local.is_unspecified() && transmit.local.is_v4() == v4;
    if (from_set && v4) {
      in_pktinfo info{};
      info.ipi_spec_dst.s_addr = htonl(transmit.local.v4_address());
      append(IPPROTO_IP, IP_PKTINFO, info);
    } else if (from_set) {
      in6_pktinfo info{};
      std::ranges::copy(transmit.local.address, info.ipi6_addr.s6_addr);
      append(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
    if (transmit.ttl != 0)
      append(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT,
             static_cast<int>(transmit.ttl));
    if (transmit.ecn == Ecn::NotEct) return;
    append(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS,
           static_cast<int>(transmit.ecn));
  }

  template <class T>
  void append(int level, int type, T value) {
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof(T));
    header.cmsg_level = level;
    header.cmsg_type = type;
    WEFT_ASSERT(control_size + CMSG_SPACE(sizeof(T)) <= control.size());
    std::memcpy(control.data() + control_size, &header, sizeof(header));
    std::memcpy(control.data() + control_size + CMSG_LEN(0), &value, sizeof(value));
    control_size += CMSG_SPACE(sizeof(T));
  }

  msghdr message(iovec& piece) {
    msghdr out{};
    out.msg_name = &to.storage;
    out.msg_namelen = to.size;
    out.msg_iov = &piece;
    out.msg_iovlen = 1;
    if (control_size > 0) out.msg_control = control.data();
    out.msg_controllen = control_size;
    return out;
  }

  // Whether the call that just failed did so for the address to leave from. EINVAL may have other
  // causes; they come back without the address.
  [[nodiscard]] bool from_refused() const {
    return from_set && (errno == EINVAL || errno == EADDRNOTAVAIL || errno == ENETUNREACH);
  }

  io::SocketAddress to;
  bool from_set = false;
  bool from_gone = false;  // the address to leave from is not ours any more; nothing was sent
  alignas(cmsghdr) std::array<std::uint8_t, 128> control{};
  std::size_t control_size = 0;
};

UdpSender::UdpSender(int fd, int family, bool gso, UdpFaults faults, UdpCounters& counters,
                     DatagramSink& sink)
    : counters_(counters), sink_(sink), fd_(fd), family_(family), gso_(gso), faults_(faults) {}

bool UdpSender::send(const Transmit& transmit, ByteView bytes) {
  WEFT_ASSERT(bytes.size() >= transmit.size);
  if (transmit.size == 0) return true;
  bytes = bytes.first(transmit.size);
  if (blocked()) return keep(transmit, bytes);
  const std::size_t done = push(transmit, bytes);
  if (done == bytes.size()) return true;
  ++counters_.tx_blocked;
  return keep(transmit, bytes.subspan(done));
}

bool UdpSender::flush() {
  faults_.full_after = -1;
  while (!pending_.empty()) {
    Pending& next = pending_.front();
    const ByteView rest = ByteView(next.bytes).subspan(next.sent);
    const std::size_t done = push(next.transmit, rest);
    next.sent += done;
    pending_bytes_ -= done;
    if (done < rest.size()) {
      ++counters_.tx_blocked;
      return false;
    }
    pending_.pop_front();
  }
  return true;
}

bool UdpSender::keep(const Transmit& transmit, ByteView bytes) {
  if (pending_bytes_ + bytes.size() > UdpCarrier::kPendingLimit) {
    const std::size_t segment = transmit.segment_size == 0 ? bytes.size() : transmit.segment_size;
    counters_.tx_dropped += datagrams_in(bytes.size(), segment);
    return false;
  }
  pending_.push_back({transmit, to_bytes(bytes)});
  pending_bytes_ += bytes.size();
  return true;
}

std::size_t UdpSender::push(const Transmit& transmit, ByteView bytes) {
  const std::size_t segment = transmit.segment_size == 0 ? bytes.size() : transmit.segment_size;
  const std::uint64_t too_big = counters_.tx_too_big;
  Header plain(transmit, family_);
  if (plain.to.size == 0) {  // an IPv6 destination, and we have IPv4 only
    counters_.tx_errors += datagrams_in(bytes.size(), segment);
    return bytes.size();
  }
  const std::size_t batch_limit =
      segment * std::clamp(kMaxBatch / segment, std::size_t{1}, kMaxSegments);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ByteView batch = bytes.subspan(done, std::min(batch_limit, bytes.size() - done));
    const std::size_t pushed = gso_ && transmit.gso ? push_batch(plain, batch, segment)
                                                    : push_plain(plain, batch, segment);
    done += pushed;
    if (pushed == batch.size()) continue;
    if (!plain.from_gone) break;
    Transmit anywhere = transmit;
    anywhere.local = {};
    plain = Header(anywhere, family_);
  }
  if (counters_.tx_too_big != too_big) sink_.on_too_large(transmit, segment);
  return done;
}

// At most what one call takes. Less than all: the kernel is full, or header.from_gone says why.
std::size_t UdpSender::push_batch(Header& plain, ByteView batch, std::size_t segment) {
  if (batch.size() <= segment) return push_plain(plain, batch, segment);
  Header segmented = plain;
  segmented.append(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment));
  const std::size_t pushed = push_segmented(segmented, batch, segment);
  if (pushed > 0 || is_full(errno)) return pushed;
  plain.from_gone = segmented.from_gone;
  if (plain.from_gone) return 0;
  // Refused by the kernel, not blocked: cut the batch ourselves.
  const int refusal = errno;
  const std::uint64_t sent_before = counters_.tx_datagrams;
  const std::size_t cut = push_plain(plain, batch, segment);
  // Every piece fits the route, so it was segmentation itself that is not to be had.
  const bool all_sent = counters_.tx_datagrams - sent_before == datagrams_in(batch.size(), segment);
  if (all_sent && (refusal == EIO || refusal == EINVAL)) gso_ = false;
  return cut;
}

// 0 with errno set if the kernel refused or is full; else the whole batch is dealt with.
std::size_t UdpSender::push_segmented(Header& header, ByteView batch, std::size_t segment) {
  iovec piece{const_cast<std::uint8_t*>(batch.data()), batch.size()};
  const msghdr message = header.message(piece);
  if (pretend_full()) {
    errno = EAGAIN;
    return 0;
  }
  ssize_t sent = -1;
  do {
    ++counters_.tx_calls;
    if (faults_.gso_errno != 0) {
      errno = faults_.gso_errno;
    } else {
      sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    }
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    ++counters_.tx_segmented;
    count_sent(datagrams_in(batch.size(), segment), batch.size());
    return batch.size();
  }
  if (is_full(errno)) return 0;
  header.from_gone = header.from_refused();
  if (header.from_gone) return 0;
  if (errno == EIO || errno == EINVAL || errno == EMSGSIZE) {
    ++counters_.gso_refused;
    return 0;
  }
  counters_.tx_errors += datagrams_in(batch.size(), segment);
  return batch.size();
}

std::size_t UdpSender::push_plain(Header& header, ByteView bytes, std::size_t segment) {
  std::array<iovec, kMaxSegments> pieces;
  std::array<mmsghdr, kMaxSegments> messages;
  const std::size_t count = datagrams_in(bytes.size(), segment);
  WEFT_ASSERT(count <= kMaxSegments);
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView one = bytes.subspan(i * segment, std::min(segment, bytes.size() - i * segment));
    pieces[i] = {const_cast<std::uint8_t*>(one.data()), one.size()};
    messages[i] = {header.message(pieces[i]), 0};
  }
  std::size_t next = 0;
  while (next < count) {
    if (pretend_full()) break;
    ++counters_.tx_calls;
    const int sent =
        ::sendmmsg(fd_, &messages[next], static_cast<unsigned>(count - next), MSG_NOSIGNAL);
    if (sent > 0) {
      std::size_t size = 0;
      for (int i = 0; i < sent; ++i) size += pieces[next++].iov_len;
      count_sent(static_cast<std::size_t>(sent), size);
    } else if (errno == EMSGSIZE) {
      ++counters_.tx_too_big;
      ++next;
    } else if (is_full(errno)) {
      break;
    } else if (header.from_refused()) {
      header.from_gone = true;
      break;
    } else if (errno != EINTR) {
      // No route, not permitted, queue of the device full: the same fate awaits the rest of them.
      counters_.tx_errors += count - next;
      next = count;
    }
  }
  return std::min(next * segment, bytes.size());
}

void UdpSender::count_sent(std::size_t datagrams, std::size_t bytes) {
  counters_.tx_datagrams += datagrams;
  counters_.tx_bytes += bytes;
}

bool UdpSender::pretend_full() {
  if (faults_.full_after < 0) return false;
  if (faults_.full_after == 0) return true;
  --faults_.full_after;
  return false;
}

}  // namespace weft::carriers
