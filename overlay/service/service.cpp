#include "overlay/service/service.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/endpoint.hpp"
#include "base/label.hpp"
#include "base/wire.hpp"
#include "overlay/service/exit_policy.hpp"

namespace weft::service {
namespace {

constexpr std::uint64_t kPlain = 1;
constexpr std::uint64_t kDirectOnly = 2;
constexpr std::array<std::string_view, 5> kProtocols{"tcp", "udp", "http", "socks5", "file"};
constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxUnixPath = 107;  // sun_path of Linux, without its final zero
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kExit = "exit:";
constexpr std::size_t kMaxRules = 400;  // bytes
constexpr std::size_t kMaxFolder = 500;
constexpr std::string_view kTcp = "tcp://";

Result<std::uint16_t> port_from(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || at != end || port == 0 || text.front() == '0')
    return fail(Errc::Usage, "\"" + std::string(text.substr(0, 80)) +
                                 "\" is no port: a port is a number from 1 to 65535");
  return port;
}

// Letters, digits, "-", "_" and dots between: what a resolver accepts, IPv4 included.
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > kMaxHost || host.front() == '.' || host.front() == '-')
    return false;
  char before = '.';
  for (const char c : host) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!word && (c != '.' || before == '.')) return false;
    before = c;
  }
  return true;
}

bool is_v6(std::string_view host) {
  if (host.find(':') == std::string_view::npos) return false;
  return endpoint_from_text("[" + std::string(host) + "]:1").has_value();
}

Result<Target> unix_target(std::string_view path) {
  if (path.size() < 2 || path.front() != '/')
    return fail(Errc::Usage, "unix: wants an absolute path, e.g. unix:/run/app.sock");
  if (path.size() > kMaxUnixPath) return fail(Errc::Usage, "a socket path has at most 107 bytes");
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20) return fail(Errc::Usage, "control byte in the path");
  return Target{Target::Kind::Unix, {}, 0, std::string(path)};
}

Result<Target> folder_target(std::string_view path) {
  if (path.size() > kMaxFolder) return fail(Errc::Usage, "a folder's path has at most 500 bytes");
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20) return fail(Errc::Usage, "control byte in the path");
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return Target{Target::Kind::Folder, {}, 0, std::string(path)};
}

Result<Target> exit_target(std::string_view rules) {
  if (rules.size() > kMaxRules) return fail(Errc::Usage, "the rules of an exit are too long");
  WEFT_TRY(const auto policy, ExitPolicy::from_text(rules));
  return Target{Target::Kind::Exit, {}, 0, policy.to_text()};
}

}  // namespace

std::string_view name_of(Protocol protocol) {
  return kProtocols[static_cast<std::size_t>(protocol)];
}

std::string_view name_of(Health health) {
  static constexpr std::array<std::string_view, 4> kNames{"unknown", "ok", "refused", "no answer"};
  return kNames[static_cast<std::size_t>(health)];
}

Result<Protocol> protocol_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kProtocols.size(); ++i)
    if (text == kProtocols[i]) return static_cast<Protocol>(i);
  return fail(Errc::Usage, "the protocol is one of tcp, udp, http, socks5, file");
}

Result<Target> Target::from_text(std::string_view text) {
  if (text.starts_with(kUnix)) return unix_target(text.substr(kUnix.size()));
  if (text.starts_with(kExit)) return exit_target(text.substr(kExit.size()));
  if (text.starts_with('/')) return folder_target(text);
  if (text.starts_with(kTcp)) text.remove_prefix(kTcp.size());
  if (text.find("://") != std::string_view::npos)
    return fail(Errc::Usage,
                "a target is PORT, HOST:PORT or unix:PATH; how to speak to it says --protocol");
  Target target;
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    if (text.empty()) return fail(Errc::Usage, "a target is PORT, HOST:PORT or unix:PATH");
    WEFT_TRY(target.port, port_from(text));
    target.host = "localhost";
    return target;
  }
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  if (port.empty()) return fail(Errc::Usage, "the port is missing after ':'");
  WEFT_TRY(target.port, port_from(port));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!is_v6(host)) return fail(Errc::Usage, "not an IPv6 address in brackets");
  } else if (!is_host_name(host)) {
    return fail(Errc::Usage, "not a host name or address; IPv6 goes in brackets: [::1]:8080");
  }
  target.host = std::string(host);
  return target;
}

std::string Target::to_text() const {
  if (kind == Kind::Unix) return std::string(kUnix) + path;
  if (kind == Kind::Exit) return std::string(kExit) + path;
  if (kind == Kind::Folder) return path;
  const auto text = ":" + std::to_string(port);
  if (host == "unix" || host == "exit") return std::string(kTcp) + host + text;
  return host.find(':') == std::string::npos ? host + text : "[" + host + "]" + text;
}

std::string default_name(const Target& target, Protocol protocol) {
  if (target.kind == Target::Kind::Host)
    return std::string(name_of(protocol)) + "-" + std::to_string(target.port);
  if (target.kind == Target::Kind::Exit) return "exit";
  std::string name;
  for (const char c : target.path.substr(target.path.rfind('/') + 1)) {
    if (c >= 'A' && c <= 'Z')
      name += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  name.resize(std::min(name.size(), kMaxLabel));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? (target.kind == Target::Kind::Folder ? "files" : "unix") : name;
}

Result<void> Exposure::check() const {
  if (!is_label(name))
    return fail(Errc::Usage, "a service name is 1 to 63 of a-z, 0-9 and -, no - at the ends");
  WEFT_TRY(const auto same, Target::from_text(target.to_text()));
  if (same != target) return fail(Errc::Usage, "the target does not read back as itself");
  if ((protocol == Protocol::Socks5) != (target.kind == Target::Kind::Exit))
    return fail(Errc::Usage, "a socks5 service has no target but rules of where it leads: --to");
  if ((protocol == Protocol::File) != (target.kind == Target::Kind::Folder))
    return fail(Errc::Usage, "a folder is offered so: weft expose /path --protocol file");
  if (protocol == Protocol::Udp && target.kind == Target::Kind::Unix)
    return fail(Errc::Usage, "a udp service is at HOST:PORT, not at a unix socket");
  return {};
}

Bytes Exposure::encode() const {
  wire::Writer out;
  out.array(direct_only ? 5 : 4).uint(direct_only ? kDirectOnly : kPlain).str(name);
  out.uint(static_cast<std::uint64_t>(protocol)).str(target.to_text());
  if (direct_only) out.boolean(true);
  return out.take();
}

Result<Exposure> Exposure::decode(ByteView bytes) {
  auto in = wire::Reader::canonical(bytes);
  WEFT_TRY(const auto count, in.array(5));
  WEFT_TRY(const auto version, in.uint());
  if (version > kDirectOnly) return fail(Errc::Unsupported, "stored exposure of a newer version");
  if (version < kPlain || count != 3 + version) return fail(Errc::Malformed, "stored exposure");
  Exposure e;
  WEFT_TRY(const auto name, in.str(kMaxLabel));
  e.name = std::string(name);
  WEFT_TRY(const auto protocol, in.uint());
  if (protocol >= kProtocols.size()) return fail(Errc::Unsupported, "stored protocol");
  e.protocol = static_cast<Protocol>(protocol);
  WEFT_TRY(const auto target, in.str(kMaxFolder + 12));
  WEFT_TRY(e.target, Target::from_text(target));
  if (version == kDirectOnly) {
    WEFT_TRY(e.direct_only, in.boolean());
    if (!e.direct_only) return fail(Errc::Malformed, "stored exposure");
  }
  WEFT_CHECK(in.finish());
  WEFT_CHECK(e.check());
  return e;
}

}  // namespace weft::service
