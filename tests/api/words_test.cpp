// Help, completion, the manual page and what is said about a mistyped line: all of them are written
// from the parser's own tree, so every command there is must be in all of them.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weft::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Said {
  int code = -1;
  std::string text;  // standard output and error
};

Said sh(const std::string& line) {
  Said said;
  std::FILE* pipe = ::popen(("exec 2>&1; " + line).c_str(), "r");
  std::array<char, 4096> part{};
  for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
    said.text.append(part.data(), n);
  const int status = ::pclose(pipe);
  said.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return said;
}

Said weft(const std::string& arguments) { return sh(WEFT_BINARY " " + arguments); }

std::vector<std::string> all_commands() {
  std::vector<std::string> names;
  const auto tree = Json::parse(weft("help --json").text);
  for (const auto& command : tree["commands"])
    if (const auto name = command.value("name", ""); !name.empty()) names.push_back(name);
  return names;
}

std::size_t columns(const std::string& line) {
  std::size_t count = 0;
  for (const char c : line) count += (c & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

TEST(Words, TheTreeHasTheCommandsOfTheContract) {
  const auto names = all_commands();
  const std::set<std::string> there(names.begin(), names.end());
  for (const char* name :
       {"run",      "up",        "down",     "wait",      "status",       "ping",
        "invite",   "join",      "group",    "group add", "group remove", "group list",
        "remove",   "members",   "expose",   "unexpose",  "allow",        "deny",
        "services", "open",      "close",    "pipe",      "dht",          "dht lookup",
        "sim",      "sim run",   "sim list", "config",    "config check", "help",
        "version",  "completion"})
    EXPECT_TRUE(there.contains(name)) << name;
}

TEST(Words, EveryCommandHasHelpWithinEightyColumns) {
  auto names = all_commands();
  names.emplace_back("");
  for (const auto& name : names) {
    const auto help = weft(name + " --help");
    EXPECT_EQ(help.code, 0) << name;
    EXPECT_TRUE(help.text.contains("usage: weft" + (name.empty() ? "" : " " + name))) << help.text;
    std::istringstream lines(help.text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(columns(line), 80u) << line;
      EXPECT_FALSE(line.contains("TEXT") || line.contains("UINT")) << line;
    }
    EXPECT_EQ(weft("help " + name).text, help.text) << name;
  }
}

TEST(Words, EveryCommandIsInTheManualPageAndInEachCompletion) {
  const auto man = weft("help --man").text;
  const auto bash = weft("completion bash").text, zsh = weft("completion zsh").text;
  const auto fish = weft("completion fish").text;
  EXPECT_TRUE(man.starts_with(".TH WEFT 1"));
  for (const auto& name : all_commands()) {
    std::string typed;  // as man(7) wants it: a hyphen that stays one
    for (const char c : name) typed += c == '-' ? "\\-" : std::string(1, c);
    EXPECT_TRUE(man.contains("\n.SS weft " + typed)) << name;
    EXPECT_TRUE(bash.contains("    '" + name + "') words=")) << name;
    EXPECT_TRUE(zsh.contains("    '" + name + "') choices=")) << name;
    EXPECT_TRUE(fish.contains("'" + name + "'")) << name;
  }
  EXPECT_TRUE(man.contains("\\-\\-listen HOST:PORT")) << "placeholders as in --help";
}

// Asks the shell itself what it would offer.
std::string offered(const std::string& words) {
  return sh("bash -c '. <(" WEFT_BINARY " completion bash); COMP_WORDS=(weft " + words +
            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weft; echo \"${COMPREPLY[@]}\"'")
      .text;
}

TEST(Words, BashCompletesCommandsAndOptions) {
  EXPECT_EQ(offered("stat"), "status\n");
  EXPECT_EQ(offered("--home /x grou"), "group\n");  // what --home swallows is no command
  EXPECT_TRUE(offered("group \"\"").starts_with("add remove list "));
  EXPECT_EQ(offered("expose 3000 --al"), "--allow\n");
  EXPECT_EQ(offered("completion z"), "zsh\n");
  EXPECT_EQ(offered("help dh"), "dht\n");
  EXPECT_EQ(offered("nonsense \"\" --jso"), "--json\n");
}

TEST(Words, TheShellsThatAreHereAcceptTheirCompletion) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    if (sh("command -v " + shell).code != 0) continue;
    const auto said = sh(WEFT_BINARY " completion " + shell + " | " + shell + " -n");
    EXPECT_EQ(said.code, 0) << said.text;
    EXPECT_EQ(said.text, "");
  }
}

struct Slip {
  const char* typed;
  const char* answer;
};
class Slips : public testing::TestWithParam<Slip> {};

TEST_P(Slips, AreNamedWithWhatWasMeant) {
  const auto said = weft(GetParam().typed);
  EXPECT_EQ(said.code, 2) << GetParam().typed;
  EXPECT_TRUE(said.text.starts_with(std::string("weft: ") + GetParam().answer)) << said.text;
  // The fix works when it is pasted.
  const auto fix = said.text.find("fix: ");
  ASSERT_NE(fix, std::string::npos) << said.text;
  EXPECT_EQ(sh(said.text.substr(fix + 5)).code, 0) << said.text;
}
INSTANTIATE_TEST_SUITE_P(
    All, Slips,
    testing::Values(Slip{"statsu", "no command is called \"statsu\": did you mean status?\n"},
                    Slip{"stop", "no command is called \"stop\": did you mean down?\n"},
                    Slip{"group ad", "no command is called \"group ad\": did you mean add?\n"},
                    Slip{"frobnicate", "no command is called \"frobnicate\"\n"},
                    Slip{"help stats", "no command is called \"stats\": did you mean status?\n"},
                    Slip{"up --jsn", "there is no option --jsn: did you mean --json?\n"},
                    Slip{"up --nmae=oak", "there is no option --nmae: did you mean --name?\n"},
                    Slip{"dht --frobnicate", "there is no option --frobnicate\n"},
                    Slip{"--home", "--home needs a value behind it\n"},
                    Slip{"ping", "NODE is missing\n"},
                    Slip{"ping a b", "\"b\" is one word too many\n"},
                    Slip{"ping a -c x", "--count must be a number from 1 to 1000000, not x\n"},
                    Slip{"completion tcsh", "SHELL must be bash, fish or zsh, not tcsh\n"},
                    Slip{"invite tv --ttl 24",
                         "--ttl: \"24\" has no unit: write 24s, 24m or 24h\n"},
                    Slip{"--timeout soon up", "--timeout: \"soon\" is not a duration"},
                    Slip{"group", "group needs a command after it\n"}));

TEST(Words, HelpAndVersionNeedNoHome) {
  const std::string lost = "unset HOME WEFT_HOME; ";
  EXPECT_EQ(sh(lost + WEFT_BINARY " help").code, 0);
  const auto version = Json::parse(weft("version --json").text);
  EXPECT_EQ(version["schema"], "weft.version/1");
  EXPECT_NE(version["build"], "");
  EXPECT_EQ(sh(lost + WEFT_BINARY " version").text,
            "weft 0.1.0 (build " + version["build"].get<std::string>() + ")\n");
  EXPECT_EQ(sh(lost + WEFT_BINARY " completion bash >/dev/null").code, 0);
}

}  // namespace
}  // namespace weft::cli
