// The one shape of every protocol core: fed with time, datagrams and commands; drained of
// transmits, events and the next deadline. A core owns no clock, socket, thread, file or entropy.
//
// Laws: time never runs backwards; after each mutation the owner drains transmits, then events,
// then reads the timeout; a core calls nobody back; queues are bounded and count what they drop;
// the same seed and inputs give the same bytes.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace weft {

// One way to carry datagrams: a UDP socket, a circuit, a TCP connection. An opaque handle, given
// out by overlay/path/path_table. Udp: this node's own UDP sockets, whichever reaches the far end.
enum class PathId : std::uint32_t { Udp = 0 };

enum class Ecn : std::uint8_t { NotEct = 0, Ect1 = 1, Ect0 = 2, Ce = 3 };

// One datagram, or a run of them that came together from one sender (UDP_GRO): then segment_size
// says how long each is, the last one possibly shorter. for_each_datagram() cuts a run.
struct Datagram {
  PathId path = PathId::Udp;
  Endpoint local;  // the address it arrived at; port and address may be unspecified
  Endpoint from;
  Ecn ecn = Ecn::NotEct;
  ByteView payload;
  std::size_t segment_size = 0;  // 0: one datagram

  [[nodiscard]] bool is_run() const { return segment_size > 0 && payload.size() > segment_size; }
};

// Hands each datagram of `run` on, in order, as if it had come alone.
template <class Take>
void for_each_datagram(const Datagram& run, Take&& take) {
  Datagram one = run;
  one.segment_size = 0;
  if (!run.is_run()) return take(one);
  for (std::size_t at = 0; at < run.payload.size(); at += run.segment_size) {
    one.payload = run.payload.subspan(at, std::min(run.segment_size, run.payload.size() - at));
    take(one);
  }
}

// `size` bytes lie in the buffer the owner handed to poll_transmit. If segment_size is not 0 they
// are datagrams of exactly that size, the last one possibly shorter (UDP_SEGMENT).
// With headroom the first bytes of each datagram are not written yet, and both sizes count them:
// who wraps the batch for a circuit fills them in, and only then may it leave.
struct Transmit {
  PathId path = PathId::Udp;
  Endpoint to;
  std::size_t size = 0;
  std::size_t segment_size = 0;
  Ecn ecn = Ecn::NotEct;
  Endpoint local{};  // leave from this address, if it is still there; unspecified: from any
  bool gso = true;   // false: let not the kernel cut it
  std::size_t headroom = 0;
  std::uint8_t ttl = 0;  // hops after which it is dropped; 0: as usual
};

// What the owner should offer poll_transmit: one full GSO batch.
inline constexpr std::size_t kTransmitBufferSize = 65536;

template <class C>
concept ProtocolCore =
    requires(C core, const C& view, Instant now, const Datagram& in, MutableByteView out) {
      core.handle_datagram(now, in);
      core.handle_timeout(now);  // an early call is a harmless no-op
      { core.poll_transmit(now, out) } -> std::same_as<std::optional<Transmit>>;
      { core.poll_event() } -> std::same_as<std::optional<typename C::Event>>;
      { view.poll_timeout() } -> std::same_as<std::optional<Instant>>;
    };

}  // namespace weft
