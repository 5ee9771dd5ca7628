// Names of nodes, people, groups and services are DNS labels (RFC 1035 2.3.1, digits first allowed
// as RFC 1123 2.1 says): 1 to 63 of a-z, 0-9 and "-", no "-" at either end. Upper case is refused,
// so that one name has one spelling.
#pragma once

#include <string_view>

namespace weft {

inline constexpr std::size_t kMaxLabel = 63;

constexpr bool is_label(std::string_view text) {
  if (text.empty() || text.size() > kMaxLabel) return false;
  if (text.front() == '-' || text.back() == '-') return false;
  for (const char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  return true;
}

}  // namespace weft
