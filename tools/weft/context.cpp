#include "tools/weft/context.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>

#include "node/failure_text.hpp"

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds kGrace{3000};

std::optional<std::string> home_of(const Context& context) {
  return context.home.empty() ? node::home_from_environment() : context.home;
}

}  // namespace

node::Paths Context::paths() const { return node::resolve_paths(home_of(*this)); }

ApiResult<void> Context::check_home() const {
  if (!node::home_is_unknown(home_of(*this))) return {};
  return api::refuse(Code::Usage, "there is no place for this node's keys and state",
                     "neither --home nor WEFT_HOME nor HOME is set",
                     "set HOME, or name a directory: " + program + " --home DIR COMMAND");
}

ApiClient Context::client() const {
  const auto places = paths();
  return {places.socket, command("up"), places.state_dir};
}

std::string Context::command(std::string_view rest) const {
  auto out = shell_word(program);
  if (!home.empty()) out += " --home " + shell_word(home);
  if (!rest.empty()) (out += " ") += rest;
  return out;
}

std::string Context::for_network(const std::string& path) const {
  if (network.empty()) return path;
  return path + (path.contains('?') ? "&network=" : "?network=") + escape(network);
}

ApiResult<Json> Context::ask(std::string_view method, const std::string& path,
                             const std::optional<Json>& body,
                             std::chrono::milliseconds limit) const {
  return client().call(method, for_network(path), body, limit + kGrace);
}

int Context::show(const ApiResult<Json>& result,
                  const std::function<void(const Json&)>& human) const {
  if (!result) return report(result.error());
  if (json)
    print(json_text(*result) + "\n");
  else
    human(printable_answer(*result));  // much of it was written by others
  return 0;
}

int Context::report(const ApiError& error) const {
  const auto code = static_cast<int>(error.code);
  if (json) {
    Json out{{"schema", "weft.error/1"}, {"code", code}};
    out.update(api::to_json(error));
    print(json_text(out) + "\n");
  } else {
    std::string text = "weft: " + printable(error.title) + "\n";
    if (!error.detail.empty()) text += "  why: " + printable(error.detail) + "\n";
    if (!error.fix.empty()) text += "  fix: " + printable(error.fix) + "\n";
    std::cerr << text;
  }
  return code;
}

ApiError Context::error_of(const Error& error, const std::string& title) const {
  const auto text = node::take_apart(error.detail, command(""));
  return {api::code_of(error.code), title, text.why, text.fix};
}

void Context::print(std::string_view text) const { std::cout << text << std::flush; }

void Context::print(const Table& table) const {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != 0;
  };
  const char* terminal = std::getenv("TERM");
  const bool able = ::isatty(STDOUT_FILENO) == 1 && !set("NO_COLOR") &&
                    (terminal == nullptr || std::string_view(terminal) != "dumb");
  print(table.text(color == "always" || (color == "auto" && able)));
}

void Context::talk(std::string_view text) const {
  if (!quiet && !json) std::cerr << text << std::flush;
}

void Context::next(std::string_view rest) const {
  const bool same = network.empty() || rest.starts_with("--network");
  talk("next: " +
       command(same ? std::string(rest)
                    : "--network " + shell_word(network) + " " + std::string(rest)) +
       "\n");
}

void add_duration(CLI::App& app, const std::string& name,
                  std::optional<std::chrono::milliseconds>& value, const std::string& about,
                  Unit unit) {
  app.add_option_function<std::string>(
         name,
         [&value, name, unit](const std::string& text) {
           const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
           if (unit == Unit::Needed && bare && !text.empty())
             throw CLI::ValidationError(name, "\"" + text + "\" has no unit: write " + text +
                                                  "s, " + text + "m or " + text + "h");
           value = duration_from_text(text);
           if (!value)
             throw CLI::ValidationError(
                 name, "\"" + text + "\" is not a duration: write 500ms, 30s or 15m");
         },
         about)
      ->type_name("DURATION");
}

}  // namespace weft::cli
