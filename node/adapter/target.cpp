// Targets as people write them.
#include <charconv>

#include "node/adapter/tcp_connect.hpp"

namespace weft::adapter {

namespace {
constexpr std::size_t kMaxUnixPath = 107;
constexpr std::size_t kMaxHost = 253;

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size() || port == 0)
    return fail(Errc::Malformed, "\"" + std::string(text) + "\" is no port (1 to 65535)");
  return port;
}
}  // namespace

Result<Target> target_from_text(std::string_view text) {
  Target out;
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    if (text.empty()) return fail(Errc::Malformed, "unix: needs a path");
    if (text.size() > kMaxUnixPath)
      return fail(Errc::TooLarge, "a socket path has at most 107 bytes");
    if (text.find('\0') != std::string_view::npos) return fail(Errc::Malformed, "a NUL in a path");
    out.unix_path = text;
    return out;
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  WEFT_TRY(out.port, parse_port(colon == std::string_view::npos ? text : text.substr(colon + 1)));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.empty()) return fail(Errc::Malformed, "no address between the brackets");
  } else if (host.find(':') != std::string_view::npos) {
    return fail(Errc::Malformed, "write an IPv6 address as [ADDRESS]:PORT");
  }
  if (host.size() > kMaxHost) return fail(Errc::TooLarge, "a host name has at most 253 bytes");
  for (const char c : host)
    if (c <= ' ' || c == 127 || c == '/' || c == '[' || c == ']')
      return fail(Errc::Malformed, "\"" + std::string(host) + "\" is no host");
  out.host = host.empty() ? "127.0.0.1" : host;
  return out;
}

std::string to_text(const Target& target) {
  if (!target.unix_path.empty()) return "unix:" + target.unix_path;
  const bool v6 = target.host.find(':') != std::string::npos;
  return (v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
}

}  // namespace weft::adapter
