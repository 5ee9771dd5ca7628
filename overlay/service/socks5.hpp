// SOCKS version 5 (RFC 1928): the messages of its handshake, both sides of it. No authentication,
// CONNECT only: UDP ASSOCIATE and BIND are understood and to be refused by their reply codes.
//
//   client: 05 | n | method * n            server: 05 | method, 00 none or FF
//   client: 05 | command | 00 | address    server: 05 | reply   | 00 | address
//   address: 01 | IPv4 4 | port u16      03 | length | name | port u16      04 | IPv6 16 | port u16
//
// Departures: an IPv6 address that carries an IPv4 one in it (::ffff:a.b.c.d) is malformed, because
// whoever checks the address of one family would be passed by the other; names are host names, so
// no address in another spelling passes as a name either.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "overlay/service/stream_open.hpp"

namespace weft::service::socks5 {

inline constexpr std::uint8_t kVersion = 5;
inline constexpr std::size_t kMaxGreeting = 257;
inline constexpr std::size_t kMaxRequest = 262;

enum class Command : std::uint8_t { Connect = 1, Bind = 2, UdpAssociate = 3 };
enum class Code : std::uint8_t {
  Ok = 0,
  Failed = 1,
  NotAllowed = 2,
  NetworkUnreachable = 3,
  HostUnreachable = 4,
  Refused = 5,
  Expired = 6,  // nobody answered in time
  CommandNotSupported = 7,
  AddressNotSupported = 8,
};
std::string_view name_of(Code code);

struct Greeting {
  bool without_password = false;  // the client can do without
};

struct Request {
  Command command = Command::Connect;
  std::string host;  // a name, or an address as text without brackets
  bool is_name = false;
  std::uint16_t port = 0;
  bool operator==(const Request&) const = default;
};

// From the bytes received so far: nullopt = more are needed. Malformed ends the connection; an
// address of a kind there is not is Unsupported.
[[nodiscard]] Result<std::optional<Parsed<Greeting>>> parse_greeting(ByteView received);
[[nodiscard]] Result<std::optional<Parsed<Request>>> parse_request(ByteView received);
// What a server answers to both at once: whether it asks for no password, then how it went.
[[nodiscard]] Result<std::optional<Parsed<Code>>> parse_answers(ByteView received);

[[nodiscard]] Bytes encode_method(bool accepted);
[[nodiscard]] Bytes encode_reply(Code code);
// Greeting and CONNECT in one go: what a client that knows its server sends.
// REQUIRES: a name of 1 to 255 bytes, or an address.
[[nodiscard]] Bytes encode_connect(const std::string& host, std::uint16_t port);

// Letters, digits, "-", "_" and dots, 253 bytes at most; not what a resolver takes for a number.
[[nodiscard]] bool is_host_name(std::string_view text);

}  // namespace weft::service::socks5
