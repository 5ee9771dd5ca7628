#include "node/adapter/file_request.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.hpp"

namespace weft::adapter {

namespace {

// Digits alone; what is larger than any file is as large as possible.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint64_t out = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} ? out : UINT64_MAX;
}

struct Kind {
  std::string_view ending, type;
};
constexpr Kind kKinds[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/plain; charset=utf-8"},
    {"log", "text/plain; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"svg", "image/svg+xml"},
    {"ico", "image/x-icon"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"flac", "audio/flac"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"mkv", "video/x-matroska"},
    {"wasm", "application/wasm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
};

}  // namespace

std::optional<std::string> file_path(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  if (!target.starts_with('/')) return std::nullopt;
  const auto path = percent_decoded(target);
  if (!path || path->find('\0') != std::string::npos) return std::nullopt;
  std::string out;
  for (std::size_t at = 0; at < path->size();) {
    const auto end = std::min(path->find('/', at), path->size());
    const auto part = std::string_view(*path).substr(at, end - at);
    at = end + 1;
    if (part.empty()) continue;
    if (part.front() == '.') return std::nullopt;
    out += (out.empty() ? "" : "/") + std::string(part);
  }
  return out;
}

Asked asked_range(std::string_view header, std::uint64_t file_size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return Whole{};
  header.remove_prefix(kUnit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return Whole{};
  const auto first = number(header.substr(0, dash));
  const auto last = number(header.substr(dash + 1));
  const bool to_end = dash + 1 == header.size();
  if (dash == 0) {  // the last so many bytes
    if (!last) return Whole{};
    if (*last == 0 || file_size == 0) return Beyond{};
    const auto size = std::min(*last, file_size);
    return Piece{file_size - size, size};
  }
  if (!first || (!last && !to_end) || (last && *last < *first)) return Whole{};
  if (*first >= file_size) return Beyond{};
  const auto end = last ? std::min(*last, file_size - 1) : file_size - 1;
  return Piece{*first, end - *first + 1};
}

std::string_view content_type(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    std::string ending(name.substr(dot + 1));
    for (auto& c : ending)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto* kind = std::ranges::find(kKinds, std::string_view(ending), &Kind::ending);
    if (kind != std::end(kKinds)) return kind->type;
  }
  return "application/octet-stream";
}

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string url_text(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~/").find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out += {'%', kHex[byte >> 4], kHex[byte & 0xf]};
  }
  return out;
}

}  // namespace weft::adapter
