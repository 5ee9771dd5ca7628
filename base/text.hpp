// Texts from outside, before they reach a terminal, a log or a file. UTF-8 as RFC 3629 has it:
// shortest form, no surrogates, at most U+10FFFF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace weft {

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  // bytes it takes; 0: what stands there is no UTF-8
};
// The first character of a text that is not empty.
[[nodiscard]] Character first_character(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);
// C0, DEL and C1: what a terminal may take for an order.
constexpr bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}
// In double quotes, on one line, for TOML and logfmt: '"', '\' and control characters escaped, each
// byte that is no UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string in_quotes(std::string_view text);
// "a%20b" -> "a b" (RFC 3986 2.1). What the bytes may be is the caller's to judge. Malformed: an
// escape that is cut short or not of hex digits.
[[nodiscard]] Result<std::string> percent_decoded(std::string_view text);

}  // namespace weft
