#include "tools/weft/boot.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "tools/weft/output.hpp"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

// One word of a unit file: in quotes where it must be; a percent sign would begin a specifier, a
// dollar sign a variable.
std::string unit_word(const std::string& word) {
  std::string out;
  bool quotes = word.empty();
  for (const char c : word) {
    if (c == '%' || c == '$') out += c;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
    quotes = quotes || c == ' ' || c == '\t' || c == '\'' || c == '"' || c == ';' || c == '\\';
  }
  return quotes ? "\"" + out + "\"" : out;
}

// "/srv/oak" becomes "-srv-oak": systemd takes letters, digits and these signs in a name.
std::string name_part(const fs::path& home) {
  std::string out;
  for (const char c : home.string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain || c == '.' || c == '_' ? c : '-';
  }
  return out;
}

struct UnitParts {
  std::string exec;                      // the whole command
  bool system = false;                   // started by the system's systemd
  std::string user;                      // User=, there
  std::vector<std::string> environment;  // NAME=VALUE
};

// Exit codes 2 and 78 say that the command line or weft.toml is wrong: starting again mends
// neither.
std::string unit_text(const UnitParts& parts) {
  std::string out =
      "[Unit]\n"
      "Description=weft: your machines, one network, no server\n"
      "Documentation=man:weft(1)\n";
  if (parts.system) out += "Wants=network-online.target\nAfter=network-online.target\n";
  out += "\n[Service]\nType=notify\nExecStart=" + parts.exec + "\n";
  if (!parts.user.empty()) out += "User=" + parts.user + "\n";
  for (const auto& variable : parts.environment) out += "Environment=" + unit_word(variable) + "\n";
  out +=
      "ExecReload=/bin/kill -HUP $MAINPID\n"
      "Restart=on-failure\n"
      "RestartSec=2\n"
      "RestartPreventExitStatus=2 78\n"
      "TimeoutStopSec=10\n"
      "LimitNOFILE=65536\n"
      "NoNewPrivileges=yes\n"
      "LockPersonality=yes\n"
      "MemoryDenyWriteExecute=yes\n"
      "\n[Install]\nWantedBy=";
  return out + (parts.system ? "multi-user.target\n" : "default.target\n");
}

}  // namespace

BootHost boot_host(const node::Paths& paths) {
  BootHost host;
  std::error_code none;
  host.systemd = fs::is_directory("/run/systemd/system", none);
  host.root = ::geteuid() == 0;
  const auto* entry = ::getpwuid(::geteuid());
  host.user = entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
  host.program = fs::read_symlink("/proc/self/exe", none);
  host.home = paths.home;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const auto config = variable("XDG_CONFIG_HOME");
  const fs::path user_config = config.starts_with('/') ? config : variable("HOME") + "/.config";
  host.unit_dir = host.root ? fs::path("/etc/systemd/system") : user_config / "systemd/user";
  if (host.root && !variable("HOME").empty())
    host.environment.push_back("HOME=" + variable("HOME"));
  for (const char* name : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"})
    if (!variable(name).empty())
      host.environment.push_back(std::string(name) + "=" + variable(name));
  return host;
}

BootUnit boot_unit(const BootHost& host, const std::vector<std::string>& arguments) {
  UnitParts parts;
  parts.exec = unit_word(host.program.string());
  if (host.home) parts.exec += " --home " + unit_word(host.home->string());
  parts.exec += " run";
  for (const auto& argument : arguments) parts.exec += " " + unit_word(argument);
  parts.system = host.root;
  parts.environment = host.environment;
  const auto name = "weft" + (host.home ? name_part(*host.home) : "") + ".service";
  return {name, host.unit_dir / name, unit_text(parts)};
}

std::string packaged_unit(const std::string& kind, const fs::path& program) {
  UnitParts parts;
  parts.exec = unit_word(program.string()) + " run";
  parts.system = kind == "system";
  if (parts.system) parts.user = "%i";
  return unit_text(parts);
}

std::vector<std::string> systemctl(const BootHost& host, std::vector<std::string> arguments) {
  std::vector<std::string> out{"systemctl"};
  if (!host.root) out.emplace_back("--user");
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

std::string cron_line(const BootHost& host) {
  auto line = "@reboot " + shell_word(host.program.string());
  if (host.home) line += " --home " + shell_word(host.home->string());
  line += " up";
  return "(crontab -l 2>/dev/null; echo " + shell_word(line) + ") | crontab -";
}

}  // namespace weft::cli
