#include "node/target.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace weft::node {
namespace {

constexpr std::size_t kMaxHost = 253;      // RFC 1035
constexpr std::size_t kMaxUnixPath = 107;  // sockaddr_un, less its final zero

std::optional<std::uint16_t> port_from_text(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || at != end) return std::nullopt;
  return port;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= kMaxHost && std::ranges::all_of(host, is_host_character);
}

bool is_v6(std::string_view host) {
  return host.size() >= 2 && host.size() <= 64 && host.contains(':') &&
         std::ranges::all_of(host,
                             [](char c) { return is_host_character(c) || c == ':' || c == '%'; });
}

Result<HostPort> bad_address(std::string_view text) {
  return fail(Errc::Usage, "\"" + std::string(text.substr(0, 80)) +
                               "\" is not PORT, HOST:PORT or [ADDRESS]:PORT");
}

std::string joined(const std::string& host, std::uint16_t port) {
  const bool v6 = host.contains(':');
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

Result<HostPort> host_port_from_text(std::string_view text) {
  std::string_view host, port = text;
  if (text.starts_with('[')) {
    const auto close = text.find("]:");
    if (close == std::string_view::npos) return bad_address(text);
    host = text.substr(1, close - 1);
    port = text.substr(close + 2);
    if (!is_v6(host)) return bad_address(text);
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (!host.empty() && !is_host(host)) return bad_address(text);
  }
  const auto number = port_from_text(port);
  if (!number) return bad_address(text);
  return HostPort{host.empty() ? "127.0.0.1" : std::string(host), *number};
}

std::string to_text(const HostPort& value) { return joined(value.host, value.port); }

Result<Target> target_from_text(std::string_view text) {
  Target target;
  if (text.starts_with("unix:")) {
    target.kind = Target::Kind::Unix;
    target.path = text.substr(5);
    if (!target.path.starts_with('/') || target.path.size() > kMaxUnixPath ||
        target.path.contains('\0'))
      return fail(Errc::Usage, "a unix: target is an absolute path of at most 107 bytes");
    return target;
  }
  if (text.starts_with("tcp://")) text.remove_prefix(6);
  if (text.contains("://"))
    return fail(Errc::Unsupported, "only TCP and unix: targets can be exposed in this version");
  WEFT_TRY(auto address, host_port_from_text(text));
  if (address.port == 0) return fail(Errc::Usage, "port 0 cannot be a target");
  target.host = std::move(address.host);
  target.port = address.port;
  return target;
}

std::string to_text(const Target& target) {
  if (target.kind == Target::Kind::Unix) return "unix:" + target.path;
  return joined(target.host, target.port);
}

std::string default_service_name(const Target& target) {
  if (target.kind == Target::Kind::Tcp) return "tcp-" + std::to_string(target.port);
  std::string name;
  for (const char c : target.path.substr(target.path.rfind('/') + 1)) {
    if (c >= 'A' && c <= 'Z')
      name += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  name.resize(std::min<std::size_t>(name.size(), 63));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "unix" : name;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Result<ServiceRef> service_ref_from_text(std::string_view text) {
  const auto at = text.find('@');
  ServiceRef ref{std::string(text.substr(0, at)), {}};
  if (!is_label(ref.service))
    return fail(Errc::Usage, "\"" + std::string(text.substr(0, 80)) + "\" is not SERVICE[@NODE]");
  if (at == std::string_view::npos) return ref;
  ref.node = text.substr(at + 1);
  if (!is_label(ref.node))  // a NodeId's text is a label too: bech32m is lower case
    return fail(Errc::Usage, "\"" + std::string(text.substr(0, 80)) + "\" is not SERVICE[@NODE]");
  return ref;
}

}  // namespace weft::node
