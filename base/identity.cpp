#include "base/identity.hpp"

#include <limits>

#include "base/wire.hpp"

namespace weft {

namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kSignedFields = 7;
constexpr auto kNodeDomain = "weft node v1\0"sv;
constexpr auto kSignatureDomain = "weft static v1\0"sv;

// The fields the signature covers, as an array of `count` elements.
wire::Writer write_fields(const Certificate& certificate, std::size_t count) {
  wire::Writer out;
  out.array(count)
      .uint(kVersion)
      .bin(certificate.network.bytes)
      .bin(certificate.identity)
      .bin(certificate.static_key)
      .uint(certificate.epoch)
      .uint(static_cast<std::uint64_t>(certificate.not_before))
      .uint(static_cast<std::uint64_t>(certificate.not_after));
  return out;
}

Bytes signed_bytes(const Certificate& certificate) {
  Bytes out = to_bytes(bytes_of(kSignatureDomain));
  append(out, write_fields(certificate, kSignedFields).bytes());
  return out;
}

Result<UnixTime> read_time(wire::Reader& reader) {
  WEFT_TRY(const std::uint64_t value, reader.uint());
  if (value > static_cast<std::uint64_t>(std::numeric_limits<UnixTime>::max() / 2))
    return fail(Errc::Malformed, "certificate: a time beyond all calendars");
  return static_cast<UnixTime>(value);
}

}  // namespace

NodeId node_id_of(const IdentityKey& identity) {
  return NodeId{crypto::sha256({bytes_of(kNodeDomain), identity})};
}

Identity Identity::from_seed(const ByteArray<32>& seed) {
  Identity out;
  out.key = crypto::Ed25519KeyPair::from_seed(seed);
  out.id = node_id_of(out.key.public_key);
  return out;
}

Bytes Certificate::encode() const {
  return write_fields(*this, kSignedFields + 1).bin(signature).take();
}

Result<Certificate> Certificate::decode(ByteView bytes) {
  WEFT_TRY(const Certificate out, parse(bytes));
  if (!crypto::ed25519_verify(out.identity, signed_bytes(out), out.signature))
    return fail(Errc::BadSignature, "certificate: signature");
  return out;
}

Result<Certificate> Certificate::parse(ByteView bytes) {
  if (bytes.size() > kMaxCertificateSize) return fail(Errc::TooLarge, "certificate: too long");
  auto reader = wire::Reader::canonical(bytes);
  WEFT_TRY(const std::size_t fields, reader.array(kSignedFields + 1));
  if (fields != kSignedFields + 1) return fail(Errc::Malformed, "certificate: wrong field count");
  WEFT_TRY(const std::uint64_t version, reader.uint());
  if (version != kVersion) return fail(Errc::Unsupported, "certificate: unknown version");
  Certificate out;
  WEFT_TRY(out.network.bytes, reader.fixed<NetworkId::kSize>());
  WEFT_TRY(out.identity, reader.fixed<32>());
  WEFT_TRY(out.static_key, reader.fixed<32>());
  WEFT_TRY(out.epoch, reader.uint());
  WEFT_TRY(out.not_before, read_time(reader));
  WEFT_TRY(out.not_after, read_time(reader));
  WEFT_TRY(out.signature, reader.fixed<64>());
  WEFT_CHECK(reader.finish());
  if (out.not_after < out.not_before || out.not_after - out.not_before > kCertificateLifetime)
    return fail(Errc::Malformed, "certificate: valid for longer than 30 days or never");
  return out;
}

Result<void> Certificate::check(const NetworkId& expected, const crypto::Key32& presented_static,
                                UnixTime now) const {
  if (network != expected) return fail(Errc::WrongNetwork, "certificate: of another network");
  if (!equal(static_key, presented_static))
    return fail(Errc::BadKey, "certificate: for another static key than the one presented");
  if (now < not_before - kClockSkew) return fail(Errc::NotYetValid, "certificate: not yet valid");
  if (now > not_after + kClockSkew) return fail(Errc::Expired, "certificate: expired");
  return {};
}

Certificate Certificate::issue(const Identity& identity, const NetworkId& network,
                               const crypto::Key32& static_key, std::uint64_t epoch, UnixTime now) {
  Certificate out;
  out.network = network;
  out.identity = identity.public_key();
  out.static_key = static_key;
  out.epoch = epoch;
  out.not_before = now;
  out.not_after = now + kCertificateLifetime;
  out.signature = crypto::ed25519_sign(identity.key, signed_bytes(out));
  return out;
}

}  // namespace weft
