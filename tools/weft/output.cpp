#include "tools/weft/output.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/text.hpp"

namespace weft::cli {
namespace {

std::size_t width_of(std::string_view text) {  // UTF-8: count what is not a continuation byte
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string one_decimal(double value) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), value < 99.95 ? "%.1f" : "%.0f", value);
  return {text.data(), static_cast<std::size_t>(size)};
}

// The escape that begins the colour of a state; nothing for a word that is none.
std::string_view color_of(std::string_view state) {
  constexpr std::string_view kGreen = "\x1b[32m", kYellow = "\x1b[33m", kRed = "\x1b[31m";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kColors{{
      {"connected", kGreen},
      {"here", kGreen},
      {"alive", kGreen},
      {"ok", kGreen},
      {"connecting", kYellow},
      {"silent", kYellow},
      {"suspect", kYellow},
      {"away", kYellow},
      {"unknown", kYellow},
      {"left", kYellow},
      {"dead", kRed},
      {"down", kRed},
      {"refused", kRed},
      {"no", kRed},  // "no answer"
      {"removed", kRed},
  }};
  const auto word = state.substr(0, state.find_first_of(" ,"));
  for (const auto& [name, color] : kColors)
    if (name == word) return color;
  return {};
}

}  // namespace

std::string Table::text(bool color) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool state = rows_[0][std::min(i, rows_[0].size() - 1)] == "STATE" ||
                         rows_[0][std::min(i, rows_[0].size() - 1)] == "HEALTH";
      const auto hue = color && state ? color_of(row[i]) : std::string_view();
      line += std::string(hue) + row[i] + (hue.empty() ? "" : "\x1b[0m");
      line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 5> kUnits{"kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return one_decimal(value) + " " + kUnits[unit];
}

std::string ms_text(const api::Json& ms) {
  return ms.is_number() ? one_decimal(ms.get<double>()) + " ms" : "-";
}

std::string seconds_text(std::int64_t seconds) {
  const auto pair = [](std::int64_t big, const char* big_unit, std::int64_t small,
                       const char* small_unit) {
    auto out = std::to_string(big) + " " + big_unit;
    return small == 0 ? out : out + " " + std::to_string(small) + " " + small_unit;
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return pair(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return pair(seconds / 3600, "h", seconds / 60 % 60, "min");
  return pair(seconds / 86400, "d", seconds / 3600 % 24, "h");
}

std::string health_text(const api::Json& service) {
  if (service.value("state", "") == "away") {
    const auto since = service.find("away_since");
    const bool known = since != service.end() && since->is_string();
    return known ? "away since " + clock_text(*since) : "away";
  }
  auto health = service.value("health", "unknown");
  const auto age = service.find("health_age_s");
  const bool bad = health != "ok" && health != "unknown";
  if (!bad || age == service.end() || !age->is_number_integer()) return health;
  return health + " " + seconds_text(age->get<std::int64_t>()) + " ago";
}

std::string door_text(const api::Json& door) {
  const auto node = door.value("node", "");
  auto out = door.value("service", "") + (node.empty() ? "" : "@" + node);
  const auto also = door.find("also");
  if (also != door.end())
    for (const auto& other : *also) out += "," + other.get<std::string>();
  return out + (door.value("any", false) ? " or any" : "");
}

std::string listen_text(const api::Json& door) {
  const bool machine = door.value("reach", "machine") == "machine";
  return door.value("listen", "") + (machine ? "" : " (others reach it)");
}

std::string path_text(const api::Json& one) {
  const auto via = one.value("via", "");
  return one.value("path", "") + (via.empty() ? "" : " " + printable(via));
}

std::string list_text(const api::Json& list) {
  std::string out;
  for (const auto& item : list)
    if (item.is_string()) out += (out.empty() ? "" : ", ") + printable(item.get<std::string>());
  return or_dash(out);
}

std::string short_id(std::string_view id) { return printable(id.substr(0, 10)); }

std::string or_dash(std::string text) {
  if (text.empty()) text = "-";
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    if (size == 0 || is_control(code))
      out += '?';
    else
      out += text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

api::Json printable_answer(const api::Json& answer) {
  if (answer.is_string()) return printable(answer.get_ref<const std::string&>());
  if (answer.is_object()) {
    auto out = api::Json::object();
    for (const auto& [name, value] : answer.items())
      out[printable(std::string_view(name))] = printable_answer(value);
    return out;
  }
  if (!answer.is_array()) return answer;
  auto out = api::Json::array();
  for (const auto& value : answer) out.push_back(printable_answer(value));
  return out;
}

// The library escapes what JSON demands, C0 without DEL; C1 and DEL can only stand in strings.
std::string json_text(const api::Json& answer) {
  const auto text = api::dump(answer);
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto [code, size] = first_character(rest);
    const auto taken = std::max<std::size_t>(size, 1);
    if (is_control(code) && code >= 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", code);
      out += escape.data();
    } else {
      out += rest.substr(0, taken);
    }
    rest.remove_prefix(taken);
  }
  return out;
}

std::string clock_text(const api::Json& time) {
  if (!time.is_string()) return "-";
  std::tm utc{}, there{}, now{};
  const auto& text = time.get_ref<const std::string&>();
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc) == nullptr) return printable(text);
  const std::time_t at = ::timegm(&utc), today = std::time(nullptr);
  if (::localtime_r(&at, &there) == nullptr || ::localtime_r(&today, &now) == nullptr) return text;
  const bool same_day = there.tm_yday == now.tm_yday && there.tm_year == now.tm_year;
  std::array<char, 32> out{};
  const auto size =
      std::strftime(out.data(), out.size(), same_day ? "%H:%M" : "%Y-%m-%d %H:%M", &there);
  return {out.data(), size};
}

std::optional<std::chrono::milliseconds> duration_from_text(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::int64_t kMax = 365LL * 86'400'000;
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0 || number > kMax) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(at - text.data()));
    const auto name = text.substr(0, text.find_first_of("0123456789"));
    const auto* unit = std::ranges::find(kUnits, name.empty() ? "s" : name, &Unit::name);
    if (unit == kUnits.end() || number > kMax / unit->ms) return std::nullopt;
    total += number * unit->ms;
    text.remove_prefix(name.size());
    if (total > kMax) return std::nullopt;
  }
  return std::chrono::milliseconds(total);
}

std::string shell_word(std::string_view word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:@,+=").contains(c);
  });
  if (plain) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace weft::cli
