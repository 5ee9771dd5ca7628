// Starting with the machine, by systemd: the unit's text and what must be run to put it into force.
// Deciding is apart from doing, so that all of it can be tested without a systemd.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/paths.hpp"

namespace weft::cli {

// Everything that decides what a unit looks like and where it goes.
struct BootHost {
  bool systemd = false;                       // it runs this machine
  bool root = false;                          // the system's unit, else one of the user's own
  std::string user;                           // the login name
  std::filesystem::path program;              // absolute
  std::filesystem::path unit_dir;             // where such units are read from
  std::optional<std::filesystem::path> home;  // of the node, if it is not in the usual places
  std::vector<std::string> environment;       // NAME=VALUE the node's places depend on
};

struct BootUnit {
  std::string name;  // "weft.service"; with a home of its own "weft-srv-oak.service"
  std::filesystem::path file;
  std::string text;
};

// As it is here, for the node of `paths`.
[[nodiscard]] BootHost boot_host(const node::Paths& paths);
// `arguments` come behind `run`.
[[nodiscard]] BootUnit boot_unit(const BootHost& host, const std::vector<std::string>& arguments);
// What the package installs: "user" for every user's own systemd, "system" for weft@USER.
[[nodiscard]] std::string packaged_unit(const std::string& kind,
                                        const std::filesystem::path& program);
// `systemctl ARGUMENTS`, with --user where the unit is a user's.
[[nodiscard]] std::vector<std::string> systemctl(const BootHost& host,
                                                 std::vector<std::string> arguments);
// The line of crontab(5) that does the same where there is no systemd.
[[nodiscard]] std::string cron_line(const BootHost& host);

}  // namespace weft::cli
