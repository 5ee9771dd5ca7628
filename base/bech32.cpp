#include "base/bech32.hpp"

#include <cctype>

namespace weft {

namespace {

constexpr std::uint32_t kBech32mConstant = 0x2bc830a3;
constexpr std::size_t kChecksumSize = 6;

std::uint32_t polymod_step(std::uint32_t checksum, std::uint8_t value) {
  static constexpr std::uint32_t kGenerator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                                 0x2a1462b3};
  const std::uint32_t top = checksum >> 25;
  checksum = (checksum & 0x1ffffff) << 5 ^ value;
  for (int i = 0; i < 5; ++i)
    if (top >> i & 1) checksum ^= kGenerator[i];
  return checksum;
}

std::uint32_t prefix_checksum(std::string_view prefix) {
  std::uint32_t checksum = 1;
  for (char c : prefix) checksum = polymod_step(checksum, static_cast<std::uint8_t>(c >> 5));
  checksum = polymod_step(checksum, 0);
  for (char c : prefix) checksum = polymod_step(checksum, static_cast<std::uint8_t>(c & 31));
  return checksum;
}

// Regroups bits from `from` to `to` wide. Without padding, left-over bits must be zero and few.
Result<Bytes> regroup(ByteView in, int from, int to, bool pad) {
  Bytes out;
  std::uint32_t accumulator = 0;
  int bits = 0;
  for (auto value : in) {
    accumulator = (accumulator << from | value) & 0xfff;
    bits += from;
    while (bits >= to) {
      bits -= to;
      out.push_back(static_cast<std::uint8_t>(accumulator >> bits & ((1u << to) - 1)));
    }
  }
  if (pad && bits > 0)
    out.push_back(static_cast<std::uint8_t>(accumulator << (to - bits) & ((1u << to) - 1)));
  if (!pad && (bits >= from || (accumulator & ((1u << bits) - 1)) != 0))
    return fail(Errc::Malformed, "bech32m: padding is not zero");
  return out;
}

}  // namespace

std::string bech32m_encode(std::string_view prefix, ByteView data) {
  const Bytes groups = *regroup(data, 8, 5, true);
  std::uint32_t checksum = prefix_checksum(prefix);
  std::string out(prefix);
  out.push_back('1');
  for (auto group : groups) {
    checksum = polymod_step(checksum, group);
    out.push_back(kBech32Alphabet[group]);
  }
  for (std::size_t i = 0; i < kChecksumSize; ++i) checksum = polymod_step(checksum, 0);
  checksum ^= kBech32mConstant;
  for (std::size_t i = 0; i < kChecksumSize; ++i)
    out.push_back(kBech32Alphabet[checksum >> (5 * (kChecksumSize - 1 - i)) & 31]);
  return out;
}

Result<Bytes> bech32m_decode(std::string_view prefix, std::string_view text) {
  if (text.size() > kMaxBech32Text) return fail(Errc::TooLarge, "bech32m: text too long");
  std::string lower;
  bool has_lower = false;
  bool has_upper = false;
  for (char c : text) {
    has_lower |= c >= 'a' && c <= 'z';
    has_upper |= c >= 'A' && c <= 'Z';
    lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  if (has_lower && has_upper) return fail(Errc::Malformed, "bech32m: mixed case");
  const std::string start = std::string(prefix) + "1";
  if (!lower.starts_with(start))
    return fail(Errc::Malformed, "it does not start with \"" + start + "\"");
  if (lower.size() < start.size() + kChecksumSize)
    return fail(Errc::Malformed, "it is cut short: there is no room for its checksum");
  std::uint32_t checksum = prefix_checksum(prefix);
  Bytes groups;
  for (char c : std::string_view(lower).substr(prefix.size() + 1)) {
    const auto at = kBech32Alphabet.find(c);
    if (at == std::string_view::npos)
      return fail(Errc::Malformed, std::string("it has the character '") + c + "'");
    groups.push_back(static_cast<std::uint8_t>(at));
    checksum = polymod_step(checksum, groups.back());
  }
  if (checksum != kBech32mConstant)
    return fail(Errc::Malformed, "its checksum is wrong: a character is missing or mistyped");
  groups.resize(groups.size() - kChecksumSize);
  return regroup(groups, 5, 8, false);
}

}  // namespace weft
