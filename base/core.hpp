// The one shape of every protocol core: fed with time, datagrams and commands; drained of
// transmits, events and the next deadline. A core owns no clock, socket, thread, file or entropy.
//
// Laws: time never runs backwards; after each mutation the owner drains transmits, then events,
// then reads the timeout; a core calls nobody back; queues are bounded and count what they drop;
// the same seed and inputs give the same bytes.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace weft {

// One way to carry datagrams to a node: the shared UDP socket, an ICE pair, a circuit.
enum class PathId : std::uint32_t { Udp = 0 };

enum class Ecn : std::uint8_t { NotEct = 0, Ect1 = 1, Ect0 = 2, Ce = 3 };

struct Datagram {
  PathId path = PathId::Udp;
  Endpoint local;  // the address it arrived at; port and address may be unspecified
  Endpoint from;
  Ecn ecn = Ecn::NotEct;
  ByteView payload;
};

// `size` bytes lie in the buffer the owner handed to poll_transmit. If segment_size is not 0 they
// are datagrams of exactly that size, the last one possibly shorter (UDP_SEGMENT).
struct Transmit {
  PathId path = PathId::Udp;
  Endpoint to;
  std::size_t size = 0;
  std::size_t segment_size = 0;
  Ecn ecn = Ecn::NotEct;
  Endpoint local{};  // leave from this address, if it is still there; unspecified: from any
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
