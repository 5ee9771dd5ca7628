// Base64 with its padding (RFC 4648 section 4), for bytes in JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft {

[[nodiscard]] std::string to_base64(ByteView bytes);
// Nothing: it is none.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

}  // namespace weft
