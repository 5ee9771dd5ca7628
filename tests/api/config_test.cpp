// Configuration, paths, targets and durations: what users type.
#include "node/config.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "node/listen_addresses.hpp"
#include "tests/api/server_fixture.hpp"
#include "tools/weft/output.hpp"

namespace weft::node {
namespace {

ConfigError error_of(std::string_view text) {
  Config config;
  const auto result = apply_toml(config, text, "weft.toml");
  EXPECT_FALSE(result) << text;
  return result ? ConfigError{} : result.error();
}

TEST(Config, ReadsEveryKey) {
  Config config;
  const auto result = apply_toml(config, R"(version = 1
[node]
name = "oak"
listen = ["0.0.0.0:41820", "[::]:41820"]
[log]
level = "debug"
[net]
gso = "off"
[nat]
port_mapping = false
[[expose]]
name = "blog"
target = "3000"
allow = ["laptop", "group:friends"]
[[consume]]
service = "db@c"
listen = "5432"
[[peer]]
node = "c"
addresses = ["203.0.113.7:41820", "[2001:db8::7]:41820"]
)",
                                 "weft.toml");
  ASSERT_TRUE(result) << to_text(result.error());
  EXPECT_EQ(config.name, "oak");
  EXPECT_EQ(config.listen, (std::vector<std::string>{"0.0.0.0:41820", "[::]:41820"}));
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.gso, "off");
  EXPECT_FALSE(config.port_mapping);
  ASSERT_EQ(config.expose.size(), 1u);
  EXPECT_EQ(config.expose[0].target, "localhost:3000");
  EXPECT_EQ(config.expose[0].allow.size(), 2u);
  ASSERT_EQ(config.consume.size(), 1u);
  EXPECT_EQ(config.consume[0].node, "c");
  EXPECT_EQ(to_text(config.consume[0].listen.value()), "127.0.0.1:5432");
  ASSERT_EQ(config.peer.size(), 1u);
  EXPECT_EQ(config.peer[0].node, "c");
  EXPECT_EQ(config.peer[0].addresses.size(), 2u);
  EXPECT_EQ(config.origin.at("node.name"), "weft.toml:3");
}

// N41: the unknown key, its line and the nearest key there is.
TEST(Config, UnknownKeyNamesLineAndNearest) {
  const auto nested = error_of("version = 1\n[node]\nnmae = \"oak\"\n");
  EXPECT_EQ(to_text(nested), "weft.toml:3: unknown key node.nmae");
  EXPECT_EQ(nested.fix, "did you mean name?");
  const auto top = error_of("version = 1\n\n[[exposed]]\ntarget = \"3000\"\n");
  EXPECT_EQ(top.line, 3);
  EXPECT_EQ(top.fix, "did you mean expose?");
  const auto in_list =
      error_of("version = 1\n[[expose]]\ntarget = \"1\"\n[[expose]]\ntarget = \"2\"\nalow = []\n");
  EXPECT_EQ(in_list.line, 6);
  EXPECT_EQ(in_list.fix, "did you mean allow?");
  EXPECT_EQ(error_of("version = 1\nzebra = 2\n").fix, "remove it");
}

TEST(Config, WrongValuesAreNamed) {
  for (const char* text : {"[node]\nname = \"oak\"",
                           "version = 2",
                           "version = \"1\"",
                           "version = 1\nnode = 3",
                           "version = 1\n[node]\nname = \"Not A Label\"",
                           "version = 1\n[node]\nname = 7",
                           "version = 1\n[node]\nlisten = \"x\"",
                           "version = 1\n[node]\nlisten = [\"x\"]",
                           "version = 1\n[log]\nlevel = \"loud\"",
                           "version = 1\n[net]\ngso = \"perhaps\"",
                           "version = 1\n[net]\ngso = true",
                           "version = 1\n[nat]\nport_mapping = \"yes\"",
                           "version = 1\n[expose]\ntarget = \"1\"",
                           "version = 1\n[[expose]]\nname = \"a\"",
                           "version = 1\n[[expose]]\ntarget = \"udp://1\"",
                           "version = 1\n[[consume]]\nlisten = \"1\"",
                           "version = 1\n[[consume]]\nservice = \"a b\"",
                           "version = 1\n[[consume]]\nservice = \"db@oak,ash\"",
                           "version = 1\n[[expose]]\ntarget=\"1\"\n[[expose]]\ntarget=\"1\"",
                           "version = 1\n[[peer]]\nnode=\"a\"",
                           "version = 1\n[[peer]]\naddresses=[\"1.2.3.4:5\"]",
                           "version = 1\n[[peer]]\nnode=\"A b\"\naddresses=[\"1.2.3.4:5\"]",
                           "version = 1\n[[peer]]\nnode=\"a\"\naddresses=[\"oak.example:5\"]",
                           "version = 1\n[[peer]]\nnode=\"a\"\naddresses=[\"1.2.3.4:0\"]",
                           "version = = 1",
                           "\xff"})
    EXPECT_FALSE(error_of(text).what.empty()) << text;
}

// What --listen refuses, a file and the environment refuse too, and all say what to write.
TEST(Config, ListenAddressesAreNumbersOnceEachAndFew) {
  const auto refused = [](const std::vector<std::string>& texts) {
    const auto result = listen_places(texts);
    EXPECT_FALSE(result.has_value());
    return result ? std::string() : result.error().detail;
  };
  EXPECT_NE(refused({"oak:1"}).find("\"oak:1\""), std::string::npos);
  EXPECT_NE(refused({"127.0.0.1:65536"}).find("65536"), std::string::npos);
  EXPECT_NE(refused({"127.0.0.1:1", "127.0.0.1:1"}).find("twice"), std::string::npos);
  EXPECT_NE(refused(std::vector<std::string>(9, "127.0.0.1:0")).find("9 addresses"),
            std::string::npos);
  EXPECT_NE(refused({"tcp:127.0.0.1"}).find("tcp:127.0.0.1"), std::string::npos);
  EXPECT_NE(refused({"tcp:127.0.0.1:1", "tcp:127.0.0.1:1"}).find("twice"), std::string::npos);
  EXPECT_EQ(listen_places({})->udp.size(), 0U);
  EXPECT_EQ(listen_places({"127.0.0.1:0", "127.0.0.1:0", "[::1]:7"})->udp.size(), 3U);
  const auto both = listen_places({"127.0.0.1:7", "tcp:127.0.0.1:7", "tcp:[::]:443"});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->udp.size(), 1U);
  EXPECT_EQ(both->tcp,
            (std::vector{*endpoint_from_text("127.0.0.1:7"), *endpoint_from_text("[::]:443")}));
  EXPECT_EQ(error_of("version = 1\n[node]\nlisten = [\"oak:1\"]\n").fix, kListenFix);
}

TEST(Config, AFailedFileChangesNothing) {
  Config config;
  config.name = "before";
  EXPECT_FALSE(apply_toml(config, "version = 1\n[node]\nname = \"after\"\nx = 1\n", "f"));
  EXPECT_EQ(config.name, "before");
}

TEST(Config, EnvironmentWinsAndUnknownVariablesAreErrors) {
  Config config;
  ASSERT_TRUE(apply_toml(config, "version = 1\n[node]\nname = \"oak\"\n", "f"));
  ASSERT_TRUE(apply_environment(config, {"HOME=/root", "WEFT_HOME=/x", "WEFT_NODE__NAME=elm",
                                         "WEFT_NODE__LISTEN=[::1]:1,0.0.0.0:2"}));
  EXPECT_EQ(config.name, "elm");
  EXPECT_EQ(config.listen, (std::vector<std::string>{"[::1]:1", "0.0.0.0:2"}));
  EXPECT_EQ(config.origin.at("node.name"), "env WEFT_NODE__NAME");
  EXPECT_FALSE(apply_environment(config, {"WEFT_NODE__NMAE=elm"}));
  EXPECT_FALSE(apply_environment(config, {"WEFT_NODE__LISTEN=41820"}));
  EXPECT_FALSE(apply_environment(config, {"WEFT_LOG__LEVEL=loud"}));
  EXPECT_FALSE(apply_environment(config, {"WEFT_NET__GSO=perhaps"}));
  EXPECT_FALSE(apply_environment(config, {"WEFT_NAT__PORT_MAPPING=perhaps"}));
  EXPECT_TRUE(config.port_mapping);
  ASSERT_TRUE(apply_environment(config, {"WEFT_NAT__PORT_MAPPING=false"}));
  EXPECT_FALSE(config.port_mapping);
}

TEST(Config, WhatShowPrintsReadsBackTheSame) {
  Config config;
  ASSERT_TRUE(apply_toml(config, R"(version = 1
[nat]
port_mapping = false
[[expose]]
target = "unix:/run/a \"quoted\" \\ name"
allow = ["*"]
[[consume]]
service = "db"
[[peer]]
node = "oak"
addresses = ["203.0.113.7:41820"]
)",
                         "f"));
  Config again;
  const auto result = apply_toml(again, to_toml(config, true), "g");
  ASSERT_TRUE(result) << to_text(result.error()) << to_toml(config, true);
  EXPECT_EQ(to_toml(again, false), to_toml(config, false));
  Config starter;
  EXPECT_TRUE(apply_toml(starter, starter_config(), "starter"));
}

TEST(Config, EachDoorOfAServiceHasItsOwnOrigin) {
  Config config;
  ASSERT_TRUE(apply_toml(config,
                         "version = 1\n[[consume]]\nservice = \"db@oak\"\n[[consume]]\n"
                         "service = \"db@oak\"\nlisten = \"127.0.0.1:5433\"\n",
                         "f"));
  EXPECT_EQ(config.origin["consume.db@oak"], "f:2");
  EXPECT_EQ(config.origin["consume.db@oak#2"], "f:4");
  const auto shown = to_toml(config, true);
  EXPECT_TRUE(shown.contains("[[consume]]  # f:2\n")) << shown;
  EXPECT_TRUE(shown.contains("[[consume]]  # f:4\n")) << shown;
}

TEST(Config, FilesAreLaidOverEachOtherInNameOrder) {
  const api::TemporaryHome home;
  const auto paths = resolve_paths(home.path().string());
  std::filesystem::create_directory(paths.config_dir);
  std::ofstream(paths.config_file)
      << "version = 1\n[node]\nname = \"one\"\n[[expose]]\ntarget = \"1\"\n";
  std::ofstream(paths.config_dir / "20.toml") << "version = 1\n[node]\nname = \"three\"\n";
  std::ofstream(paths.config_dir / "10.toml")
      << "version = 1\n[node]\nname = \"two\"\n[[expose]]\ntarget = \"2\"\n";
  std::ofstream(paths.config_dir / "30.txt") << "not read";
  const auto config = load_config(paths);
  ASSERT_TRUE(config) << to_text(config.error());
  EXPECT_EQ(config->name, "three");
  EXPECT_EQ(config->expose.size(), 2u);
  EXPECT_TRUE(load_config(resolve_paths("/nonexistent/home")));
}

TEST(Paths, HomeMovesEverythingAndLongSocketPathsMove) {
  const auto paths = resolve_paths("/tmp/h/");
  EXPECT_EQ(paths.identity_file(), "/tmp/h/identity.key");
  EXPECT_EQ(paths.trust_db(), "/tmp/h/trust.db");
  EXPECT_EQ(paths.socket, "/tmp/h/weft.sock");
  const auto exact = resolve_paths("/" + std::string(107 - 11, 'x'));
  EXPECT_EQ(exact.socket.native().size(), 107u);
  EXPECT_TRUE(exact.socket.native().starts_with("/xxx"));
  const auto long_a = resolve_paths("/" + std::string(200, 'a'));
  const auto long_b = resolve_paths("/" + std::string(200, 'b'));
  EXPECT_LE(long_a.socket.native().size(), 107u);
  EXPECT_NE(long_a.socket, long_b.socket);
  EXPECT_EQ(long_a.socket, resolve_paths("/" + std::string(200, 'a')).socket);
}

TEST(Paths, DirectoriesArePrivate) {
  const api::TemporaryHome home;
  const auto paths = resolve_paths((home.path() / "a" / "b").string());
  ASSERT_TRUE(create_directories(paths));
  struct stat info{};
  ASSERT_EQ(::stat(paths.data_dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

// F9: what another user could have put there is not believed.
TEST(Paths, ADirectoryThatOthersMayWriteIsRefusedOrClosed) {
  namespace fs = std::filesystem;
  const api::TemporaryHome parent;
  const auto home = parent.path() / "home";
  const auto paths = resolve_paths(home.string());
  for (const mode_t open : {0777, 0770, 0702}) {
    fs::create_directory(home);
    ASSERT_EQ(::chmod(home.c_str(), open), 0);
    EXPECT_FALSE(check_private(home));
    std::vector<std::string> remarks;
    EXPECT_TRUE(create_directories(paths, &remarks)) << "an empty one is closed";
    EXPECT_FALSE(remarks.empty());
    EXPECT_TRUE(check_private(home));
    std::ofstream(home / "weft.toml") << "";
    ASSERT_EQ(::chmod(home.c_str(), open), 0);
    const auto refused = create_directories(paths);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().detail.find("Fix: "), std::string::npos);
    fs::remove_all(home);
  }
}

TEST(Paths, LinksCountByWhoMadeThem) {
  namespace fs = std::filesystem;
  const api::TemporaryHome parent;
  const auto real = parent.path() / "real";
  fs::create_directory(real);
  ASSERT_EQ(::chmod(real.c_str(), 0700), 0);
  fs::create_directory_symlink(real, parent.path() / "link");
  EXPECT_TRUE(check_private(parent.path() / "link"));
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a link away";
  ASSERT_EQ(::lchown((parent.path() / "link").c_str(), 12345, 12345), 0);
  EXPECT_FALSE(check_private(parent.path() / "link"));
  ASSERT_EQ(::chown(real.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(check_private(real));
}

// The runtime directory goes with the login; the socket must not.
TEST(Paths, TheSocketLiesBesideTheState) {
  const auto paths = resolve_paths(std::nullopt);
  if (paths.state_dir.native().size() > 90) GTEST_SKIP() << "a long home";
  EXPECT_EQ(paths.socket, paths.state_dir / "weft.sock");
}

TEST(DoorAddress, FormsAndTheirMeaning) {
  const auto text = [](std::string_view in) {
    const auto address = door_address(in);
    return address ? to_text(*address) : "refused";
  };
  EXPECT_EQ(text("3000"), "127.0.0.1:3000");
  EXPECT_EQ(text(":3000"), "127.0.0.1:3000");
  EXPECT_EQ(text("localhost:3000"), "127.0.0.1:3000");
  EXPECT_EQ(text("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(text("[::1]:80"), "[::1]:80");
  for (const char* bad : {"", ":", "x", "localhost", "localhost:", "db.local:80", "::1:80",
                          "[::1]80", "65536", "1.2.3:4", "-1", "80 ", "1.2.3.4:"})
    EXPECT_EQ(text(bad), "refused") << bad;
}

TEST(Output, DurationsUnitsAndTables) {
  using cli::duration_from_text;
  using std::chrono::milliseconds;
  EXPECT_EQ(duration_from_text("500ms"), milliseconds(500));
  EXPECT_EQ(duration_from_text("15m"), milliseconds(900'000));
  EXPECT_EQ(duration_from_text("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(duration_from_text("7"), milliseconds(7'000));
  for (const char* bad : {"", "x", "-1s", "1 s", "1.5s", "9999999999999d", "366d", "5y"})
    EXPECT_FALSE(duration_from_text(bad)) << bad;
  EXPECT_EQ(cli::bytes_text(999), "999 B");
  EXPECT_EQ(cli::bytes_text(1'234'567), "1.2 MB");
  EXPECT_EQ(cli::seconds_text(93'784), "1 d 2 h");
  cli::Table table({"A", "B"});
  table.add({"long", "x"});
  EXPECT_EQ(table.text(), "A     B\nlong  x\n");
  EXPECT_EQ(cli::printable("a\x1b[31m\n"), "a?[31m?");
  EXPECT_EQ(cli::printable("a\xc2\x9b"
                           "31m \xc3\xa4 \x9b \xe2\x82"),
            "a?31m \xc3\xa4 ? ??");
  EXPECT_EQ(cli::shell_word("it's"), "'it'\\''s'");
}

}  // namespace
}  // namespace weft::node
