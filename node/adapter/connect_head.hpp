// The head of an HTTP CONNECT (RFC 9110 section 9.3.6), as programs send it to a proxy. Parsed by
// Boost.Beast; here are its limits and what is refused: other methods, a body, 8 KiB, 64 headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace weft::adapter {

struct ConnectHead {
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 0;
  std::size_t consumed = 0;  // bytes of the input it took
};

// From the bytes received so far: nullopt = more are needed. Unsupported: another method;
// TooLarge; Malformed.
[[nodiscard]] Result<std::optional<ConnectHead>> parse_connect_head(ByteView received);

}  // namespace weft::adapter
