// Where an exit (a socks5 service) lets its callers go. It is asked twice: about the name they
// gave, and about the address that name has, which is then the one connected to (N28).
//
// Text: "any", or a list of CIDRs and host names, separated by commas:
//   any              whatever is on the public internet
//   192.168.7.0/24   these addresses, private ones too; a single address is a /32 or /128
//   example.org      this name; .example.org: each name below it. On public addresses only
//
// Invariants
//  1. Never, whatever the rules say (N27): loopback, unspecified, link-local (so the metadata
//     address of clouds), multicast, broadcast, reserved; IPv6 forms that carry an IPv4 address
//     (mapped, compatible, NAT64, 6to4, Teredo).
//  2. Private and shared ranges (RFC 1918, 4193, 6598) only where a CIDR names them.
// That an address is none of this machine's own is the business of who knows those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "overlay/service/address_range.hpp"

namespace weft::service {

class ExitPolicy {
 public:
  static constexpr std::size_t kMaxRules = 32;

  // Usage, with what to change.
  [[nodiscard]] static Result<ExitPolicy> from_text(std::string_view text);
  [[nodiscard]] std::string to_text() const;

  // Why nobody need look this name up; nothing if its addresses decide.
  [[nodiscard]] std::optional<std::string> refuses_name(std::string_view host) const;
  // Why not; nothing if it may be connected to. `host` as the caller gave it, a name or an address.
  [[nodiscard]] std::optional<std::string> refuses(std::string_view host, const Endpoint& at) const;

  bool operator==(const ExitPolicy&) const = default;

 private:
  [[nodiscard]] Result<void> add(std::string_view rule);
  [[nodiscard]] bool names(std::string_view host) const;

  bool any_ = false;
  std::vector<AddressRange> ranges_;
  std::vector<std::string> names_;  // lower case; ".example.org" for what is below it
};

// Invariant 1: what it is, nothing if it may be allowed.
[[nodiscard]] std::optional<std::string_view> never_an_exit(const Endpoint& at);

}  // namespace weft::service
