// How messages reach the DHT and leave it. Who carries them (a post office with real keys, or a
// simulation without any) seals and opens; the DHT sees opened messages, and names what is to be
// sealed for whom. It knows the carrier by what it must ask of it: PostView.
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
  ByteView body;  // valid until the carrier opens the next one
};

// A message that came, with the address it came from and the size of its datagram: what may be
// answered to an address that proved nothing is no larger.
struct Arrived {
  Endpoint from;
  std::size_t size = 0;
  const Unsealed& message;
};

// A message that is to leave. `to` is good until the next call of the DHT.
struct Departing {
  const Contact* to = nullptr;
  Bytes body;
  Nonce nonce{};
  std::optional<Nonce> answers;
  bool hello = false;
  std::size_t pad_to = 0;

  [[nodiscard]] ToSeal to_seal() const { return {body, nonce, answers, hello, pad_to}; }
};

// Queries only, as of a TrustView.
class PostView {
 public:
  PostView() = default;
  PostView(const PostView&) = delete;
  PostView& operator=(const PostView&) = delete;
  virtual ~PostView() = default;

  // Bytes a datagram has beyond its body.
  [[nodiscard]] virtual std::size_t overhead(bool reply, bool hello) const = 0;
  // Whether this contact has shown its certificate: until then we must say hello, and it answers
  // so.
  [[nodiscard]] virtual bool proven(const Contact& contact) const = 0;
  // Whether records signed by this node are kept: in a closed network, those of its members.
  [[nodiscard]] virtual bool may_author(const NodeId&, UnixTime) const { return true; }
  // Eight unguessable bytes over `message`; the key is the caller's.
  [[nodiscard]] virtual std::uint64_t mac(const ByteArray<16>& key, ByteView message) const = 0;
};

}  // namespace weft::dht
