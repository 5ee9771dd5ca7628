// What a request for a file asks for: pure, bytes alone. Paths are RFC 3986 origin-form, ranges RFC
// 9110 section 14, of which one range is served; several, or another unit, are the whole file, as
// that RFC allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace weft::adapter {

// "/a%20b/c?x" -> "a b/c", "/" -> "". Nothing: no such path can be here. Refused are bytes that are
// not written right, zero bytes, and every component that begins with a dot: "..", and what is
// hidden.
[[nodiscard]] std::optional<std::string> file_path(std::string_view target);

struct Whole {
  bool operator==(const Whole&) const = default;
};
struct Beyond {  // of a file this small there is no such range: 416
  bool operator==(const Beyond&) const = default;
};
struct Piece {
  std::uint64_t first = 0, size = 0;  // bytes; size > 0
  bool operator==(const Piece&) const = default;
};
using Asked = std::variant<Whole, Beyond, Piece>;

// `header`: the value of Range, empty for none.
[[nodiscard]] Asked asked_range(std::string_view header, std::uint64_t file_size);

// By the ending of its name; "application/octet-stream" for what is not known.
[[nodiscard]] std::string_view content_type(std::string_view name);

// "&lt;" and so on; and the other way into a link.
[[nodiscard]] std::string html_text(std::string_view text);
[[nodiscard]] std::string url_text(std::string_view text);

}  // namespace weft::adapter
