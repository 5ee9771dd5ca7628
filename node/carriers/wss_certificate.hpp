// The certificate that a node without one of its own shows, and base64: what OpenSSL has and Asio
// does not.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

struct ssl_ctx_st;

namespace weft::carriers {

// A new P-256 key and a certificate by itself, valid for a year from a day ago; both in memory
// only. It names nobody: "localhost".
[[nodiscard]] Result<void> use_self_signed(ssl_ctx_st* context);

[[nodiscard]] std::string base64(std::string_view text);

}  // namespace weft::carriers
