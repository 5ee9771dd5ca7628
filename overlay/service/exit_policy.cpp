#include "overlay/service/exit_policy.hpp"

#include <algorithm>

#include "overlay/service/socks5.hpp"

namespace weft::service {

namespace {

bool v4_in(std::uint32_t address, std::uint32_t prefix, unsigned bits) {
  return bits == 0 || ((address ^ prefix) >> (32 - bits)) == 0;
}

struct Special {
  std::uint32_t prefix;
  unsigned bits;
  std::string_view what;
};
constexpr Special kNever4[] = {
    {0x00000000, 8, "no address of a host"},  {0x7f000000, 8, "a loopback address"},
    {0xa9fe0000, 16, "a link-local address"}, {0xc0000000, 24, "a reserved address"},
    {0xc0586300, 24, "a reserved address"},   {0xe0000000, 4, "a multicast address"},
    {0xf0000000, 4, "a reserved address"},
};
constexpr Special kPrivate4[] = {
    {0x0a000000, 8, {}},  {0xac100000, 12, {}}, {0xc0a80000, 16, {}},
    {0x64400000, 10, {}}, {0xc6120000, 15, {}},
};

struct Special6 {
  AddressRange range;
  std::string_view what;
};
const Special6 kNever6[] = {
    {{{}, 96}, "an IPv4 address in disguise, or none"},  // ::, ::1, ::a.b.c.d
    {{{0, 0x64, 0xff, 0x9b}, 32}, "an IPv4 address in disguise"},
    {{{0x20, 0x02}, 16}, "an IPv4 address in disguise"},
    {{{0x20, 0x01, 0, 0}, 32}, "an IPv4 address in disguise"},
    {{{0x01}, 64}, "an address that leads nowhere"},
    {{{0xfe, 0x80}, 10}, "a link-local address"},
    {{{0xfe, 0xc0}, 10}, "a site-local address"},
    {{{0xff}, 8}, "a multicast address"},
};

bool is_private(const Endpoint& at) {
  if (!at.is_v4()) return (at.address[0] & 0xfe) == 0xfc;  // fc00::/7
  return std::ranges::any_of(kPrivate4, [&](const Special& range) {
    return v4_in(at.v4_address(), range.prefix, range.bits);
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (out.ends_with('.')) out.pop_back();
  return out;
}

}  // namespace

std::optional<std::string_view> never_an_exit(const Endpoint& at) {
  if (at.is_v4()) {
    for (const auto& range : kNever4)
      if (v4_in(at.v4_address(), range.prefix, range.bits)) return range.what;
    return std::nullopt;
  }
  for (const auto& range : kNever6)
    if (range.range.contains(at.address)) return range.what;
  return std::nullopt;
}

Result<ExitPolicy> ExitPolicy::from_text(std::string_view text) {
  ExitPolicy policy;
  for (;;) {
    const auto comma = text.find(',');
    WEFT_CHECK(policy.add(text.substr(0, comma)));
    if (comma == std::string_view::npos) return policy;
    text.remove_prefix(comma + 1);
  }
}

Result<void> ExitPolicy::add(std::string_view rule) {
  if (ranges_.size() + names_.size() >= kMaxRules)
    return fail(Errc::Usage, "an exit has at most 32 rules");
  if (rule == "any") {
    any_ = true;
    return {};
  }
  const auto host = std::string(rule.substr(0, rule.find('/')));
  const bool v6 = host.find(':') != std::string::npos;
  if (!endpoint_from_text((v6 ? "[" + host + "]" : host) + ":1")) {
    const bool below = host.starts_with('.');
    if (host.size() != rule.size() || !socks5::is_host_name(below ? host.substr(1) : host))
      return fail(Errc::Usage, "\"" + std::string(rule.substr(0, 80)) +
                                   "\" is no CIDR, no host name and not \"any\"");
    names_.push_back(lower(host));
    return {};
  }
  WEFT_TRY(auto range, AddressRange::from_text(rule));
  ranges_.push_back(range);
  return {};
}

std::string ExitPolicy::to_text() const {
  std::string out;
  const auto add = [&](const std::string& rule) { out += (out.empty() ? "" : ",") + rule; };
  if (any_) add("any");
  for (const auto& range : ranges_) add(range.to_text());
  for (const auto& name : names_) add(name);
  return out;
}

bool ExitPolicy::names(std::string_view host) const {
  const auto wanted = lower(host);
  return std::ranges::any_of(names_, [&](const std::string& name) {
    return name.starts_with('.') ? wanted.ends_with(name) : wanted == name;
  });
}

std::optional<std::string> ExitPolicy::refuses_name(std::string_view host) const {
  if (any_ || !ranges_.empty() || names(host)) return std::nullopt;
  return std::string(host) + " is not among what this exit leads to";
}

std::optional<std::string> ExitPolicy::refuses(std::string_view host, const Endpoint& at) const {
  if (const auto what = never_an_exit(at)) return "it is " + std::string(*what);
  for (const auto& range : ranges_)
    if (range.contains(at)) return std::nullopt;
  if (is_private(at)) return "its address is private, and this exit does not lead there";
  if (any_ || names(host)) return std::nullopt;
  return "this exit does not lead there";
}

}  // namespace weft::service
