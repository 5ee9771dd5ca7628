// The HTTP proxy that WebSockets go through, as configuration and environment name it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace weft::node {

struct ProxyAddress {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  std::string user, password;  // Basic; no user: none

  // "[http://][USER[:PASSWORD]@]HOST[:PORT][/]", percent escapes in user and password; without a
  // port 80 (RFC 3986). Usage: anything else, named without its password.
  [[nodiscard]] static Result<ProxyAddress> parse(std::string_view url);
};

// Whether no_proxy keeps `host` from the proxy: it is in the comma separated list, or ends with
// ".ENTRY" of it, or the list is "*". Addresses are compared as text.
[[nodiscard]] bool goes_around_proxy(std::string_view no_proxy, std::string_view host);

}  // namespace weft::node
