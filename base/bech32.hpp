// bech32m (BIP 350) for ids and tickets: lower case, a checksum that catches typing errors.
// Departs from the BIP in one point: no 90-character limit, because tickets are longer; the bound
// is `kMaxBech32Text`. Beyond 90 characters the checksum detects errors without guaranteeing it.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft {

inline constexpr std::size_t kMaxBech32Text = 4096;
inline constexpr std::string_view kBech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

std::string bech32m_encode(std::string_view prefix, ByteView data);
// Accepts all-lower or all-upper case; the prefix must match.
[[nodiscard]] Result<Bytes> bech32m_decode(std::string_view prefix, std::string_view text);

}  // namespace weft
