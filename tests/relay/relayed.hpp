// A forwarder with one circuit between two clients, and what it sends.
#pragma once

#include <string>
#include <vector>

#include "base/seeded_rng.hpp"
#include "overlay/relay/forwarder.hpp"

namespace weft::relay::testing {

inline const Endpoint kA = Endpoint::v4(0x0a000001, 1);
inline const Endpoint kB = Endpoint::v4(0x0a000002, 2);
inline const Endpoint kStranger = Endpoint::v4(0x0a000063, 3);
inline constexpr Instant kT{1h};

inline Bytes frame_of(Label label, std::string_view inner) {
  Bytes out(kHeader);
  write_header(out, label);
  append(out, bytes_of(inner));
  return out;
}

struct Sent {
  Transmit transmit;
  Bytes bytes;
};

struct Forwarding {
  explicit Forwarding(std::uint64_t rate = 0, const path::PathTable* table = nullptr)
      : forwarder(table == nullptr ? own : *table, rate) {
    (void)own.add({.kind = path::PathKind::Udp});
    a = forwarder.add_client({PathId::Udp, kA});
    b = forwarder.add_client({PathId::Udp, kB});
    pair = forwarder.add_pair(rng, a, b);
    forwarder.start(pair);
    label_a = forwarder.label_of(pair.a);
    label_b = forwarder.label_of(pair.b);
  }
  bool hand(const Endpoint& from, ByteView bytes, std::size_t segment = 0) {
    Datagram in;
    in.from = from;
    in.payload = bytes;
    in.segment_size = segment;
    return forwarder.handle_datagram(kT, in);
  }
  std::vector<Sent> drain(std::size_t room = kTransmitBufferSize) {
    std::vector<Sent> out;
    Bytes buffer(room);
    while (const auto transmit = forwarder.poll_transmit(buffer))
      out.push_back({*transmit, to_bytes(ByteView(buffer).first(transmit->size))});
    return out;
  }
  std::vector<Sent> pass(const Endpoint& from, ByteView bytes, std::size_t segment = 0,
                         std::size_t room = kTransmitBufferSize) {
    (void)hand(from, bytes, segment);
    return drain(room);
  }

  path::PathTable own;
  SeededRng rng{1};
  Forwarder forwarder;
  Forwarder::Client a{}, b{};
  Forwarder::Pair pair{};
  Label label_a = 0, label_b = 0;
};

}  // namespace weft::relay::testing
