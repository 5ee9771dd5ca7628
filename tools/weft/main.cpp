// weft: the command line and the daemon in one program. Only this file includes the daemon.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "node/daemon.hpp"
#include "node/version.hpp"
#include "simulations/sim_command.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/help.hpp"
#include "tools/weft/misuse.hpp"

namespace weft::cli {
namespace {

constexpr const char* kFirstSteps =
    "first steps, on one machine:\n"
    "  weft up\n"
    "  weft expose 3000 --name blog\n"
    "  weft invite laptop --allow blog\n"
    "on the other:\n"
    "  weft up\n"
    "  weft join TICKET\n"
    "  weft open blog";

struct RunFlags {
  std::string name;
  std::vector<std::string> listen;
  std::string log_file;
};

int run_node(const Context& context, const RunFlags& flags) {
  auto config = node::load_config(context.paths());
  Context speaker = context;  // who starts us in the background reads the reason from the log
  speaker.json |= !flags.log_file.empty();
  if (!config)
    return speaker.report({Code::BadConfig, "the configuration has an error",
                           node::to_text(config.error()), config.error().fix});
#if WEFT_HAS_DAEMON
  node::RunOptions options;
  options.paths = context.paths();
  options.config = std::move(*config);
  options.name = flags.name;
  options.listen = flags.listen;
  if (!flags.log_file.empty()) options.log_file = std::filesystem::absolute(flags.log_file);
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
                  "UDP address, up to 8 times, kept from then on (default: all, port 41820); "
                  "tcp:HOST:PORT or wss:HOST:PORT where UDP does not get through")
      ->type_name("HOST:PORT");
  run->add_option("--log-file", flags->log_file,
                  "log to this file, turned over at 5 MiB, instead of standard error")
      ->type_name("FILE");
  run->footer("example: weft run --name oak --listen 0.0.0.0:41820");
  run->callback([&context, flags] {
    context.action = [&context, flags] { return run_node(context, *flags); };
  });
}

void add_sim(CLI::App& app, Context& context) {
  sim::add_sim_commands(app, {context.json, context.quiet, context.program, context.action});
  app.get_subcommand("sim")->parse_complete_callback([&context] { context.needs_home = false; });
}

void add_global_flags(CLI::App& app, Context& context) {
  app.add_flag("--json", context.json, "one JSON object on standard output");
  app.add_flag("--quiet", context.quiet, "no talk on standard error");
  app.add_option("--home", context.home,
                 "keep configuration, keys, state and socket below DIR (WEFT_HOME)")
      ->type_name("DIR");
  app.add_option("--network", context.network,
                 "of which network, by name or id (default: weft network default)")
      ->type_name("NAME");
  add_duration(app, "--timeout", context.timeout, "give up after this long");
  app.add_option("--color", context.color, "auto: on a terminal, unless NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.set_version_flag("--version", std::string("weft ") + kVersion);
  app.require_subcommand(1);
  app.footer(std::string(kFirstSteps) +
             "\n\nexit codes: 0 ok, 1 failed, 2 usage, 3 the node is not running, 4 not found,\n"
             "5 denied, 6 no path, 7 timeout, 8 not direct, 78 bad configuration");
}

// `weft` alone: how to begin, and where the rest is told.
int greet(const Context& context) {
  std::cerr << "weft: your machines, one network, no server\n\n"
            << kFirstSteps << "\n\n"
            << "all commands: " << context.command("help") << "\n";
  return static_cast<int>(Code::Usage);
}

class HelpPrinter final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    const CLI::App* root = app;
    while (root->get_parent() != nullptr) root = root->get_parent();
    const auto tree = command_tree(*root);
    for (const auto* page : all_pages(tree))
      if (page->path == path_of(*app)) return help_text(*page);
    return help_text(tree);
  }

 private:
  static std::string path_of(const CLI::App& app) {
    if (app.get_parent() == nullptr) return "";
    const auto above = path_of(*app.get_parent());
    return above.empty() ? app.get_name() : above + " " + app.get_name();
  }
};

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
  app.formatter(std::make_shared<HelpPrinter>());  // inherited
  add_global_flags(app, context);
  app.fallthrough();  // inherited: global flags work behind the command too
  std::vector<CommandSet> sets{{0, add_run}, {70, add_sim}};
  for (const auto& make : command_sets()) sets.push_back(make());
  std::ranges::stable_sort(sets, {}, &CommandSet::place);
  for (const auto& set : sets) set.add(app, context);
  if (argc == 1) return greet(context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    for (int i = 1; i < argc; ++i)  // the flag may stand behind what did not parse
      if (std::string_view(argv[i]) == "--json") context.json = true;
    auto problem = misuse(app, {argv + 1, argv + argc}, error);
    problem.fix = context.command(problem.fix);
    return context.report(problem);
  }
  if (context.needs_home)
    if (const auto home = context.check_home(); !home) return context.report(home.error());
  return run_action(context);
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) { return weft::cli::main(argc, argv); }
