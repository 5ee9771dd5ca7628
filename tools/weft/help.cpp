#include "tools/weft/help.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kWidestTitle = 26;

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Two columns; a title that is too wide has a line of its own.
using Rows = std::vector<std::pair<std::string, std::string>>;
std::string two_columns(const Rows& rows) {
  std::size_t left = 0;
  for (const auto& [title, about] : rows)
    if (title.size() <= kWidestTitle) left = std::max(left, title.size());
  left += kIndent + 2;
  std::string out;
  for (const auto& [title, about] : rows) {
    std::string line = std::string(kIndent, ' ') + title;
    if (line.size() + 2 > left) {
      out += line + "\n";
      line.clear();
    }
    for (const auto& part : wrapped(about, kColumns - left)) {
      line.resize(left, ' ');
      out += line + part + "\n";
      line.clear();
    }
  }
  return out;
}

std::string section(std::string_view title, const Rows& rows) {
  return rows.empty() ? "" : "\n" + std::string(title) + "\n" + two_columns(rows);
}

Rows rows_of(const std::vector<OptionPage>& options) {
  Rows rows;
  for (const auto& option : options)
    rows.emplace_back(
        title_of(option),
        option.about + (option.many && !option.names.empty() ? "; may be repeated" : ""));
  return rows;
}

api::Json json_of(const CommandPage& page) {
  api::Json out{{"name", page.path},
                {"about", page.about},
                {"usage", page.usage()},
                {"options", api::Json::array()}};
  for (const auto* list : {&page.places, &page.options})
    for (const auto& option : *list)
      out["options"].push_back({{"names", option.names},
                                {"value", option.value},
                                {"about", option.about},
                                {"required", option.required}});
  return out;
}

// The footer's lines are kept as they are, but for those that are too long.
std::string kept_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (width_of(line) <= kColumns)
      out += std::string(line) + "\n";
    else
      for (const auto& part : wrapped(line, kColumns)) out += part + "\n";
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines{""};
  while (!text.empty()) {
    const auto word = text.substr(0, text.find_first_of(" \n"));
    if (!word.empty()) {
      const auto used = width_of(lines.back());
      if (used > 0 && used + 1 + width_of(word) > width) lines.emplace_back();
      lines.back() += (lines.back().empty() ? "" : " ") + std::string(word);
    }
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return lines;
}

std::string help_text(const CommandPage& page) {
  std::string out;
  for (const auto& line : wrapped(page.about, kColumns)) out += line + "\n";
  out += "\nusage: " + page.usage() + "\n";
  out += section("arguments", rows_of(page.places));
  Rows commands;
  for (const auto& command : page.commands) commands.emplace_back(command.name(), command.about);
  out += section("commands", commands);
  out += section("options", rows_of(page.options));
  if (!page.footer.empty()) out += "\n" + kept_lines(page.footer);
  if (!page.path.empty())
    out += "also: --json, --quiet, --home, --timeout and the others of weft --help\n";
  return out;
}

api::Json help_json(const CommandPage& root) {
  api::Json out{{"schema", "weft.help/1"}, {"commands", api::Json::array()}};
  for (const auto* page : all_pages(root)) out["commands"].push_back(json_of(*page));
  return out;
}

}  // namespace weft::cli
