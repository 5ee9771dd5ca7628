// Sealed datagrams without cryptography, for simulations and tests ONLY: same sizes, no secrecy, no
// authenticity beyond naming the sender's contact in a shared book. A target of its own that the
// daemon does not link.
#pragma once

#include "dht/contact_book.hpp"
#include "overlay/post/sealer.hpp"

namespace weft::post {

class NullSealer final : public Sealer {
 public:
  // What an encoded certificate takes in a HELLO.
  static constexpr std::size_t kCertificateSize = 190;

  // `self` is a contact of ours in `book`. All nodes share the book, or have others in which
  // `self` is a contact of ours too.
  NullSealer(const dht::ContactBook& book, dht::ContactHandle self) : book_(book), self_(self) {}

  // Whom a datagram says it is from; None: it is none of ours. Nothing else is checked.
  static dht::ContactHandle sender_of(ByteView datagram);
  static bool is_reply(ByteView datagram);

  [[nodiscard]] std::size_t overhead(bool reply, bool hello) const override;
  // Everybody says hello to whom it does not know, as with real keys; nobody forgets or lies.
  [[nodiscard]] bool proven(const Contact&) const override { return true; }
  std::size_t seal(const Contact& to, const ToSeal& message, MutableByteView out) override;
  std::optional<Unsealed> open(Instant now, ByteView datagram) override;
  [[nodiscard]] std::uint64_t mac(const ByteArray<16>& key, ByteView message) const override;

 private:
  const dht::ContactBook& book_;
  dht::ContactHandle self_;
};

}  // namespace weft::post
