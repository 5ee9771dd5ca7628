// What a node exposes: a name, how to speak to it, and where it is reached on that machine.
// Value of Table::Exposure = canonical msgpack [v=1, name, protocol, target text], or, for one that
// is not given through relays, [v=2, name, protocol, target text, true]; key = the name.
//
// Target text: PORT (this machine: localhost, so 127.0.0.1 and then ::1) | HOST:PORT | [IPV6]:PORT
// | unix:PATH (absolute, <= 107 bytes) | /PATH (a folder, of a file service) | exit:RULES (exit_policy.hpp; of a socks5 service, which has
// no program of its own); tcp:// may stand before a host, and has to before one that is called
// "unix" or "exit".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace weft::service {

enum class Protocol : std::uint8_t { Tcp = 0, Udp = 1, Http = 2, Socks5 = 3, File = 4 };

std::string_view name_of(Protocol protocol);  // "tcp", "udp", "http", "socks5", "file"
[[nodiscard]] Result<Protocol> protocol_from_text(std::string_view text);

// How the last connection to a target went, a caller's or a probe's. The numbers are on the wire.
enum class Health : std::uint8_t { Unknown = 0, Ok = 1, Refused = 2, NoAnswer = 3 };
std::string_view name_of(Health health);  // "unknown", "ok", "refused", "no answer"
constexpr bool is_bad(Health health) {
  return health == Health::Refused || health == Health::NoAnswer;
}

struct Target {
  enum class Kind : std::uint8_t { Host, Unix, Exit, Folder };
  Kind kind = Kind::Host;
  std::string host;  // Host: an IP address without brackets or a DNS name
  std::uint16_t port = 0;
  std::string path;  // Unix, Folder; the rules of an Exit

  bool operator==(const Target&) const = default;
  [[nodiscard]] static Result<Target> from_text(std::string_view text);
  [[nodiscard]] std::string to_text() const;  // HOST:PORT spelled out; parses back to the same
};

// A label for a service nobody named: "tcp-3000", or the socket's file name made into one.
std::string default_name(const Target& target, Protocol protocol = Protocol::Tcp);

struct Exposure {
  std::string name;  // DNS label, unique on its node
  Protocol protocol = Protocol::Tcp;
  Target target;
  bool direct_only = false;  // nothing of it goes through a relay

  bool operator==(const Exposure&) const = default;
  [[nodiscard]] Result<void> check() const;  // Usage, with what to change
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<Exposure> decode(ByteView bytes);
};

}  // namespace weft::service
