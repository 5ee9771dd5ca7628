#include "overlay/service/address_range.hpp"

#include <algorithm>
#include <charconv>

namespace weft::service {

namespace {

constexpr unsigned kMapped = 96;  // bits before the IPv4 address in its mapped form

}  // namespace

Result<AddressRange> AddressRange::from_text(std::string_view text) {
  const auto slash = text.find('/');
  const auto host = std::string(text.substr(0, slash));
  const bool v6 = host.find(':') != std::string::npos;
  const auto at = endpoint_from_text((v6 ? "[" + host + "]" : host) + ":1");
  if (!at)
    return fail(Errc::Usage, "\"" + std::string(text.substr(0, 80)) +
                                 "\" is no CIDR, as 192.168.7.0/24 or 2001:db8::/32 is one");
  if (v6 && at->is_v4()) return fail(Errc::Usage, "write IPv4 addresses as such");
  const unsigned most = v6 ? 128 : 32;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const auto count = text.substr(slash + 1);
    const auto* end = count.data() + count.size();
    const auto [stop, error] = std::from_chars(count.data(), end, bits);
    if (error != std::errc{} || stop != end || bits > most)
      return fail(Errc::Usage, "after / comes how many bits count: 0 to " + std::to_string(most));
  }
  return AddressRange{at->address, bits + (v6 ? 0 : kMapped)};
}

std::string AddressRange::to_text() const {
  Endpoint at;
  at.address = prefix;
  auto text = weft::to_text(at);
  text.resize(text.rfind(':'));
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return text + "/" + std::to_string(at.is_v4() ? bits - std::min(bits, kMapped) : bits);
}

bool AddressRange::contains(const ByteArray<16>& address) const {
  unsigned left = bits;
  for (unsigned i = 0; i < 16 && left > 0; ++i) {
    const unsigned here = std::min(left, 8U);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> here);
    if (((address[i] ^ prefix[i]) & mask) != 0) return false;
    left -= here;
  }
  return true;
}

bool AddressRange::contains(const Endpoint& at) const {
  return contains(at.address) && (!at.is_v4() || bits >= kMapped);
}

}  // namespace weft::service
