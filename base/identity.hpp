// Who a node is: one Ed25519 key, its NodeId, and the certificate that binds a separate random
// X25519 static key to it for one network (no key both signs and does DH: Noise 14).
//
// Certificate = canonical msgpack array
//   [version=1, network 32, identity 32, static 32, epoch, not_before, not_after, signature 64]
// signed over "weft static v1\0" | the same array of seven without the signature. not_after -
// not_before <= 30 d. docs/wire/certificate.md shows the bytes.
#pragma once

#include "base/crypto.hpp"
#include "base/node_id.hpp"
#include "base/time.hpp"

namespace weft {

using IdentityKey = crypto::Key32;  // Ed25519 public key

NodeId node_id_of(const IdentityKey& identity);

struct Identity {
  crypto::Ed25519KeyPair key;
  NodeId id;

  static Identity from_seed(const ByteArray<32>& seed);
  static Identity generate(Rng& rng) { return from_seed(rng.bytes<32>()); }
  [[nodiscard]] const IdentityKey& public_key() const { return key.public_key; }
};

inline constexpr UnixTime kCertificateLifetime = 30 * 86400;
inline constexpr UnixTime kCertificateRotation = 15 * 86400;
inline constexpr UnixTime kClockSkew = 5 * 60;
inline constexpr std::size_t kMaxCertificateSize = 512;

struct Certificate {
  NetworkId network;
  IdentityKey identity{};
  crypto::Key32 static_key{};
  std::uint64_t epoch = 0;
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  crypto::Signature signature{};

  [[nodiscard]] NodeId node() const { return node_id_of(identity); }
  [[nodiscard]] Bytes encode() const;
  // Parses, demands canonical form and verifies the signature; time and network are checked by
  // check(), because only the receiver knows them.
  [[nodiscard]] static Result<Certificate> decode(ByteView bytes);
  // The same but for the signature. REQUIRES: these very bytes were decoded before.
  [[nodiscard]] static Result<Certificate> parse(ByteView bytes);
  [[nodiscard]] Result<void> check(const NetworkId& expected, const crypto::Key32& presented_static,
                                   UnixTime now) const;
  static Certificate issue(const Identity& identity, const NetworkId& network,
                           const crypto::Key32& static_key, std::uint64_t epoch, UnixTime now);
};

// A node's static key and the certificate over it, as it presents them.
struct StaticCredential {
  crypto::X25519KeyPair key;
  Certificate certificate;
};

}  // namespace weft
