#include "base/endpoint.hpp"

#include <arpa/inet.h>

#include <charconv>

#include "base/assert.hpp"

namespace weft {

namespace {
constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size())
    return fail(Errc::Malformed, "\"" + std::string(text) + "\" is not a port (0 to 65535)");
  return port;
}
}  // namespace

Endpoint Endpoint::v4(std::uint32_t host_order_address, std::uint16_t port) {
  Endpoint out;
  std::copy(std::begin(kMapped), std::end(kMapped), out.address.begin());
  for (std::size_t i = 0; i < 4; ++i)
    out.address[12 + i] = static_cast<std::uint8_t>(host_order_address >> (24 - 8 * i));
  out.port = port;
  return out;
}

bool Endpoint::is_v4() const {
  return std::equal(std::begin(kMapped), std::end(kMapped), address.begin());
}

bool Endpoint::is_loopback() const {
  if (is_v4()) return address[12] == 127;
  ByteArray<16> one{};
  one[15] = 1;
  return address == one;
}

bool Endpoint::is_unspecified() const {
  return is_v4() ? v4_address() == 0 : address == ByteArray<16>{};
}

bool Endpoint::is_link_local() const {
  if (is_v4()) return address[12] == 169 && address[13] == 254;
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool Endpoint::is_private() const {
  if (is_loopback() || is_link_local()) return true;
  if (!is_v4()) return (address[0] & 0xfe) == 0xfc;
  return address[12] == 10 || (address[12] == 172 && (address[13] & 0xf0) == 16) ||
         (address[12] == 192 && address[13] == 168);
}

std::uint32_t Endpoint::v4_address() const {
  WEFT_ASSERT(is_v4());
  return read_be<std::uint32_t>(ByteView(address).subspan(12));
}

std::string to_text(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = {};
  if (endpoint.is_v4()) {
    inet_ntop(AF_INET, endpoint.address.data() + 12, text, sizeof text);
    return std::string(text) + ":" + std::to_string(endpoint.port);
  }
  inet_ntop(AF_INET6, endpoint.address.data(), text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(endpoint.port);
}

Result<Endpoint> endpoint_from_text(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(Errc::Malformed, "an address needs HOST:PORT");
  std::string host(text.substr(0, colon));
  WEFT_TRY(const auto port, parse_port(text.substr(colon + 1)));
  Endpoint out;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), out.address.data()) != 1)
      return fail(Errc::Malformed, "\"" + host + "\" is not an IPv6 address");
    out.port = port;
    return out;
  }
  ByteArray<4> v4{};
  if (inet_pton(AF_INET, host.c_str(), v4.data()) != 1)
    return fail(Errc::Malformed, "\"" + host + "\" is not an IPv4 address");
  return Endpoint::v4(read_be<std::uint32_t>(v4), port);
}

void append_wire(Bytes& out, const Endpoint& endpoint) {
  append(out, endpoint.address);
  append_be(out, endpoint.port);
}

Result<Endpoint> endpoint_from_wire(ByteView bytes) {
  if (bytes.size() != Endpoint::kWireSize) return fail(Errc::Malformed, "endpoint: wrong length");
  Endpoint out;
  std::copy_n(bytes.begin(), 16, out.address.begin());
  out.port = read_be<std::uint16_t>(bytes.subspan(16));
  return out;
}

}  // namespace weft
