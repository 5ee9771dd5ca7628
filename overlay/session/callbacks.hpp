// The C functions ngtcp2 calls, as one table. No exception leaves them.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ngtcp2/ngtcp2.h>

namespace weft::session {

ngtcp2_callbacks session_callbacks();
// ngtcp2's AEAD seal over our PacketCipher: also used to write Retry packets.
int seal_packet(std::uint8_t* dest, const ngtcp2_crypto_aead* aead,
                const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* plaintext,
                std::size_t plaintext_size, const std::uint8_t* nonce, std::size_t nonce_size,
                const std::uint8_t* ad, std::size_t ad_size);

}  // namespace weft::session
