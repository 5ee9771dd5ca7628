#include "overlay/discovery/lan_beacon.hpp"

#include "dht/record.hpp"

namespace weft::discovery {

namespace {

constexpr std::string_view kMagic = "WFL1";
constexpr std::size_t kSentSize = 8;
constexpr std::size_t kPortSize = 2;

}  // namespace

Bytes LanBeacon::encode(const LanIdentity& self, UnixTime sent, Rng& rng) {
  Bytes plain;
  append_be(plain, static_cast<std::uint64_t>(sent));
  append_be(plain, self.port);
  append(plain, self.certificate.encode());
  Bytes out = to_bytes(bytes_of(kMagic));
  append(out,
         dht::seal_value(dht::audience_key(self.secret), NodeId{self.network.bytes}, rng, plain));
  return out;
}

Result<LanBeacon> LanBeacon::decode(const NetworkId& network, const ByteArray<32>& secret,
                                    ByteView bytes) {
  if (bytes.size() < kMagic.size() || text_of(bytes.first(kMagic.size())) != kMagic)
    return fail(Errc::Unsupported, "no beacon");
  WEFT_TRY(const Bytes plain, dht::open_value(dht::audience_key(secret), NodeId{network.bytes},
                                              bytes.subspan(kMagic.size())));
  if (plain.size() < kSentSize + kPortSize) return fail(Errc::Malformed, "beacon");
  const ByteView fields(plain);
  LanBeacon beacon;
  beacon.sent = static_cast<UnixTime>(read_be<std::uint64_t>(fields));
  beacon.port = read_be<std::uint16_t>(fields.subspan(kSentSize));
  WEFT_TRY(beacon.certificate, Certificate::decode(fields.subspan(kSentSize + kPortSize)));
  if (beacon.port == 0) return fail(Errc::Malformed, "beacon without port");
  return beacon;
}

}  // namespace weft::discovery
