#include "tools/weft/misuse.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/nearest_word.hpp"
#include "tools/weft/command_tree.hpp"

namespace weft::cli {
namespace {

using api::ApiError;
using api::Code;

// What other programs call it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kElsewhere{{
    {"start", "up"},
    {"stop", "down"},
    {"ls", "services"},
    {"list", "services"},
    {"peers", "members"},
    {"nodes", "members"},
    {"info", "status"},
    {"connect", "open"},
    {"forward", "open"},
    {"doors", "mappings"},
    {"mappings", "doors"},
    {"share", "expose"},
    {"log", "logs"},
    {"add", "invite"},
}};

bool takes_value(std::string_view word) {
  return word == "--home" || word == "--network" || word == "--timeout" || word == "--color";
}

// Refuses `what`; the fix is the help of what was meant, else of the command reached.
ApiError refuse(const CLI::App& app, const std::string& what, const std::string& near = "") {
  const auto help = near.starts_with('-') || near.empty() ? command_of(app) + "--help"
                                                          : command_of(app) + near + " --help";
  return {Code::Usage, what + (near.empty() ? "" : ": did you mean " + near + "?"), "", help};
}

std::string nearest_command(const CLI::App& group, const std::string& typed) {
  std::vector<std::string> names;
  for (const auto* command : group.get_subcommands({}))
    if (!command->get_group().empty()) names.push_back(command->get_name());
  for (const auto& [word, command] : kElsewhere)
    if (word == typed && std::ranges::find(names, command) != names.end())
      return std::string(command);
  return nearest_word(typed, names);
}

const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

// A group that got no command of its own: which word stands in its place, if any.
ApiError wrong_command(const CLI::App& app, const CLI::App& group,
                       const std::vector<std::string>& words) {
  bool inside = &group == &app;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (takes_value(word)) ++i;
    if (word.starts_with('-')) continue;
    if (inside)
      return refuse(app, "no command is called \"" + command_of(app) + word + "\"",
                    nearest_command(group, word));
    inside = word == group.get_name();
  }
  return refuse(
      app, &group == &app ? "a command is needed" : command_of(app) + "needs a command after it");
}

ApiError wrong_extra(const CLI::App& app) {
  const auto left = app.remaining(true);
  if (left.empty()) return refuse(app, "a word too many");
  const auto& word = left.front();
  if (!word.starts_with('-')) return refuse(app, "\"" + word + "\" is one word too many");
  const auto typed = word.substr(0, word.find('='));
  std::vector<std::string> names;
  for (const auto* part : {&std::as_const(app), &innermost(app)})
    for (const auto* option : part->get_options())
      for (const auto& name : option->get_lnames()) names.push_back(name);
  const auto near =
      nearest_word(typed.substr(std::min(typed.find_first_not_of('-'), typed.size())), names);
  return refuse(app, "there is no option " + typed, near.empty() ? "" : "--" + near);
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// "--home: 1 required DIR missing", "NODE is required": the parser's words, made a sentence.
std::string plain_words(const CLI::ParseError& error) {
  std::string text = error.what();
  const auto colon = text.find(": ");
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && colon != std::string::npos) {
    const auto name = text.substr(0, colon);
    return (name.starts_with('-') ? name : upper(name)) +
           (text.ends_with("missing") ? " needs a value behind it" : " is given too often");
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && text.ends_with(" is required"))
    return (text.starts_with('-') ? text.substr(0, text.rfind(" is "))
                                  : upper(text.substr(0, text.rfind(" is ")))) +
           " is missing";
  constexpr std::string_view kValue = ": Value ", kRange = " not in range ";
  const auto value = text.find(kValue), range = text.find(kRange);
  if (value != std::string::npos && range != std::string::npos && value < range)
    return text.substr(0, value) + " must be a number from " + text.substr(range + kRange.size()) +
           ", not " + text.substr(value + kValue.size(), range - value - kValue.size());
  const auto list = text.find(" not in {");
  if (colon != std::string::npos && list != std::string::npos && list > colon) {
    auto choices = text.substr(list + 9, text.rfind('}') - list - 9);
    for (auto at = choices.find(','); at != std::string::npos; at = choices.find(',', at + 2))
      choices.replace(at, 1, choices.find(',', at + 1) == std::string::npos ? " or " : ", ");
    const auto name = text.substr(0, colon);
    return (name.starts_with('-') ? name : upper(name)) + " must be " + choices + ", not " +
           text.substr(colon + 2, list - colon - 2);
  }
  constexpr std::string_view kConvert = "Could not convert: ";
  if (text.starts_with(kConvert)) {
    const auto equals = text.find(" = ");
    return text.substr(kConvert.size(), equals - kConvert.size()) + " must be a number, not " +
           (equals == std::string::npos ? "this" : text.substr(equals + 3));
  }
  return text;
}

}  // namespace

std::string command_of(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? "" : parsed.front()->get_name() + " " + command_of(*parsed.front());
}

ApiError misuse(const CLI::App& app, const std::vector<std::string>& words,
                const CLI::ParseError& error) {
  const CLI::App& group = innermost(app);
  const bool needs_command = group.get_require_subcommand_min() > 0;
  const bool unknown_option = std::ranges::any_of(
      app.remaining(true), [](const auto& word) { return word.starts_with('-'); });
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return refuse(app, plain_words(error));
  if (needs_command && !unknown_option) return wrong_command(app, group, words);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr || (needs_command && unknown_option))
    return wrong_extra(app);
  return refuse(app, plain_words(error));
}

}  // namespace weft::cli
