#include "overlay/session/key_schedule.hpp"

#include <algorithm>

namespace weft::session {

DirectionSecrets initial_secrets(ByteView client_dcid) {
  const auto salt = crypto::sha256(bytes_of("weft quic initial salt v1"));
  const auto initial = crypto::hkdf_extract(ByteView(salt).first(20), client_dcid);
  DirectionSecrets secrets;
  crypto::expand_label(initial, "client in", secrets.client);
  crypto::expand_label(initial, "server in", secrets.server);
  return secrets;
}

PacketKeys derive_packet_keys(PacketCipherSuite suite, const Secret& secret,
                              PacketCipher::Direction direction, bool with_header) {
  ByteArray<32> key{};
  const MutableByteView sized(key.data(), key_size(suite));
  PacketKeys keys;
  crypto::expand_label(secret, "quic key", sized);
  keys.cipher = PacketCipher::create(suite, sized, direction);
  crypto::expand_label(secret, "quic iv", keys.iv);
  if (with_header) {
    crypto::expand_label(secret, "quic hp", sized);
    keys.header = HeaderProtection::create(suite, sized);
  }
  crypto::wipe(key);
  return keys;
}

Secret next_generation(const Secret& current) {
  Secret next;
  crypto::expand_label(current, "quic ku", next);
  return next;
}

Secret next_generation_mixed(const Secret& current, const Secret& fresh) {
  auto plain = next_generation(current);
  const auto mixed = crypto::hkdf_extract(fresh, plain);
  crypto::wipe(plain);
  return mixed;
}

std::unique_ptr<PacketCipher> retry_integrity_cipher() {
  // RFC 9001 5.8, QUIC version 1.
  static constexpr ByteArray<16> kKey{0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a,
                                      0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e};
  return PacketCipher::create(PacketCipherSuite::Aes128Gcm, kKey, PacketCipher::Direction::Seal);
}

}  // namespace weft::session
