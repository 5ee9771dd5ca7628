// Names of services in the form of host names: SERVICE.weft, SERVICE.NODE.weft or
// SERVICE.NODE.NETWORK.weft, in any case, with or without a last dot. The web gateway has them below
// "localhost" too (SERVICE.NODE.NETWORK.weft.localhost), where browsers look for this machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::service {

struct WeftName {
  std::string service;
  std::string node;     // empty: the one node that offers it
  std::string network;  // empty: the one that is meant
  bool operator==(const WeftName&) const = default;
};

// True for what ends with ".weft", whether or not it names a service: it never leaves the network.
[[nodiscard]] bool is_weft_name(std::string_view host);
// Nullopt: no such name, or a part of it is no label.
[[nodiscard]] std::optional<WeftName> weft_name(std::string_view host);
[[nodiscard]] std::optional<WeftName> weft_localhost_name(std::string_view host);

}  // namespace weft::service
