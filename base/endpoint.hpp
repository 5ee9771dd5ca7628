// An IP address and a port, without any socket library. IPv4 lives as the mapped IPv6 form
// ::ffff:a.b.c.d, so one comparison and one hash serve both families.
// Wire form: 18 bytes, address 16 then port u16 big-endian.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft {

struct Endpoint {
  static constexpr std::size_t kWireSize = 18;

  ByteArray<16> address{};
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;

  static Endpoint v4(std::uint32_t host_order_address, std::uint16_t port);
  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_link_local() const;
  // RFC 1918, RFC 4193, loopback and link-local: addresses that mean something only nearby.
  [[nodiscard]] bool is_private() const;
  [[nodiscard]] std::uint32_t v4_address() const;  // host order. REQUIRES: is_v4()
};

std::string to_text(const Endpoint& endpoint);  // "192.0.2.1:7" or "[2001:db8::1]:7"
[[nodiscard]] Result<Endpoint> endpoint_from_text(std::string_view text);
void append_wire(Bytes& out, const Endpoint& endpoint);
[[nodiscard]] Result<Endpoint> endpoint_from_wire(ByteView bytes);

}  // namespace weft

template <>
struct std::hash<weft::Endpoint> {
  std::size_t operator()(const weft::Endpoint& e) const noexcept {
    std::uint64_t h = 0x9e3779b97f4a7c15ULL ^ e.port;
    for (auto b : e.address) h = (h ^ b) * 0x100000001b3ULL;
    return static_cast<std::size_t>(h ^ h >> 29);
  }
};
