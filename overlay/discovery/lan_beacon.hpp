// What a node says of itself on its LAN, so that two nodes there need no address at all.
//
//   beacon   "WFL1" | sealed value of [sent u64 | port u16 | certificate]
//
// Sealed under the network secret (seal_value, bound to the network id): who is not of the network
// sees random bytes and learns neither identity nor network. A beacon proves nothing by itself; it
// says where to dial. `sent` is unix time in seconds: one that is sent again from elsewhere is
// dropped (BeaconHistory). docs/wire/dht.md, section 8.
#pragma once

#include "base/identity.hpp"
#include "base/rng.hpp"

namespace weft::discovery {

struct LanIdentity {
  NetworkId network;
  ByteArray<32> secret{};
  Certificate certificate;  // ours
  std::uint16_t port = 0;   // of our UDP socket
};

struct LanBeacon {
  UnixTime sent = 0;
  std::uint16_t port = 0;   // never 0
  Certificate certificate;  // well formed, not checked

  [[nodiscard]] static Bytes encode(const LanIdentity& self, UnixTime sent, Rng& rng);
  [[nodiscard]] static Result<LanBeacon> decode(const NetworkId& network,
                                                const ByteArray<32>& secret, ByteView bytes);
};

}  // namespace weft::discovery
