#include "base/text.hpp"

#include "base/bytes.hpp"

namespace weft {

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

std::string escaped(std::uint32_t code) {
  static constexpr char kDigits[] = "0123456789abcdef";
  return {'\\', 'u', '0', '0', kDigits[code >> 4 & 15], kDigits[code & 15]};
}

}  // namespace

Character first_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xc2 || lead >= 0xf5) return {};
  const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (text.size() <= more) return {};
  std::uint32_t code = lead & (0x3fU >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    const auto next = static_cast<std::uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    code = code << 6 | (next & 0x3fU);
  }
  const bool too_long = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (too_long || surrogate || code > 0x10ffff) return {};
  return {code, more + 1};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (size == 0)
      out += kReplacement;
    else if (is_control(code))
      out += escaped(code);
    else if (code == '"' || code == '\\')
      (out += '\\') += static_cast<char>(code);
    else
      out += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out + "\"";
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return fail(Errc::Malformed, "escape cut short");
    WEFT_TRY(const Bytes byte, from_hex(text.substr(i + 1, 2)));
    out.push_back(static_cast<char>(byte[0]));
    i += 2;
  }
  return out;
}

}  // namespace weft
