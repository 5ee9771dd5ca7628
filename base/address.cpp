#include "base/address.hpp"

#include <algorithm>

namespace weft {

namespace {

enum class AddressKind : std::uint64_t { Udp = 1, Tcp = 2, Wss = 3, Relay = 4 };
constexpr std::size_t kMaxElements = 16;  // of an address of any kind
constexpr std::size_t kV4 = 4;
constexpr std::size_t kV6 = 16;

bool usable(const Endpoint& endpoint) { return endpoint.port != 0 && !endpoint.is_unspecified(); }

bool visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

void write_ip(wire::Writer& out, AddressKind kind, const Endpoint& endpoint) {
  const ByteView ip(endpoint.address);
  out.array(3).uint(static_cast<std::uint64_t>(kind));
  out.bin(endpoint.is_v4() ? ip.last(kV4) : ip).uint(endpoint.port);
}

void write_place(wire::Writer& out, const UdpAddress& a) {
  write_ip(out, AddressKind::Udp, a.endpoint);
}
void write_place(wire::Writer& out, const TcpAddress& a) {
  write_ip(out, AddressKind::Tcp, a.endpoint);
}
void write_place(wire::Writer& out, const WssAddress& a) {
  out.array(4).uint(static_cast<std::uint64_t>(AddressKind::Wss));
  out.str(a.host).uint(a.port).str(a.path);
}
void write_place(wire::Writer& out, const RelayAddress& a) {
  out.array(a.identity ? 4 : 3).uint(static_cast<std::uint64_t>(AddressKind::Relay));
  out.bin(a.relay.view()).array(std::min(a.places.size(), RelayAddress::kMaxPlaces));
  for (std::size_t i = 0; i < std::min(a.places.size(), RelayAddress::kMaxPlaces); ++i)
    std::visit([&](const auto& place) { write_place(out, place); }, a.places[i]);
  if (a.identity) out.bin(*a.identity);
}

Result<std::uint16_t> read_port(wire::Reader& in) {
  WEFT_TRY(const auto port, in.uint());
  if (port == 0 || port > 0xffff) return fail(Errc::Malformed, "address: port");
  return static_cast<std::uint16_t>(port);
}

Result<Endpoint> read_ip(wire::Reader& in) {
  WEFT_TRY(const auto ip, in.bin(kV6));
  Endpoint out;
  if (ip.size() == kV4) {
    out = Endpoint::v4(read_be<std::uint32_t>(ip), 0);
  } else if (ip.size() == kV6) {
    std::ranges::copy(ip, out.address.begin());
    if (out.is_v4()) return fail(Errc::NonCanonical, "address: IPv4 in the form of IPv6");
  } else {
    return fail(Errc::Malformed, "address: ip");
  }
  WEFT_TRY(out.port, read_port(in));
  if (!usable(out)) return fail(Errc::Malformed, "address: nowhere");
  return out;
}

Result<WssAddress> read_wss(wire::Reader& in) {
  WssAddress out;
  WEFT_TRY(const auto host, in.str(WssAddress::kMaxHost));
  WEFT_TRY(out.port, read_port(in));
  WEFT_TRY(const auto path, in.str(WssAddress::kMaxPath));
  if (host.empty() || !visible(host) || !path.starts_with('/') || !visible(path))
    return fail(Errc::Malformed, "address: host or path");
  out.host = host;
  out.path = path;
  return out;
}

Result<std::optional<Address>> read_kind(wire::Reader& in, int depth);

Result<RelayAddress> read_relay(wire::Reader& in, int depth) {
  if (depth > 0) return fail(Errc::Malformed, "address: a relay behind a relay");
  RelayAddress out;
  WEFT_TRY(out.relay.bytes, in.fixed<32>());
  WEFT_TRY(const auto count, in.array(RelayAddress::kMaxPlaces));
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(const auto place, read_kind(in, depth + 1));
    if (!place) continue;
    std::visit(
        [&]<class T>(const T& known) {
          if constexpr (!std::is_same_v<T, RelayAddress>) out.places.emplace_back(known);
        },
        *place);
  }
  return out;
}

Result<void> skip_rest(wire::Reader& in, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) WEFT_CHECK(in.skip());
  return {};
}

Result<std::optional<Address>> read_kind(wire::Reader& in, int depth) {
  if (in.peek() == wire::Kind::Bin) {  // as before there were kinds
    WEFT_TRY(const auto bytes, in.bin(Endpoint::kWireSize));
    WEFT_TRY(const auto endpoint, endpoint_from_wire(bytes));
    // Nothing kept these out then; whoever dials them gets nowhere.
    if (!usable(endpoint)) return std::nullopt;
    return Address(UdpAddress{endpoint});
  }
  WEFT_TRY(const auto elements, in.array(kMaxElements));
  if (elements == 0) return fail(Errc::Malformed, "address: no kind");
  WEFT_TRY(const auto kind, in.uint());
  const auto enough = [&](std::size_t wanted) { return elements >= wanted; };
  std::optional<Address> out;
  std::size_t read = 1;
  switch (static_cast<AddressKind>(kind)) {
    case AddressKind::Udp:
    case AddressKind::Tcp: {
      if (!enough(3)) return fail(Errc::Malformed, "address: too short");
      WEFT_TRY(const auto endpoint, read_ip(in));
      read = 3;
      if (kind == static_cast<std::uint64_t>(AddressKind::Udp))
        out = UdpAddress{endpoint};
      else
        out = TcpAddress{endpoint};
      break;
    }
    case AddressKind::Wss: {
      if (!enough(4)) return fail(Errc::Malformed, "address: too short");
      WEFT_TRY(out, read_wss(in));
      read = 4;
      break;
    }
    case AddressKind::Relay: {
      if (!enough(3)) return fail(Errc::Malformed, "address: too short");
      WEFT_TRY(auto relay, read_relay(in, depth));
      read = 3;
      if (elements > 3) {
        WEFT_TRY(relay.identity, in.fixed<32>());
        read = 4;
      }
      out = std::move(relay);
      break;
    }
  }
  WEFT_CHECK(skip_rest(in, elements - read));
  return out;
}

std::string text_of_place(const UdpAddress& a) { return "udp " + to_text(a.endpoint); }
std::string text_of_place(const TcpAddress& a) { return "tcp " + to_text(a.endpoint); }
std::string text_of_place(const WssAddress& a) {
  const bool v6 = a.host.find(':') != std::string::npos;
  return "wss://" + (v6 ? "[" + a.host + "]" : a.host) + ":" + std::to_string(a.port) + a.path;
}
std::string text_of_place(const RelayAddress& a) {
  std::string out = "via " + to_text(a.relay);
  for (std::size_t i = 0; i < a.places.size(); ++i)
    out += (i == 0 ? " at " : ", ") +
           std::visit([](const auto& place) { return text_of_place(place); }, a.places[i]);
  return out;
}

}  // namespace

void write_address(wire::Writer& out, const Address& address) {
  std::visit([&](const auto& known) { write_place(out, known); }, address);
}

Result<std::optional<Address>> read_address(wire::Reader& in) { return read_kind(in, 0); }

void write_addresses(wire::Writer& out, const std::vector<Address>& addresses, std::size_t limit) {
  const std::size_t count = std::min(addresses.size(), limit);
  out.array(count);
  for (std::size_t i = 0; i < count; ++i) write_address(out, addresses[i]);
}

Result<std::vector<Address>> read_addresses(wire::Reader& in, std::size_t limit) {
  WEFT_TRY(const auto count, in.array(limit));
  std::vector<Address> out;
  for (std::size_t i = 0; i < count; ++i) {
    WEFT_TRY(auto address, read_address(in));
    if (address) out.push_back(std::move(*address));
  }
  return out;
}

std::string to_text(const Address& address) {
  return std::visit([](const auto& known) { return text_of_place(known); }, address);
}

std::vector<Endpoint> udp_endpoints(const std::vector<Address>& addresses) {
  std::vector<Endpoint> out;
  for (const Address& address : addresses)
    if (const auto* udp = std::get_if<UdpAddress>(&address)) out.push_back(udp->endpoint);
  return out;
}

std::vector<Address> other_addresses(const std::vector<Address>& addresses) {
  std::vector<Address> out;
  for (const auto& address : addresses)
    if (!std::holds_alternative<UdpAddress>(address)) out.push_back(address);
  return out;
}

std::vector<RelayAddress> relay_addresses(const std::vector<Address>& addresses) {
  std::vector<RelayAddress> out;
  for (const auto& address : addresses)
    if (const auto* relay = std::get_if<RelayAddress>(&address)) out.push_back(*relay);
  return out;
}

std::vector<Address> stream_addresses(const std::vector<Address>& addresses) {
  std::vector<Address> out;
  for (const Address& address : addresses)
    if (std::holds_alternative<TcpAddress>(address) || std::holds_alternative<WssAddress>(address))
      out.push_back(address);
  return out;
}

std::vector<Address> udp_addresses(const std::vector<Endpoint>& endpoints) {
  std::vector<Address> out;
  for (const Endpoint& endpoint : endpoints)
    if (usable(endpoint)) out.emplace_back(UdpAddress{endpoint});
  return out;
}

}  // namespace weft
