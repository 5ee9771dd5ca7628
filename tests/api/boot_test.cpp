// The units that start weft with the machine. Their text is checked by systemd itself where it is.
#include "tools/weft/boot.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/harness/temporary_folder.hpp"
#include "tools/weft/process.hpp"

namespace weft::cli {
namespace {

BootHost a_user() {
  BootHost host;
  host.systemd = true;
  host.user = "ann";
  host.program = "/usr/bin/weft";
  host.unit_dir = "/home/ann/.config/systemd/user";
  return host;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).contains("\n" + line + "\n");
}

TEST(Boot, AUsersNodeIsAUnitOfTheUser) {
  const auto unit = boot_unit(a_user(), {});
  EXPECT_EQ(unit.file, "/home/ann/.config/systemd/user/weft.service");
  EXPECT_TRUE(has_line(unit.text, "Type=notify")) << unit.text;
  EXPECT_TRUE(has_line(unit.text, "ExecStart=/usr/bin/weft run")) << unit.text;
  EXPECT_TRUE(has_line(unit.text, "WantedBy=default.target")) << unit.text;
  EXPECT_TRUE(has_line(unit.text, "RestartPreventExitStatus=2 78")) << unit.text;
  EXPECT_FALSE(unit.text.contains("network-online")) << "a user's systemd has no such target";
  EXPECT_EQ(systemctl(a_user(), {"enable", unit.name}),
            (std::vector<std::string>{"systemctl", "--user", "enable", "weft.service"}));
}

TEST(Boot, RootsNodeIsAUnitOfTheSystemThatKnowsItsPlaces) {
  auto host = a_user();
  host.root = true;
  host.unit_dir = "/etc/systemd/system";
  host.environment = {"HOME=/root", "XDG_STATE_HOME=/var/my state"};
  const auto unit = boot_unit(host, {});
  EXPECT_EQ(unit.file, "/etc/systemd/system/weft.service");
  EXPECT_TRUE(has_line(unit.text, "Environment=HOME=/root")) << unit.text;
  EXPECT_TRUE(has_line(unit.text, "Environment=\"XDG_STATE_HOME=/var/my state\"")) << unit.text;
  EXPECT_TRUE(has_line(unit.text, "WantedBy=multi-user.target")) << unit.text;
  EXPECT_EQ(systemctl(host, {"start", "x"}), (std::vector<std::string>{"systemctl", "start", "x"}));
}

TEST(Boot, AHomeOfItsOwnIsAUnitOfItsOwn) {
  auto host = a_user();
  host.home = "/srv/my oak 100%";
  const auto unit = boot_unit(host, {"--name", "oak", "--listen", "0.0.0.0:41820"});
  EXPECT_EQ(unit.name, "weft-srv-my-oak-100-.service");
  EXPECT_TRUE(has_line(unit.text,
                       "ExecStart=/usr/bin/weft --home \"/srv/my oak 100%%\" run --name "
                       "oak --listen 0.0.0.0:41820"))
      << unit.text;
  EXPECT_TRUE(cron_line(host).contains("--home '\\''/srv/my oak 100%'\\'' up")) << cron_line(host);
}

TEST(Boot, ThePackageHasOneForEveryUserAndOneTheAdministratorNames) {
  EXPECT_TRUE(has_line(packaged_unit("system", "/usr/bin/weft"), "User=%i"));
  EXPECT_FALSE(packaged_unit("user", "/usr/bin/weft").contains("User="));
}

TEST(Boot, SystemdReadsThemWithoutAComplaint) {
  if (run_program({"systemd-analyze", "--version"}).code != 0) GTEST_SKIP() << "no systemd-analyze";
  const harness::TemporaryFolder folder;
  auto host = a_user();
  host.program = "/bin/true";
  host.home = "/srv/my oak 100%";
  auto root = host;
  root.root = true;
  root.environment = {"HOME=/root", "XDG_STATE_HOME=/var/my \"state\""};
  const auto verify = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
    return run_program({"systemd-analyze", "verify", "--man=no", (folder.path() / name).string()});
  };
  for (const auto& [name, text] :
       {std::pair{std::string("a.service"), boot_unit(host, {"--name", "oak"}).text},
        {"b.service", boot_unit(root, {}).text},
        {"c.service", packaged_unit("user", "/bin/true")},
        {"d@ann.service", packaged_unit("system", "/bin/true")}}) {
    const auto said = verify(name, text);
    EXPECT_EQ(said.code, 0) << said.text;
    EXPECT_FALSE(said.text.contains(name)) << said.text;
  }
  const auto control = verify("e.service", "[Service]\nType=nothing\nExecStart=/bin/true\n");
  EXPECT_TRUE(control.text.contains("e.service")) << control.text;
}

}  // namespace
}  // namespace weft::cli
