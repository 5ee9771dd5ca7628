// backup, restore, start-over, identity: what is kept of a node, and how it is got back. They work
// on the files of a home, so all but `backup` want the node stopped.
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/identity.hpp"
#include "node/io/secure_rng.hpp"
#include "node/store/backup.hpp"
#include "node/store/file.hpp"
#include "node/store/identity_file.hpp"
#include "node/store/key_file.hpp"
#include "tools/weft/command_set.hpp"
#include "tools/weft/context.hpp"
#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;
using store::HomePlaces;

constexpr std::size_t kMostText = 64U << 10;  // of a passphrase or an exported identity

HomePlaces places_of(const Context& context) {
  const auto paths = context.paths();
  return {paths.data_dir, paths.state_dir};
}

fs::path absolute(const std::string& file) {
  std::error_code ignored;
  return fs::absolute(file, ignored).lexically_normal();
}

int done(const Context& context, const fs::path& file, const std::string& schema,
         const std::string& said) {
  Json data{{"schema", schema}, {"file", file.string()}};
  return context.show(data, [&](const Json&) { context.talk(said); });
}

constexpr const char* kKeysInside =
    "it holds this node's keys: whoever reads it can be this node. Keep it as you keep a key\n";

int run_backup(const Context& context, const std::string& name) {
  const auto file = absolute(name);
  std::error_code none;
  if (const auto folder = file.parent_path(); !fs::is_directory(folder, none))
    return context.report({Code::Failed, "no backup was made",
                           "there is no folder " + folder.string(),
                           "mkdir -p " + shell_word(folder.string()) + ", or name another file"});
  const auto said = "wrote " + file.string() + "; " + kKeysInside;
  const auto answer = context.ask("POST", "/api/v1/backup", Json{{"file", file.string()}});
  if (answer) return done(context, file, "weft.backup/1", said);
  const auto places = places_of(context);
  if (answer.error().code != Code::NotRunning || !store::is_inhabited(places))
    return context.report(answer.error());
  crypto::initialise();
  io::SecureRng rng;
  auto home = store::open_home(places, rng);
  if (!home) return context.report(context.error_of(home.error(), "cannot open this node"));
  const auto written = store::write_backup(*home->store, places, file);
  if (!written) return context.report(context.error_of(written.error(), "no backup was made"));
  return done(context, file, "weft.backup/1", said);
}

int run_restore(const Context& context, const std::string& name) {
  crypto::initialise();
  const auto file = absolute(name);
  if (std::error_code none; !fs::exists(file, none))
    return context.report({Code::NotFound, "there is no file " + file.string(), "",
                           "name the file that was written by: " + context.command("backup FILE")});
  if (const auto made = node::create_directories(context.paths()); !made)
    return context.report(context.error_of(made.error(), "cannot prepare the directories"));
  const auto restored = store::restore_backup(file, places_of(context));
  if (!restored) return context.report(context.error_of(restored.error(), "nothing was restored"));
  return done(context, file, "weft.restore/1",
              "restored. Start it only if the node of this backup runs nowhere else: one identity "
              "on two machines takes each other's connections away\nnext: " +
                  context.command("up") + "\n");
}

int run_reset(const Context& context, const std::string& what) {
  crypto::initialise();
  const auto reset = store::reset_from_text(what);
  if (!reset)
    return context.report({Code::Usage, "\"" + what + "\" cannot be started over",
                           "it is one of seal, services, network, all",
                           context.command("start-over --help")});
  const auto seconds =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto stamp = std::to_string(seconds.time_since_epoch().count());
  const auto places = places_of(context);
  if (!store::is_inhabited(places))
    return context.report(
        {Code::NotFound, "there is no node in " + places.keys.string(), "", context.command("up")});
  const auto moved = store::reset_home(places, *reset, stamp);
  if (!moved) return context.report(context.error_of(moved.error(), "nothing was changed"));
  Json data{{"schema", "weft.start-over/1"}, {"what", what}, {"moved", Json::array()}};
  for (const auto& path : *moved) data["moved"].push_back(path.string());
  data["to"] = moved->empty() ? "" : (places.state / ("aside-" + stamp)).string();
  return context.show(data, [&](const Json& d) {
    if (!moved->empty())
      context.talk("moved to " + d.value("to", "") + ": " + list_text(d["moved"]) + "\n");
    if (*reset == store::Reset::Seal)
      context.talk("the databases count as they are; compare " + context.command("status") +
                   " with what you set\n");
    context.next("up");
  });
}

// ---- passphrases --------------------------------------------------------------------------------

std::string ask_quietly(const std::string& prompt) {
  std::cerr << prompt << std::flush;
  termios before{};
  const bool terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    auto quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::cerr << "\n";
  return line;
}

ApiResult<std::string> read_text(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string out(kMostText, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad())
    return api::refuse(Code::NotFound, "cannot read " + file, std::strerror(errno),
                       "name a file that is there and may be read");
  return out;
}

ApiResult<std::string> passphrase(const std::string& file, bool twice) {
  if (!file.empty()) {
    auto text = read_text(file);
    if (!text) return text;
    return text->substr(0, text->find_first_of("\r\n"));
  }
  if (::isatty(STDIN_FILENO) != 1)
    return api::refuse(Code::Usage, "a passphrase is needed, and there is no terminal to ask on",
                       "", "name a file whose first line it is: --passphrase-file FILE");
  auto first = ask_quietly("passphrase: ");
  if (twice && ask_quietly("once more: ") != first)
    return api::refuse(Code::Usage, "the two passphrases differ", "", "type it again");
  return first;
}

struct IdentityOptions {
  std::string file;
  std::string passphrase_file;
};

int run_export(const Context& context, const IdentityOptions& options) {
  crypto::initialise();
  const auto places = places_of(context);
  const auto identity = store::load_key_file(places.identity());
  const auto person = store::load_key_file(places.person());
  for (const auto* key : {&identity, &person})
    if (!*key) return context.report(context.error_of(key->error(), "there is no key to export"));
  const auto secret = passphrase(options.passphrase_file, true);
  if (!secret) return context.report(secret.error());
  io::SecureRng rng;
  const auto text = store::close_identity({*identity, *person}, *secret, rng);
  if (!text) return context.report(context.error_of(text.error(), "nothing was exported"));
  const auto file = absolute(options.file);
  const store::File out(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out || !store::write_durably(out, bytes_of(*text)))
    return context.report(
        {Code::Failed, "cannot write " + file.string(), std::strerror(errno), "name another file"});
  return done(context, file, "weft.identity/1",
              "wrote " + file.string() +
                  ": who this node is, closed with the passphrase. What it knows is in a backup: " +
                  context.command("backup FILE") + "\n");
}

int run_import(const Context& context, const IdentityOptions& options) {
  crypto::initialise();
  const auto text = read_text(options.file);
  if (!text) return context.report(text.error());
  const auto secret = passphrase(options.passphrase_file, false);
  if (!secret) return context.report(secret.error());
  const auto keys = store::open_identity(*text, *secret);
  if (!keys) return context.report(context.error_of(keys.error(), "nothing was imported"));
  if (const auto made = node::create_directories(context.paths()); !made)
    return context.report(context.error_of(made.error(), "cannot prepare the directories"));
  const auto settled = store::settle_keys(places_of(context), keys->identity, keys->person);
  if (!settled) return context.report(context.error_of(settled.error(), "nothing was imported"));
  const Json data{{"schema", "weft.identity/1"},
                  {"file", options.file},
                  {"id", to_text(Identity::from_seed(keys->identity).id)}};
  return context.show(data, [&](const Json& d) {
    context.print(d.value("id", "") + "\n");
    context.talk(
        "imported. Start it only if it runs nowhere else: one identity on two machines "
        "takes each other's connections away\n");
    context.next("up");
  });
}

void add_identity(CLI::App& app, Context& context) {
  auto* identity = app.add_subcommand("identity", "Carry this node's keys away, or bring them");
  identity->require_subcommand(1)->fallthrough();
  identity->footer("example: weft identity export oak.identity");
  const auto add = [&](const char* name, const char* about,
                       int (*run)(const Context&, const IdentityOptions&)) {
    auto* command = identity->add_subcommand(name, about);
    auto options = std::make_shared<IdentityOptions>();
    command->add_option("file", options->file, "the exported identity")->required();
    command
        ->add_option("--passphrase-file", options->passphrase_file,
                     "the passphrase is the first line of FILE (default: asked for)")
        ->type_name("FILE");
    command->fallthrough()->footer("example: weft identity " + std::string(name) + " oak.identity");
    command->callback([&context, options, run] {
      context.action = [&context, options, run] { return run(context, *options); };
    });
  };
  add("export", "Write the keys to FILE, closed with a passphrase", run_export);
  add("import", "Make a new home with the keys of FILE", run_import);
}

void add(CLI::App& app, Context& context) {
  const auto add = [&](const char* name, const char* about, const char* argument, const char* what,
                       const std::string& example, int (*run)(const Context&, const std::string&)) {
    auto* command = app.add_subcommand(name, about);
    auto value = std::make_shared<std::string>();
    command->add_option(argument, *value, what)->required();
    command->footer("example: " + example);
    command->callback([&context, value, run] {
      context.action = [&context, value, run] { return run(context, *value); };
    });
  };
  add("backup", "Write keys and state to one file, also while weft runs", "file",
      "a new file, readable by you alone", "weft backup oak.backup", run_backup);
  add("restore", "Make a home of a backup, where there is none", "file", "what backup wrote",
      "weft restore oak.backup", run_restore);
  add("start-over", "Begin anew where state is lost; the old files are kept aside", "what",
      "services: without services, rules and doors; network: out of the network; all: as a new "
      "node; seal: take the databases as they are",
      "weft start-over services", run_reset);
  add_identity(app, context);
}

}  // namespace

CommandSet home_commands() { return {60, add}; }

}  // namespace weft::cli
