// The seam between the DHT and sealed datagrams (base/sealed.hpp): seal for one peer, open from
// anyone. The daemon's is RealSealer (real_sealer.hpp); simulations link NullSealer, which does no
// cryptography and has the same sizes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/sealed.hpp"
#include "dht/contact.hpp"

namespace weft::dht {

using sealed::Nonce;

struct ToSeal {
  ByteView body;
  Nonce nonce{};                 // fresh random bytes
  std::optional<Nonce> answers;  // in a reply: the request's nonce
  bool hello = false;            // carry our certificate: the peer may not know our key yet
  std::size_t pad_to = 0;        // datagram size to reach; 0: none
};

struct Unsealed {
  NodeId sender;
  bool hello = false;
  // The sender's identity and static key belong together: it showed the certificate, now or before.
  bool proven = false;
  // Set when the certificate is inside; else the caller knows it from its book.
  std::optional<IdentityKey> identity;
  crypto::Key32 static_key{};  // set when `proven`
  Nonce nonce{};
  std::optional<Nonce> answers;
  ByteView body;  // valid until the next call of open()
};

class Sealer {
 public:
  Sealer() = default;
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;
  virtual ~Sealer() = default;

  // Bytes a datagram has beyond its body.
  [[nodiscard]] virtual std::size_t overhead(bool reply, bool hello) const = 0;
  // Whether this contact has shown its certificate: until then we must say hello, and it answers
  // so.
  [[nodiscard]] virtual bool proven(const Contact& contact) const = 0;
  // Size written to `out`, 0 when it cannot be done (bad peer key, too large).
  virtual std::size_t seal(const Contact& to, const ToSeal& message, MutableByteView out) = 0;
  // nullopt: not for us, forged, from a stranger, damaged; counted by the implementation.
  virtual std::optional<Unsealed> open(Instant now, ByteView datagram) = 0;
  // Whether records signed by this node are kept: in a closed network, those of its members.
  [[nodiscard]] virtual bool may_author(const NodeId&, UnixTime) const { return true; }
  // Eight unguessable bytes over `message`; the key is the caller's.
  [[nodiscard]] virtual std::uint64_t mac(const ByteArray<16>& key, ByteView message) const = 0;
};

}  // namespace weft::dht
