// Private to base: how packet_cipher.cpp reaches its two implementations.
#pragma once

#include "base/packet_cipher.hpp"

namespace weft::detail {

std::unique_ptr<PacketCipher> openssl_packet_cipher(PacketCipherSuite suite, ByteView key,
                                                    PacketCipher::Direction direction);
std::unique_ptr<HeaderProtection> openssl_header_protection(PacketCipherSuite suite, ByteView key);

#ifdef WEFT_HAVE_GCRYPT
bool gcrypt_initialise();  // once per process, any thread
std::unique_ptr<PacketCipher> gcrypt_aes256gcm(ByteView key);
#endif

}  // namespace weft::detail
