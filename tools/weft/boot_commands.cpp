#include "tools/weft/boot_commands.hpp"

#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>

#include "tools/weft/boot.hpp"
#include "tools/weft/process.hpp"

namespace weft::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + shell_word(word);
  return out;
}

int complain_of(const Context& context, const std::vector<std::string>& command,
                const Output& output, const std::string& fix) {
  return context.report({Code::Failed, joined(command) + " failed", output.text, fix});
}

// A user's systemd is asked over his session's bus, which `su` and `sudo -u` do not bring along.
std::string bus_fix(const BootHost& host, const std::string& again) {
  if (host.root) return "journalctl -u weft tells more";
  return "log in as " + host.user +
         " (ssh or console, not su), or: export XDG_RUNTIME_DIR=" + "/run/user/$(id -u), then " +
         again;
}

ApiResult<void> write_unit(const BootUnit& unit) {
  std::error_code error;
  std::filesystem::create_directories(unit.file.parent_path(), error);
  std::ofstream file(unit.file);
  file << unit.text;
  file.close();
  if (file) return {};
  return api::refuse(Code::Failed, "cannot write " + unit.file.string(),
                     error ? error.message() : "", "make it writable, or make room");
}

// Without lingering a user's systemd, and weft with it, ends with the last logout and begins with
// the next login.
void linger(const BootHost& host) {
  if (host.root) return;
  std::error_code none;
  if (std::filesystem::exists("/var/lib/systemd/linger/" + host.user, none)) return;
  if (run_program({"loginctl", "enable-linger"}).code == 0) return;
  std::cerr << "weft: it will start when you log in, not yet at boot: this user may not linger\n"
               "  fix: sudo loginctl enable-linger "
            << shell_word(host.user) << "\n";
}

}  // namespace

int start_at_boot(const Context& context, const std::vector<std::string>& run_arguments,
                  bool running) {
  const auto host = boot_host(context.paths());
  if (!host.systemd)
    return context.report({Code::Failed, "nothing here can start weft at boot",
                           "this machine is not run by systemd: there is no /run/systemd/system; "
                           "cron can do it instead",
                           cron_line(host)});
  if (const auto made = node::create_directories(context.paths()); !made)
    return context.report(api::to_api_error(made.error(), "cannot prepare the node's directories"));
  std::vector<std::string> arguments{"--log-file", context.paths().log_file().string()};
  arguments.insert(arguments.end(), run_arguments.begin(), run_arguments.end());
  const auto unit = boot_unit(host, arguments);
  if (const auto written = write_unit(unit); !written) return context.report(written.error());
  auto enable = systemctl(host, {"enable", unit.name});
  if (!running) enable.insert(enable.end() - 1, "--now");
  for (const auto& command : {systemctl(host, {"daemon-reload"}), enable})
    if (const auto output = run_program(command); output.code != 0)
      return complain_of(context, command, output, bus_fix(host, context.command("up --at-boot")));
  linger(host);
  context.talk("starts at boot: " + unit.file.string() + "\n");
  if (running) context.talk("this node runs on as it was started; systemd has it from next boot\n");
  return 0;
}

bool has_boot_unit(const Context& context) {
  const auto host = boot_host(context.paths());
  std::error_code none;
  return host.systemd && std::filesystem::exists(boot_unit(host, {}).file, none);
}

int start_by_unit(const Context& context) {
  if (!has_boot_unit(context)) return 0;
  const auto host = boot_host(context.paths());
  const auto unit = boot_unit(host, {});
  const auto command = systemctl(host, {"start", unit.name});
  const auto output = run_program(command);
  return output.code == 0
             ? 0
             : complain_of(context, command, output, bus_fix(host, context.command("up")));
}

int no_more_at_boot(const Context& context) {
  const auto host = boot_host(context.paths());
  const auto unit = boot_unit(host, {});
  std::error_code error;
  if (!std::filesystem::exists(unit.file, error)) {
    context.talk("it was not to start at boot: there is no " + unit.file.string() + "\n");
    return 0;
  }
  const auto disable = systemctl(host, {"disable", unit.name});
  if (const auto output = run_program(disable); output.code != 0)
    return complain_of(context, disable, output, bus_fix(host, context.command("down --at-boot")));
  if (!std::filesystem::remove(unit.file, error))
    return context.report({Code::Failed, "cannot remove " + unit.file.string(), error.message(),
                           "rm " + shell_word(unit.file.string())});
  run_program(systemctl(host, {"daemon-reload"}));
  context.talk("starts at boot no more\n");
  return 0;
}

}  // namespace weft::cli
