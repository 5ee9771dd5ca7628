// Where an exposed service really lives, and the two other names users type: DNS labels for
// services and SERVICE[@NODE].
// TARGET = PORT | HOST:PORT | [V6]:PORT | tcp://HOST:PORT | unix:PATH. The canonical text is
// "HOST:PORT" (a bare port means 127.0.0.1) or "unix:/absolute/path" (at most 107 bytes of path).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace weft::node {

struct Target {
  enum class Kind { Tcp, Unix } kind = Kind::Tcp;
  std::string host;  // address or host name, without brackets
  std::uint16_t port = 0;
  std::string path;  // Unix
};

[[nodiscard]] Result<Target> target_from_text(std::string_view text);
std::string to_text(const Target& target);
// "tcp-3000", or the socket's file name made into a label.
std::string default_service_name(const Target& target);

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
// "HOST:PORT", "[V6]:PORT", ":PORT" or "PORT"; the last two mean 127.0.0.1. Port 0: pick a free
// one.
[[nodiscard]] Result<HostPort> host_port_from_text(std::string_view text);
std::string to_text(const HostPort& value);

// A DNS label: 1 to 63 of a-z, 0-9 and '-', not at either end.
[[nodiscard]] bool is_label(std::string_view text);

struct ServiceRef {
  std::string service;
  std::string node;  // empty: any node
};
[[nodiscard]] Result<ServiceRef> service_ref_from_text(std::string_view text);

}  // namespace weft::node
