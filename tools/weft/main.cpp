// weft: the command line and the daemon in one program. Only this file includes the daemon.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <iostream>
#include <memory>
#include <string_view>

#include <CLI/CLI.hpp>

#include "node/daemon.hpp"
#include "node/version.hpp"
#include "simulations/sim_command.hpp"
#include "tools/weft/context.hpp"

namespace weft::cli {
namespace {

struct RunFlags {
  std::string name;
  std::vector<std::string> listen;
};

int run_node(const Context& context, const RunFlags& flags) {
  auto config = node::load_config(context.paths());
  if (!config)
    return context.report({Code::BadConfig, "the configuration has an error",
                           node::to_text(config.error()), config.error().fix});
#if WEFT_HAS_DAEMON
  node::RunOptions options;
  options.paths = context.paths();
  options.config = std::move(*config);
  options.name = flags.name;
  options.listen = flags.listen;
  options.json_ready = context.json;
  return node::run_daemon(options);
#else
  (void)flags;
  return context.report({Code::Failed, "this program was built without the daemon", "", ""});
#endif
}

void add_run(CLI::App& app, Context& context) {
  auto* run = app.add_subcommand("run", "Start weft in the foreground; SIGTERM or Ctrl-C ends it");
  auto flags = std::make_shared<RunFlags>();
  run->add_option("--name", flags->name, "this node's name (default: the hostname)");
  run->add_option("--listen", flags->listen,
                  "UDP address, up to 8 times (default: all of them, on a port chosen once)")
      ->type_name("HOST:PORT");
  run->footer("example: weft run --name oak --listen 0.0.0.0:41820");
  run->callback([&context, flags] {
    context.action = [&context, flags] { return run_node(context, *flags); };
  });
}

void add_global_flags(CLI::App& app, Context& context) {
  app.add_flag("--json", context.json, "one JSON object on standard output");
  app.add_flag("--quiet", context.quiet, "no talk on standard error");
  app.add_option("--home", context.home,
                 "keep config, keys, state and socket below DIR (WEFT_HOME)")
      ->type_name("DIR");
  app.add_option("--network", context.network, "insist on this network")->type_name("NAME");
  add_duration(app, "--timeout", context.timeout, "give up after this long");
  app.set_version_flag("--version", std::string("weft ") + kVersion);
  app.require_subcommand(1);
  app.footer(
      "first steps, on one machine:  weft up; weft expose 3000 --name blog; weft invite laptop "
      "--allow blog\n"
      "on the other:                 weft up; weft join TICKET; weft open blog\n\n"
      "exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 not found, 5 denied, 6 no "
      "path,\n            7 timeout, 8 not direct, 78 bad configuration");
}

// "expose " or "dht lookup " when that is the command that did not parse, else nothing.
std::string command_of(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? "" : parsed.front()->get_name() + " " + command_of(*parsed.front());
}

// What is wrong with the line, in words that name it.
std::string misuse(const CLI::App& app, int argc, char** argv, const std::string& otherwise) {
  const auto parsed = app.get_subcommands();
  const CLI::App& group = parsed.empty() ? app : *parsed.front();
  if (group.get_require_subcommand_min() == 0 || !group.get_subcommands().empty()) return otherwise;
  bool inside = parsed.empty();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    const bool takes_value = word == "--home" || word == "--network" || word == "--timeout";
    if (takes_value) ++i;
    if (takes_value || word.starts_with('-')) continue;
    if (inside) return "no command is called \"" + command_of(app) + std::string(word) + "\"";
    inside = word == group.get_name();
  }
  if (!parsed.empty()) return command_of(app) + "needs a command after it";
  return argc > 1 ? otherwise : "a command is needed";
}

// Where one of these was closed by whoever started us, the next socket or database would take its
// number: a pipe would read what it wrote, a log would go into a file of somebody else.
void hold_standard_descriptors() {
  for (int fd = 0; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0)
      (void)!::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

// An answer that could not be written is no success: a full disk, a closed output.
int run_action(const Context& context) {
  const int code = context.action ? context.action() : 2;
  if (code != 0 || std::cout.flush()) return code;
  std::cerr << "weft: the answer could not be written to standard output\n";
  return static_cast<int>(Code::Failed);
}

int main(int argc, char** argv) {
  hold_standard_descriptors();
  Context context;
  if (argc > 0 && std::strchr(argv[0], '/') != nullptr) context.program = argv[0];
  CLI::App app("weft: your machines, one network, no server", "weft");
  add_global_flags(app, context);
  app.fallthrough();  // inherited: global flags work behind the command too
  add_run(app, context);
  add_node_commands(app, context);
  add_network_commands(app, context);
  add_service_commands(app, context);
  add_dht_commands(app, context);
  add_config_commands(app, context);
  sim::add_sim_commands(app, {context.json, context.quiet, context.program, context.action});
  for (auto* command : app.get_subcommands({}))
    command->footer(command->get_footer() + "\nalso: --json, --quiet, --home, --timeout; see " +
                    context.command("--help"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    for (int i = 1; i < argc; ++i)  // the flag may stand behind what did not parse
      if (std::string_view(argv[i]) == "--json") context.json = true;
    return context.report({Code::Usage, misuse(app, argc, argv, error.what()), "",
                           context.command(command_of(app) + "--help")});
  }
  if (!app.got_subcommand("sim"))  // which needs no node
    if (const auto home = context.check_home(); !home) return context.report(home.error());
  return run_action(context);
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) { return weft::cli::main(argc, argv); }
