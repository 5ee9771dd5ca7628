// LanBeacon::decode on what a member of the network might seal, and on the bytes as they are.
// Nothing crashes it, and what it takes stands in those bytes as the header says.
#include "base/assert.hpp"
#include "base/seeded_rng.hpp"
#include "dht/record.hpp"
#include "overlay/discovery/lan_beacon.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  static const bool ready = (crypto::initialise(), true);
  (void)ready;
  const ByteView input(data, size);
  const NetworkId network{};
  const ByteArray<32> secret{};
  WEFT_ASSERT(!discovery::LanBeacon::decode(network, secret, input));
  SeededRng rng(1);
  Bytes sealed = to_bytes(bytes_of("WFL1"));
  append(sealed, dht::seal_value(dht::audience_key(secret), NodeId{network.bytes}, rng, input));
  const auto beacon = discovery::LanBeacon::decode(network, secret, sealed);
  if (!beacon) return 0;
  Bytes again;
  append_be(again, static_cast<std::uint64_t>(beacon->sent));
  append_be(again, beacon->port);
  append(again, beacon->certificate.encode());
  WEFT_ASSERT(equal(again, input));
  return 0;
}
