#include "node/http_proxy.hpp"

#include <charconv>

#include "base/text.hpp"

namespace weft::node {

namespace {

Result<std::string> unescaped(std::string_view text) {
  auto out = percent_decoded(text);
  if (!out) return fail(Errc::Usage, "a proxy's user or password is misspelt");
  for (const char c : *out)
    if (static_cast<unsigned char>(c) < ' ')
      return fail(Errc::Usage, "a proxy's user or password has a control character");
  return out;
}

Result<void> read_user(std::string_view text, ProxyAddress& out) {
  const auto colon = text.find(':');
  WEFT_TRY(out.user, unescaped(text.substr(0, colon)));
  if (colon == std::string_view::npos) return {};
  WEFT_TRY(out.password, unescaped(text.substr(colon + 1)));
  return {};
}

bool visible(std::string_view text) {
  for (const char c : text)
    if (c <= ' ' || c >= 0x7f || c == '/' || c == '?' || c == '#') return false;
  return !text.empty();
}

}  // namespace

Result<ProxyAddress> ProxyAddress::parse(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  ProxyAddress out;
  if (url.starts_with(kScheme))
    url.remove_prefix(kScheme.size());
  else if (url.find("://") != std::string_view::npos)
    return fail(Errc::Usage, "only an http:// proxy can be used");
  if (const auto at = url.rfind('@'); at != std::string_view::npos) {
    WEFT_CHECK(read_user(url.substr(0, at), out));
    url.remove_prefix(at + 1);
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  std::string_view host = url;
  std::string_view port;
  if (url.starts_with('[')) {
    const auto end = url.find(']');
    if (end == std::string_view::npos) return fail(Errc::Usage, "a proxy's address without ]");
    host = url.substr(1, end - 1);
    port = url.substr(end + 1);
  } else if (const auto colon = url.rfind(':'); colon != std::string_view::npos) {
    host = url.substr(0, colon);
    port = url.substr(colon);
  }
  out.port = 80;
  if (!port.empty()) {
    const auto digits = port.substr(1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (port[0] != ':' || digits.empty() || error != std::errc() ||
        end != digits.data() + digits.size() || out.port == 0)
      return fail(Errc::Usage, "a proxy's port is 1 to 65535");
  }
  if (!visible(host)) return fail(Errc::Usage, "a proxy without a host");
  out.host = host;
  return out;
}

bool goes_around_proxy(std::string_view no_proxy, std::string_view host) {
  while (!no_proxy.empty()) {
    const auto comma = no_proxy.find(',');
    auto entry = no_proxy.substr(0, comma);
    no_proxy.remove_prefix(comma == std::string_view::npos ? no_proxy.size() : comma + 1);
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry == "*") return true;
    while (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty() || !host.ends_with(entry)) continue;
    if (host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.') return true;
  }
  return false;
}

}  // namespace weft::node
