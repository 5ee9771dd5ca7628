// config check, show, init.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <CLI/CLI.hpp>

#include "node/config.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"

namespace weft::cli {
namespace {

int report_config(const Context& context, const node::ConfigError& error) {
  return context.report(
      {Code::BadConfig, "the configuration has an error", node::to_text(error), error.fix});
}

int run_check(const Context& context) {
  const auto paths = context.paths();
  const auto config = node::load_config(paths);
  if (!config) return report_config(context, config.error());
  std::error_code none;
  const bool exists = std::filesystem::exists(paths.config_file, none);
  const Json data{{"schema", "weft.config/1"},
                  {"file", paths.config_file.string()},
                  {"exists", exists},
                  {"expose", config->expose.size()},
                  {"consume", config->consume.size()},
                  {"peer", config->peer.size()}};
  return context.show(data, [&](const Json&) {
    context.print("ok  " + paths.config_file.string() + (exists ? "" : " (absent: defaults)") +
                  "\n");
  });
}

Json to_json(const node::Config& config) {
  Json out{{"schema", "weft.config/1"},
           {"node", {{"name", config.name}, {"listen", config.listen}}},
           {"log", {{"level", config.log_level}}},
           {"net", {{"gso", config.gso}}},
           {"metrics",  // its token stays in the file
            {{"listen", config.metrics_listen ? to_text(*config.metrics_listen) : std::string()}}},
           {"listen", {{"certificate", config.certificate}, {"key", config.certificate_key}}},
           {"expose", Json::array()},
           {"consume", Json::array()},
           {"peer", Json::array()},
           {"origin", config.origin}};
  for (const auto& e : config.expose)
    out["expose"].push_back(Json{{"name", e.name}, {"target", e.target}, {"allow", e.allow}});
  for (const auto& p : config.peer)
    out["peer"].push_back(Json{{"node", p.node}, {"addresses", p.addresses}});
  for (const auto& c : config.consume)
    out["consume"].push_back(Json{{"service", c.service},
                                  {"node", c.node},
                                  {"listen", c.listen ? to_text(*c.listen) : std::string()}});
  return out;
}

int run_show(const Context& context, bool origin) {
  const auto config = node::load_config(context.paths());
  if (!config) return report_config(context, config.error());
  return context.show(to_json(*config),
                      [&](const Json&) { context.print(node::to_toml(*config, origin)); });
}

int run_init(const Context& context) {
  const auto file = context.paths().config_file;
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    return context.report(
        {Code::Failed, file.string() + " is there already", "", context.command("config check")});
  if (fd < 0)
    return context.report(
        {Code::Failed, "cannot write " + file.string(), std::strerror(errno),
         "make " + file.parent_path().string() + " writable, or name another place with --home"});
  const auto text = node::starter_config();
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  if (!written)
    return context.report(
        {Code::Failed, "cannot write " + file.string(), "disk full?", "make room, then try again"});
  const Json data{{"schema", "weft.config/1"}, {"file", file.string()}};
  return context.show(data, [&](const Json&) {
    context.print("wrote " + file.string() + "\n");
    context.next("config check");
  });
}

void add(CLI::App& app, Context& context) {
  auto* config = app.add_subcommand("config", "Check, show or begin the configuration");
  config->require_subcommand(1)->fallthrough();
  config->footer("example: weft config show --origin");
  auto* check = config->add_subcommand("check", "Is the configuration right? (exit 78 if not)");
  check->fallthrough()->footer("example: weft config check");
  check->callback([&context] { context.action = [&context] { return run_check(context); }; });
  auto* show = config->add_subcommand("show", "What holds now");
  auto origin = std::make_shared<bool>(false);
  show->add_flag("--origin", *origin, "say where each value comes from");
  show->fallthrough()->footer("example: weft config show --origin");
  show->callback([&context, origin] {
    context.action = [&context, origin] { return run_show(context, *origin); };
  });
  auto* init = config->add_subcommand("init", "Write a commented file to start from");
  init->fallthrough()->footer("example: weft config init");
  init->callback([&context] { context.action = [&context] { return run_init(context); }; });
}

}  // namespace

CommandSet config_commands() { return {50, add}; }

}  // namespace weft::cli
