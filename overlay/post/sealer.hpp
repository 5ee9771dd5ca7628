// The seam between messages and sealed datagrams (base/sealed.hpp): seal for one peer, open from
// anyone. The daemon's is RealSealer (real_sealer.hpp); simulations link NullSealer, which does no
// cryptography and has the same sizes.
#pragma once

#include "dht/mail.hpp"

namespace weft::post {

using dht::Contact;
using dht::ToSeal;
using dht::Unsealed;
using sealed::Nonce;

class Sealer : public dht::PostView {
 public:
  // Size written to `out`, 0 when it cannot be done (bad peer key, too large).
  virtual std::size_t seal(const Contact& to, const ToSeal& message, MutableByteView out) = 0;
  // nullopt: not for us, forged, from a stranger, damaged; counted by the implementation.
  virtual std::optional<Unsealed> open(Instant now, ByteView datagram) = 0;
};

}  // namespace weft::post
