// What the DHT stores. Four kinds, one encoding: canonical msgpack array
//   [1, kind, author 32 | nil, label, seq, expires, value, signature 64 | nil]
// signed by the author over "weft record v1\0" | canonical [1, network 32, kind, author, label,
// seq, expires, value]. Rules and error numbers are BEP 44's; SHA-256 and our own prefix replace
// SHA-1 and bencoding, and the signature names the network.
//
//   kind       key (where it is stored)                           label
//   Immutable  SHA-256("weft immutable v1\0" | value)             empty; no author, seq, expires
//   Mutable    SHA-256("weft mutable v1\0" | author | label)      salt, at most 64 bytes
//   Node       the author's NodeId                                empty
//   Provider   the label: SHA-256 of whatever is provided         32 bytes; one per author and key
//
// `expires` is the author's last word (unix seconds, 0: none); holders forget earlier by their own
// rule (48 h, presence 30 min), whichever comes first.
#pragma once

#include <optional>

#include "base/address.hpp"
#include "base/identity.hpp"
#include "base/wire.hpp"

namespace weft::dht {

using Key = NodeId;  // records live in the id space of nodes

enum class RecordKind : std::uint8_t { Immutable = 0, Mutable = 1, Node = 2, Provider = 3 };

// BEP 44's numbers, BEP 5's for 202 and 203.
enum class PutError : std::uint16_t {
  None = 0,
  Protocol = 203,  // malformed, wrong key, bad cookie
  Refused = 202,   // full, or not a server
  TooBig = 205,    // value over 1000 bytes
  BadSignature = 206,
  SaltTooBig = 207,   // over 64 bytes
  CasMismatch = 301,  // read again and retry
  OldSequence = 302,  // lower, or equal with another value
};

inline constexpr std::size_t kMaxValue = 1000;
inline constexpr std::size_t kMaxSalt = 64;
// What decode() reads at all: one datagram. A record within its limits takes at most 1,188 bytes.
inline constexpr std::size_t kMaxDecoded = 1372;

struct Record {
  RecordKind kind = RecordKind::Immutable;
  IdentityKey author{};
  Bytes label;
  std::uint64_t seq = 0;
  UnixTime expires = 0;
  Bytes value;
  crypto::Signature signature{};

  bool operator==(const Record&) const = default;

  [[nodiscard]] Key key() const;
  [[nodiscard]] Bytes encode() const;
  // Layout, canonical form and sizes; not the signature.
  [[nodiscard]] static Result<Record> decode(ByteView bytes);
  // The size rules, then the signature: 205, 207, 203, 206 in this order.
  [[nodiscard]] PutError check(const NetworkId& network) const;
  [[nodiscard]] bool is_presence() const {
    return kind == RecordKind::Node || kind == RecordKind::Provider;
  }

  static Record immutable(ByteView value);
  // REQUIRES: value and salt within their limits.
  static Record mutable_item(const Identity& author, const NetworkId& network, ByteView salt,
                             std::uint64_t seq, ByteView value, UnixTime expires = 0);
  static Record node(const Identity& author, const NetworkId& network, std::uint64_t seq,
                     UnixTime expires, ByteView value);
  static Record provider(const Identity& author, const NetworkId& network, const Key& what,
                         std::uint64_t seq, UnixTime expires, ByteView value);
};

// Where a mutable item of this author lives.
Key mutable_key(const IdentityKey& author, ByteView salt);
Key immutable_key(ByteView value);
// Where providers of a service of this name are listed.
Key service_key(const NetworkId& network, std::string_view name);

// Whether `next` may replace `current` (nullptr: nothing stored yet): 301, 302 or none.
PutError may_replace(const Record* current, const Record& next, std::optional<std::uint64_t> cas);

// The value of a Node record: how to reach its author.
// Canonical array [certificate, [address ...], [relay NodeId 32 ...], capabilities].
struct NodeInfo {
  static constexpr std::size_t kMaxAddresses = 8;
  static constexpr std::size_t kMaxRelays = 4;
  Bytes certificate;
  std::vector<Address> addresses;
  std::vector<NodeId> relays;
  std::uint64_t capabilities = 0;

  bool operator==(const NodeInfo&) const = default;
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<NodeInfo> decode(ByteView bytes);
};

// Values only a network's members can read: nonce 24 | XChaCha20-Poly1305 under a key derived from
// the network secret, bound to the record's key. Adds 40 bytes.
inline constexpr std::size_t kAudienceOverhead = 40;
crypto::Key32 audience_key(const ByteArray<32>& network_secret);
Bytes seal_value(const crypto::Key32& audience, const Key& key, Rng& rng, ByteView plaintext);
[[nodiscard]] Result<Bytes> open_value(const crypto::Key32& audience, const Key& key,
                                       ByteView sealed);

}  // namespace weft::dht
