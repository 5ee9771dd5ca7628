#include "overlay/service/socks5.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace weft::service::socks5 {

namespace {

constexpr std::uint8_t kNoPassword = 0x00;
constexpr std::uint8_t kNoMethod = 0xff;
constexpr std::uint8_t kV4 = 1, kName = 3, kV6 = 4;
constexpr std::size_t kMaxName = 253;

struct Address {
  std::string host;
  bool is_name = false;
  std::uint16_t port = 0;
};

std::string address_text(const Endpoint& at) {
  auto text = to_text(at);
  text.resize(text.rfind(':'));
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return text;
}

// `bytes` begins with the kind of address.
Result<std::optional<Parsed<Address>>> parse_address(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const std::uint8_t kind = bytes[0];
  if (kind != kV4 && kind != kName && kind != kV6)
    return fail(Errc::Unsupported, "no such kind of address");
  const std::size_t begin = kind == kName ? 2 : 1;
  const std::size_t length = kind == kV4 ? 4 : kind == kV6 ? 16 : bytes[1];
  const std::size_t whole = begin + length + 2;
  if (bytes.size() < whole) return std::nullopt;
  const auto body = bytes.subspan(begin, length);
  Address out;
  out.port = static_cast<std::uint16_t>(bytes[whole - 2] << 8 | bytes[whole - 1]);
  if (kind == kName) {
    out.host.assign(body.begin(), body.end());
    out.is_name = true;
    return Parsed<Address>{std::move(out), whole};
  }
  Endpoint at;
  if (kind == kV4) {
    at = Endpoint::v4(std::uint32_t{body[0]} << 24 | std::uint32_t{body[1]} << 16 |
                          std::uint32_t{body[2]} << 8 | body[3],
                      0);
  } else {
    std::ranges::copy(body, at.address.begin());
    if (at.is_v4()) return fail(Errc::Malformed, "an IPv4 address inside an IPv6 one");
  }
  out.host = address_text(at);
  return Parsed<Address>{std::move(out), whole};
}

}  // namespace

std::string_view name_of(Code code) {
  static constexpr std::array<std::string_view, 9> kNames{
      "ok",      "failed",  "not allowed",           "network unreachable",  "host unreachable",
      "refused", "expired", "command not supported", "address not supported"};
  return kNames[std::min<std::size_t>(static_cast<std::size_t>(code), kNames.size() - 1)];
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxName || text.front() == '.' || text.front() == '-')
    return false;
  char before = '.';
  for (const char c : text) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!word && (c != '.' || before == '.')) return false;
    before = c;
  }
  // The last label of a name has a letter that is no digit of a number: 127.1, 0x7f000001 and
  // 2130706433 are addresses to a resolver.
  if (text.ends_with('.')) text.remove_suffix(1);
  const auto dot = text.rfind('.');
  const auto last = dot == std::string_view::npos ? text : text.substr(dot + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (last.size() >= 2 && last[0] == '0' && (last[1] == 'x' || last[1] == 'X')) return false;
  return !std::ranges::all_of(last, digit);
}

Result<std::optional<Parsed<Greeting>>> parse_greeting(ByteView received) {
  if (received.empty()) return std::nullopt;
  if (received[0] != kVersion) return fail(Errc::Malformed, "not version 5 of SOCKS");
  if (received.size() < 2) return std::nullopt;
  const std::size_t methods = received[1];
  if (methods == 0) return fail(Errc::Malformed, "no method");
  if (received.size() < 2 + methods) return std::nullopt;
  const auto offered = received.subspan(2, methods);
  return Parsed<Greeting>{{std::ranges::find(offered, kNoPassword) != offered.end()}, 2 + methods};
}

Result<std::optional<Parsed<Request>>> parse_request(ByteView received) {
  if (received.empty()) return std::nullopt;
  if (received[0] != kVersion) return fail(Errc::Malformed, "not version 5 of SOCKS");
  if (received.size() < 3) return std::nullopt;
  if (received[1] < 1 || received[1] > 3) return fail(Errc::Malformed, "no such command");
  if (received[2] != 0) return fail(Errc::Malformed, "the reserved byte is not zero");
  WEFT_TRY(auto address, parse_address(received.subspan(3)));
  if (!address) return std::nullopt;
  Request request{static_cast<Command>(received[1]), std::move(address->message.host),
                  address->message.is_name, address->message.port};
  if (request.is_name) {
    const auto literal = endpoint_from_text("[" + request.host + "]:1");
    const auto plain = endpoint_from_text(request.host + ":1");
    if (literal && literal->is_v4()) return fail(Errc::Malformed, "an IPv4 address in an IPv6 one");
    if (literal || plain) {  // curl and others send addresses so
      request.is_name = false;
      request.host = address_text(literal ? *literal : *plain);
    } else if (!is_host_name(request.host)) {
      return fail(Errc::Malformed, "not a host name");
    }
  }
  if (request.port == 0 && request.command == Command::Connect)
    return fail(Errc::Malformed, "port 0");
  return Parsed<Request>{std::move(request), 3 + address->consumed};
}

Result<std::optional<Parsed<Code>>> parse_answers(ByteView received) {
  if (received.empty()) return std::nullopt;
  if (received[0] != kVersion) return fail(Errc::Malformed, "not version 5 of SOCKS");
  if (received.size() < 2) return std::nullopt;
  if (received[1] != kNoPassword) return fail(Errc::Denied, "it wants a password");
  const auto reply = received.subspan(2);
  if (reply.empty()) return std::nullopt;
  if (reply[0] != kVersion) return fail(Errc::Malformed, "not version 5 of SOCKS");
  if (reply.size() < 3) return std::nullopt;
  WEFT_TRY(const auto address, parse_address(reply.subspan(3)));
  if (!address) return std::nullopt;
  const bool known = reply[1] <= static_cast<std::uint8_t>(Code::AddressNotSupported);
  return Parsed<Code>{known ? static_cast<Code>(reply[1]) : Code::Failed, 5 + address->consumed};
}

Bytes encode_method(bool accepted) { return {kVersion, accepted ? kNoPassword : kNoMethod}; }

Bytes encode_reply(Code code) {
  return {kVersion, static_cast<std::uint8_t>(code), 0, kV4, 0, 0, 0, 0, 0, 0};
}

Bytes encode_connect(const std::string& host, std::uint16_t port) {
  WEFT_ASSERT(!host.empty() && host.size() <= 255);
  Bytes out{kVersion, 1, kNoPassword, kVersion, static_cast<std::uint8_t>(Command::Connect), 0};
  const bool v6 = host.find(':') != std::string::npos;
  const auto address = endpoint_from_text((v6 ? "[" + host + "]" : host) + ":1");
  if (address && address->is_v4()) {
    out.push_back(kV4);
    append(out, ByteView(address->address).subspan(12));
  } else if (address) {
    out.push_back(kV6);
    append(out, ByteView(address->address));
  } else {
    out.push_back(kName);
    out.push_back(static_cast<std::uint8_t>(host.size()));
    append(out, bytes_of(host));
  }
  out.push_back(static_cast<std::uint8_t>(port >> 8));
  out.push_back(static_cast<std::uint8_t>(port));
  return out;
}

}  // namespace weft::service::socks5
