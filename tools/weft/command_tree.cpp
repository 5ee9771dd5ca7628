#include "tools/weft/command_tree.hpp"

#include <algorithm>
#include <cctype>

#include <CLI/CLI.hpp>

namespace weft::cli {
namespace {

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return text;
}

// Of "TEXT:{bash,fish,zsh}", which CLI11 makes of a check against a list.
std::vector<std::string> choices_of(std::string_view type) {
  std::vector<std::string> out;
  const auto open = type.find('{');
  if (open == std::string_view::npos) return out;
  type = type.substr(open + 1, type.find('}') - open - 1);
  for (;;) {
    const auto comma = type.find(',');
    out.emplace_back(type.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    type.remove_prefix(comma + 1);
  }
}

// "WHO" where the option says so, else its own name; numbers are N.
std::string value_of(const CLI::Option& option, const std::string& name) {
  if (option.get_items_expected_max() == 0) return "";
  const auto type = option.get_type_name();  // "UINT:INT in [1 - 9]", "TEXT:{a,b}", "HOST:PORT"
  for (const auto* number : {"UINT", "INT", "FLOAT"})
    if (type.starts_with(number)) return "N";
  return type.empty() || type.starts_with("TEXT") ? upper(name) : type.substr(0, type.find(":{"));
}

OptionPage page_of(const CLI::Option& option, const std::string& path) {
  OptionPage page;
  for (const auto& name : option.get_snames()) page.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) page.names.push_back("--" + name);
  page.about = option.get_description();
  if (page.names == std::vector<std::string>{"-h", "--help"})
    page.about = path.empty() ? "what weft can do" : "this text";
  if (page.names == std::vector<std::string>{"--version"}) page.about = "the version";
  const auto name = option.get_positional() ? option.get_name() : page.names.back().substr(2);
  if (option.get_positional()) page.names.clear();
  page.value = value_of(option, name);
  page.choices = choices_of(option.get_type_name());
  page.required = option.get_required();
  page.many = option.get_items_expected_max() > 1;
  return page;
}

CommandPage page_of(const CLI::App& app, const std::string& path) {
  CommandPage page;
  page.path = path;
  page.about = app.get_description();
  page.footer = app.get_footer();
  for (const auto* option : app.get_options())
    if (!option->get_group().empty())
      (option->get_positional() ? page.places : page.options).push_back(page_of(*option, path));
  for (const auto* command : app.get_subcommands({}))
    if (!command->get_group().empty())
      page.commands.push_back(
          page_of(*command, path.empty() ? command->get_name() : path + " " + command->get_name()));
  return page;
}

void collect(const CommandPage& page, std::vector<const CommandPage*>& out) {
  out.push_back(&page);
  for (const auto& command : page.commands) collect(command, out);
}

}  // namespace

std::string CommandPage::usage() const {
  std::string out = path.empty() ? "weft" : "weft " + path;
  if (!commands.empty()) out += " COMMAND";
  if (std::ranges::any_of(options, [](const OptionPage& o) {
        return o.names.back() != "--help" && o.names.back() != "--version";
      }))
    out += " [OPTIONS]";
  for (const auto& place : places) {
    const auto value = place.value + (place.many ? "..." : "");
    out += place.required ? " " + value : " [" + value + "]";
  }
  return out;
}

CommandPage command_tree(const CLI::App& app) { return page_of(app, ""); }

std::vector<const CommandPage*> all_pages(const CommandPage& root) {
  std::vector<const CommandPage*> out;
  collect(root, out);
  return out;
}

std::string title_of(const OptionPage& option) {
  std::string out;
  for (const auto& name : option.names) out += (out.empty() ? "" : ", ") + name;
  if (!option.value.empty()) out += (out.empty() ? "" : " ") + option.value;
  return out;
}

}  // namespace weft::cli
