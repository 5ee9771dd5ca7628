#include "overlay/membership/claim.hpp"

#include <algorithm>

#include "base/wire.hpp"

namespace weft::membership {

namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kAccuses = 3;
constexpr std::size_t kClaimElements = 8;
constexpr std::size_t kAccusationElements = 6;
constexpr std::size_t kKeyElements = 5;
constexpr std::size_t kSignatureSize = 2 + 64;  // a bin of 64, the last element
constexpr char kDomain[] = "weft member v1";    // with its zero byte

// What the signature is over: the array of one element less, which is all of `raw` but its first
// byte and its last element.
Bytes text_of_word(ByteView raw, const NetworkId& network) {
  Bytes out;
  append(out, bytes_of({kDomain, sizeof kDomain}));
  append(out, network.view());
  out.push_back(static_cast<std::uint8_t>(raw[0] - 1));
  append(out, raw.subspan(1, raw.size() - 1 - kSignatureSize));
  return out;
}

void finish(Bytes& raw, crypto::Signature& signature, const NetworkId& network,
            const Notary& notary, wire::Writer& out) {
  out.bin(crypto::Signature{});
  raw = out.take();
  signature = notary.sign(text_of_word(raw, network));
  std::ranges::copy(signature, raw.end() - 64);
}

void write_key(wire::Writer& out, const std::optional<Certificate>& key) {
  if (!key) {
    out.array(0);
    return;
  }
  out.array(kKeyElements).bin(key->static_key).uint(key->epoch);
  out.uint(static_cast<std::uint64_t>(key->not_before));
  out.uint(static_cast<std::uint64_t>(key->not_after));
  out.bin(key->signature);
}

Result<UnixTime> read_time(wire::Reader& in) {
  WEFT_TRY(const auto time, in.uint());
  if (time > (std::uint64_t{1} << 62)) return fail(Errc::Malformed, "claim: time");
  return static_cast<UnixTime>(time);
}

Result<std::optional<Certificate>> read_key(wire::Reader& in) {
  WEFT_TRY(const auto elements, in.array(kKeyElements));
  if (elements == 0) return std::nullopt;
  if (elements != kKeyElements) return fail(Errc::Malformed, "claim: key");
  Certificate out;
  WEFT_TRY(out.static_key, in.fixed<32>());
  WEFT_TRY(out.epoch, in.uint());
  WEFT_TRY(out.not_before, read_time(in));
  WEFT_TRY(out.not_after, read_time(in));
  WEFT_TRY(out.signature, in.fixed<64>());
  return out;
}

Result<Incarnation> read_incarnation(wire::Reader& in) {
  WEFT_TRY(const auto incarnation, in.uint());
  if (incarnation == 0 || incarnation > kHighestIncarnation)
    return fail(Errc::TooLarge, "membership: an incarnation that nobody reaches");
  return incarnation;
}

Result<Word> read_claim(wire::Reader& in, std::uint64_t kind, ByteView bytes) {
  if (bytes.size() > kMaxClaim) return fail(Errc::TooLarge, "claim: too long");
  Claim out;
  out.kind = static_cast<ClaimKind>(kind);
  WEFT_TRY(out.node.bytes, in.fixed<32>());
  WEFT_TRY(out.incarnation, read_incarnation(in));
  WEFT_TRY(out.flags, in.uint());
  WEFT_TRY(out.addresses, read_addresses(in, kMaxAddresses));
  WEFT_TRY(out.key, read_key(in));
  WEFT_TRY(out.signature, in.fixed<64>());
  WEFT_CHECK(in.finish());
  out.raw = to_bytes(bytes);
  return out;
}

Result<Word> read_accusation(wire::Reader& in, ByteView bytes) {
  if (bytes.size() > kMaxAccusation) return fail(Errc::TooLarge, "accusation: too long");
  Accusation out;
  WEFT_TRY(out.subject.bytes, in.fixed<32>());
  WEFT_TRY(out.incarnation, read_incarnation(in));
  WEFT_TRY(out.accuser.bytes, in.fixed<32>());
  WEFT_TRY(out.signature, in.fixed<64>());
  WEFT_CHECK(in.finish());
  out.raw = to_bytes(bytes);
  return out;
}

}  // namespace

crypto::Signature RealNotary::sign(ByteView text) const { return crypto::ed25519_sign(key_, text); }
bool RealNotary::verify(const IdentityKey& key, ByteView text,
                        const crypto::Signature& signature) const {
  return crypto::ed25519_verify(key, text, signature);
}

void sign(Claim& claim, const NetworkId& network, const Notary& notary) {
  for (std::size_t addresses = kMaxAddresses;; --addresses) {
    wire::Writer out;
    out.array(kClaimElements).uint(kVersion).uint(static_cast<std::uint64_t>(claim.kind));
    out.bin(claim.node.view()).uint(claim.incarnation).uint(claim.flags);
    write_addresses(out, claim.addresses, addresses);
    write_key(out, claim.key);
    // Names of relays and web servers may be long: the best addresses that fit.
    if (out.bytes().size() + kSignatureSize > kMaxClaim && addresses > 0) continue;
    return finish(claim.raw, claim.signature, network, notary, out);
  }
}

void sign(Accusation& accusation, const NetworkId& network, const Notary& notary) {
  wire::Writer out;
  out.array(kAccusationElements).uint(kVersion).uint(kAccuses);
  out.bin(accusation.subject.view()).uint(accusation.incarnation).bin(accusation.accuser.view());
  finish(accusation.raw, accusation.signature, network, notary, out);
}

Result<Word> decode_word(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  WEFT_TRY(const auto elements, in.array(kClaimElements));
  WEFT_TRY(const auto version, in.uint());
  WEFT_TRY(const auto kind, in.uint());
  if (version != kVersion) return fail(Errc::Unsupported, "membership: of another version");
  if ((kind == 1 || kind == 2) && elements == kClaimElements) return read_claim(in, kind, bytes);
  if (kind == kAccuses && elements == kAccusationElements) return read_accusation(in, bytes);
  return fail(Errc::Malformed, "membership: of another kind");
}

bool genuine(const Claim& claim, const IdentityKey& key, const NetworkId& network,
             const Notary& notary) {
  return notary.verify(key, text_of_word(claim.raw, network), claim.signature);
}
bool genuine(const Accusation& accusation, const IdentityKey& accuser, const NetworkId& network,
             const Notary& notary) {
  return notary.verify(accuser, text_of_word(accusation.raw, network), accusation.signature);
}

}  // namespace weft::membership
