// Sealed datagrams: one self-contained, authenticated message per UDP datagram, no session. DHT
// rpc, SWIM probes and path probes travel in them. Pure codec: no clock, no table but the bounded
// PeerKeys. docs/wire/sealed.md shows the bytes.
//
//   0x04 | version 1 | flags 1 | gate 8 | sender key 32 (HELLO) or key id 8 | nonce 24 | box
//   box: XChaCha20-Poly1305 of
//     [request nonce 24, in a reply] [u16 size | certificate, in a HELLO] u16 size | body | zeros
//
// Invariants
// 1. The gate covers every byte of the datagram and is checked before any DH: who does not hold the
//    network secret costs us one SipHash and hears nothing.
// 2. Key = HKDF(X25519(static a, static b), "weft dgram v1" | network). Associated data = header
//    without the gate | network | sender NodeId | receiver NodeId, so a datagram cannot be
//    reflected or moved to another pair or network. In a HELLO the sender's NodeId is 32 zeros: the
//    receiver learns it only from the certificate inside, which must be for the static key in
//    front.
// 3. A nonce is 24 random bytes, never reused; a reply has its own and names the request's inside.
// 4. No forward secrecy and no replay protection here: reads are idempotent, writes carry a cookie.
//
// How to receive: parse(); gate_matches(); PeerKeys::find(sender_id()), or shared_key() for a HELLO
// of whom it does not know; open().
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/identity.hpp"

namespace weft::sealed {

inline constexpr std::uint8_t kFirstByte = 0x04;
inline constexpr std::uint8_t kVersion = 1;
// Fits an IPv6 path through one tunnel (1420 byte MTU).
inline constexpr std::size_t kMaxDatagram = 1372;
// A request without a cookie is padded to this, so that no reply amplifies.
inline constexpr std::size_t kPaddedRequest = 512;
inline constexpr std::size_t kGateOffset = 3;
inline constexpr std::size_t kGateSize = 8;
inline constexpr std::size_t kTagSize = crypto::kTagSize;

using GateKey = ByteArray<16>;
using KeyId = ByteArray<8>;
using Nonce = ByteArray<24>;
using SharedKey = crypto::Key32;
using CertificateHash = crypto::Hash;  // SHA-256 of its encoding

// Bytes a datagram has beyond its body.
constexpr std::size_t overhead(bool reply, std::size_t hello_certificate_size) {
  const bool hello = hello_certificate_size != 0;
  return kGateOffset + kGateSize + (hello ? 32 : sizeof(KeyId)) + sizeof(Nonce) + kTagSize +
         (reply ? sizeof(Nonce) : 0) + (hello ? 2 + hello_certificate_size : 0) + 2;
}

// SHA-256("weft dgram gate v1" | network secret | receiver identity), first 16 bytes.
GateKey gate_key(const ByteArray<32>& network_secret, const IdentityKey& receiver);
// SHA-256("weft dgram id v1" | static key), first 8 bytes.
KeyId key_id_of(const crypto::Key32& static_key);

// The costly part, behind a seam: tests count what a hostile datagram can make us compute. The
// daemon's is real_crypto().
class Crypto {
 public:
  virtual ~Crypto() = default;
  // nullopt: low-order peer key.
  [[nodiscard]] virtual std::optional<SharedKey> shared_key(const crypto::Key32& own_secret,
                                                            const crypto::Key32& peer_static,
                                                            const NetworkId& network) const = 0;
  // Parses and verifies a certificate.
  [[nodiscard]] virtual Result<Certificate> certificate(ByteView bytes) const = 0;
  // MAC over a datagram whose gate bytes are zero.
  [[nodiscard]] virtual ByteArray<kGateSize> gate(const GateKey& key, ByteView datagram) const = 0;
  // out holds plaintext + kTagSize.
  virtual void seal(const SharedKey& key, const Nonce& nonce, ByteView ad, ByteView plaintext,
                    MutableByteView out) const = 0;
  [[nodiscard]] virtual bool open(const SharedKey& key, const Nonce& nonce, ByteView ad,
                                  ByteView ciphertext, MutableByteView out) const = 0;
};
const Crypto& real_crypto();

// One direction of one pair in one network.
struct Direction {
  NetworkId network;
  NodeId sender;
  NodeId receiver;
};

struct Outgoing {
  ByteView body;
  Nonce nonce{};                  // fresh random bytes
  std::optional<Nonce> answers;   // in a reply: the request's nonce
  crypto::Key32 sender_static{};  // ours
  ByteView hello_certificate;     // not empty: this is a HELLO carrying it, encoded
  std::size_t pad_to = 0;         // datagram size to reach with zeros; 0: none
};

// TooLarge when the datagram would exceed kMaxDatagram. `gate` is the receiver's gate key.
[[nodiscard]] Result<Bytes> seal(const Crypto& crypto, const SharedKey& key, const GateKey& gate,
                                 const Direction& direction, const Outgoing& message);

// What can be told without any key. Views and the whole point into the datagram.
struct Incoming {
  ByteView datagram;
  bool reply = false;
  std::optional<crypto::Key32> hello_static;  // set in a HELLO
  KeyId sender{};                             // not set in a HELLO
  Nonce nonce{};
  std::size_t header_size = 0;  // up to and including the nonce

  [[nodiscard]] bool hello() const { return hello_static.has_value(); }
  [[nodiscard]] KeyId sender_id() const { return hello() ? key_id_of(*hello_static) : sender; }
};
// Layout only. Unsupported: another version or unknown flags.
[[nodiscard]] Result<Incoming> parse(ByteView datagram);
// `own` is the gate key of this node in one of its networks.
[[nodiscard]] bool gate_matches(const Crypto& crypto, const GateKey& own, const Incoming& incoming);

struct Opened {
  std::optional<Nonce> answers;            // set in a reply: which request
  std::optional<Certificate> certificate;  // set in a HELLO: verified, of this network, for the
                                           // static key in front, valid now
  CertificateHash certificate_hash{};      // with it
  NodeId sender;
  Bytes body;
};
// `direction.sender` is who PeerKeys says the key id is; ignored in a HELLO. AuthFailed when the
// box does not open; whatever Certificate::check says for a HELLO. `verified`: of a certificate
// whose signature the caller saw verified before; a peer mostly shows the same again. Membership is
// the caller's to judge.
[[nodiscard]] Result<Opened> open(const Crypto& crypto, const SharedKey& key,
                                  const Direction& direction, const Incoming& incoming,
                                  UnixTime now, const CertificateHash& verified = {});

// Whom we share a key with, least recently used forgotten first. One per network.
struct PeerKey {
  NodeId node;
  crypto::Key32 static_key{};
  SharedKey key{};
  CertificateHash certificate{};  // the one verified last; zero: none
  UnixTime not_after = 0;         // of the certificate; the caller forgets it then
};

class PeerKeys {
 public:
  static constexpr std::size_t kCapacity = 65536;

  explicit PeerKeys(std::size_t capacity = kCapacity) : capacity_(capacity) {}
  PeerKeys(const PeerKeys&) = delete;
  PeerKeys& operator=(const PeerKeys&) = delete;
  ~PeerKeys() { clear(); }

  // Touches the entry. The pointer holds until the next insert, forget or clear.
  const PeerKey* find(const KeyId& id);
  void insert(const KeyId& id, const PeerKey& peer);
  void forget(const KeyId& id);
  void clear();  // wipes
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }

 private:
  struct Entry {
    KeyId id;
    PeerKey peer;
  };
  struct IdHash {
    std::size_t operator()(const KeyId& id) const noexcept;
  };

  std::size_t capacity_;
  std::list<Entry> recent_;  // front: used last
  std::unordered_map<KeyId, std::list<Entry>::iterator, IdHash> by_id_;
};

}  // namespace weft::sealed
