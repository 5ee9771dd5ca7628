// From secrets to packet keys: RFC 9001 sections 5 and 6 with SHA-256 throughout.
//
// Departures: the Initial salt is weft's own, so that a QUIC v1 middlebox cannot read our first
// flight; Handshake and 1-RTT secrets come from Noise; a generation may mix in fresh key material
// (docs/wire/session.md, "Fresh keys on a live connection").
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/packet_cipher.hpp"

namespace weft::session {

using Secret = crypto::Key32;

struct DirectionSecrets {
  Secret client{};
  Secret server{};
};

struct PacketKeys {
  std::unique_ptr<PacketCipher> cipher;
  std::unique_ptr<HeaderProtection> header;  // null for a key update: header keys never change
  ByteArray<PacketCipher::kNonceSize> iv{};
};

// `client_dcid` is the destination id of the client's first Initial, or of the one after a Retry.
DirectionSecrets initial_secrets(ByteView client_dcid);

PacketKeys derive_packet_keys(PacketCipherSuite suite, const Secret& secret,
                              PacketCipher::Direction direction, bool with_header);

// "quic ku": the secret of the next key generation.
Secret next_generation(const Secret& current);
// The same, with the output of a fresh handshake mixed in.
Secret next_generation_mixed(const Secret& current, const Secret& fresh);

// The AEAD of RFC 9001 5.8 that authenticates a Retry packet.
std::unique_ptr<PacketCipher> retry_integrity_cipher();

}  // namespace weft::session
