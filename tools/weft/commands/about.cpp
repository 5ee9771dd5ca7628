// help, version, completion, unit: about weft itself; no node is asked.
#include <memory>

#include <CLI/CLI.hpp>

#include "base/nearest_word.hpp"
#include "node/events/event.hpp"
#include "node/metrics/families.hpp"
#include "node/version.hpp"
#include "tools/weft/boot.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/help.hpp"

namespace weft::cli {
namespace {

struct HelpOptions {
  std::vector<std::string> words;
  bool man = false;
  bool events = false, metrics = false;
};

int run_help(const Context& context, const CLI::App& app, const HelpOptions& options) {
  const auto tree = command_tree(app);
  if (options.man) {
    context.print(man_page(tree));
    return 0;
  }
  if (options.events || options.metrics) {
    context.print(options.events ? events::reference() : metrics::reference());
    return 0;
  }
  if (context.json) {
    context.print(api::dump(help_json(tree)) + "\n");
    return 0;
  }
  std::string path;
  for (const auto& word : options.words) path += (path.empty() ? "" : " ") + word;
  std::vector<std::string> paths;
  for (const auto* page : all_pages(tree)) {
    paths.push_back(page->path);
    if (page->path != path) continue;
    context.print(help_text(*page));
    return 0;
  }
  const auto near = nearest_word(path, paths);
  return context.report({Code::Usage,
                         "no command is called \"" + path + "\"" +
                             (near.empty() ? "" : ": did you mean " + near + "?"),
                         "", context.command("help" + (near.empty() ? "" : " " + near))});
}

void add(CLI::App& app, Context& context) {
  auto* help = app.add_subcommand("help", "What weft can do, or how a command is used");
  auto options = std::make_shared<HelpOptions>();
  help->add_option("command", options->words, "the command, as group add")->type_name("COMMAND");
  help->add_flag("--man", options->man, "all of it as a manual page, for man -l");
  help->add_flag("--events", options->events, "every kind of event, as docs/events.md has it");
  help->add_flag("--metrics", options->metrics, "every metric, as docs/metrics.md has it");
  help->footer("example: weft help group add");
  help->callback([&context, &app, options] {
    context.needs_home = false;
    context.action = [&context, &app, options] { return run_help(context, app, *options); };
  });

  auto* version = app.add_subcommand("version", "The version of this program");
  version->footer("example: weft version");
  version->callback([&context] {
    context.needs_home = false;
    context.action = [&context] {
      const Json data{
          {"schema", "weft.version/1"}, {"version", kVersion}, {"build", build_text()}, {"api", 1}};
      return context.show(data, [&context](const Json&) {
        context.print("weft " + std::string(kVersion) + " (build " + build_text() + ")\n");
      });
    };
  });

  auto* completion = app.add_subcommand("completion", "Completion of weft's commands in a shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "fish", "zsh"}));
  completion->footer(
      "example: source <(weft completion bash)\n"
      "to keep it:\n"
      "  weft completion bash >> ~/.bashrc\n"
      "  weft completion zsh >> ~/.zshrc\n"
      "  weft completion fish > ~/.config/fish/completions/weft.fish");
  completion->callback([&context, &app, shell] {
    context.needs_home = false;
    context.action = [&context, &app, shell] {
      const auto tree = command_tree(app);
      context.print(*shell == "bash"  ? bash_completion(tree)
                    : *shell == "zsh" ? zsh_completion(tree)
                                      : fish_completion(tree));
      return 0;
    };
  });

  // For tools/package; no group, so no help.
  auto* unit = app.add_subcommand("unit", "The systemd units a package installs")->group("");
  auto kind = std::make_shared<std::string>();
  auto program = std::make_shared<std::string>("/usr/bin/weft");
  unit->add_option("kind", *kind)->required()->check(CLI::IsMember({"user", "system"}));
  unit->add_option("--program", *program);
  unit->callback([&context, kind, program] {
    context.needs_home = false;
    context.action = [&context, kind, program] {
      context.print(packaged_unit(*kind, *program));
      return 0;
    };
  });
}

}  // namespace

CommandSet about_commands() { return {80, add}; }

}  // namespace weft::cli
