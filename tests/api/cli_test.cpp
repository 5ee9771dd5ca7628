// The built `weft` program against a fake daemon: output, exit codes, what it says when there is
// no daemon at all.
#include <fcntl.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "node/api/json.hpp"
#include "tests/api/server_fixture.hpp"

namespace weft::api {
namespace {

struct Outcome {
  int code = -1;
  std::string out, err;
};

class CliTest : public ServerTest {
 protected:
  // Runs weft with this test's home; arguments as a shell would split them.
  Outcome weft(std::vector<std::string> arguments, const std::string& input = "") {
    std::vector<std::string> words{WEFT_BINARY, "--home", home_.path().string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run(std::move(words), input);
  }
  // A line as one would type it, with what the shell does to descriptors.
  Outcome shell(const std::string& line) {
    return run({"/bin/sh", "-c", WEFT_BINARY " --home " + home_.path().string() + " " + line}, "");
  }
  Outcome run(std::vector<std::string> words, const std::string& input) {
    const auto file = [&](const char* name) { return (home_.path() / name).string(); };
    std::ofstream(file("in")) << input;
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const auto in = file("in"), out = file("out"), err = file("err");
    const int pid = ::fork();
    if (pid == 0) {
      ::dup2(::open(in.c_str(), O_RDONLY), 0);
      ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
      ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    const auto text = [](const std::string& path) {
      std::ostringstream all;
      all << std::ifstream(path).rdbuf();
      return all.str();
    };
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text(out), text(err)};
  }
};

TEST_F(CliTest, AMistakeInsideAGroupPointsToTheHelpOfTheCommandMeant) {
  const auto lookup = weft({"dht", "lookup"});
  EXPECT_EQ(lookup.code, 2);
  EXPECT_NE(lookup.err.find("dht lookup --help"), std::string::npos) << lookup.err;
  EXPECT_NE(weft({"dht", "bogus"}).err.find(" dht --help"), std::string::npos);
}

TEST_F(CliTest, AValueIsNotPutForLongerThanThereIsRoomFor) {
  for (const char* ttl : {"0s", "31d"}) {
    const auto put = weft({"dht", "put", "x", "--ttl", ttl});
    EXPECT_EQ(put.code, 2) << ttl;
    EXPECT_NE(put.err.find("between 1s and 30d"), std::string::npos) << put.err;
  }
}

TEST_F(CliTest, TheSimulatorSpeaksOfMistakesAsAllOthersDo) {
  const auto missing = weft({"--json", "sim", "run", "nobody"});
  EXPECT_EQ(missing.code, 4);
  const auto problem = Json::parse(missing.out);
  EXPECT_EQ(problem.value("schema", ""), "weft.error/1");
  EXPECT_EQ(problem.value("type", ""), "urn:weft:error:not_found");
  EXPECT_EQ(weft({"sim", "run", "bootstrap", "--seed", "99999999999999999999"}).code, 2);
}

TEST_F(CliTest, WithoutADaemonEveryCommandExitsThree) {
  const std::vector<std::vector<std::string>> commands{{"status"},
                                                       {"down"},
                                                       {"members"},
                                                       {"services"},
                                                       {"mappings"},
                                                       {"invite", "laptop"},
                                                       {"join", "wt1ticket"},
                                                       {"remove", "laptop"},
                                                       {"group", "list"},
                                                       {"expose", "3000"},
                                                       {"unexpose", "blog"},
                                                       {"allow", "blog", "*"},
                                                       {"deny", "blog", "*"},
                                                       {"open", "blog@oak"},
                                                       {"close", "m1"},
                                                       {"ping", "laptop", "-c", "1"},
                                                       {"pipe", "echo"},
                                                       {"wait", "node:laptop"}};
  for (const auto& command : commands) EXPECT_EQ(weft(command).code, 3) << command[0];
  const auto result = weft({"status"});
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(result.err.starts_with("weft: weft is not running\n  why: ")) << result.err;
  EXPECT_TRUE(result.err.contains("fix: " WEFT_BINARY " --home " + home_.path().string() + " up"));
  const auto json = weft({"status", "--json"});
  EXPECT_EQ(json.code, 3);
  EXPECT_EQ(Json::parse(json.out)["schema"], "weft.error/1");
  EXPECT_EQ(Json::parse(json.out)["code"], 3);
  EXPECT_EQ(weft({"wait", "ready", "--timeout", "50ms"}).code, 7);
}

TEST_F(CliTest, UsageErrorsExitTwoAndHelpZero) {
  const auto alone = run({WEFT_BINARY}, "");
  EXPECT_EQ(alone.code, 2);
  EXPECT_TRUE(alone.err.contains("  weft invite laptop")) << alone.err;
  EXPECT_EQ(weft({}).code, 2);
  EXPECT_EQ(weft({"fly"}).code, 2);
  EXPECT_EQ(weft({"expose"}).code, 2);
  EXPECT_EQ(weft({"wait", "ready", "--timeout", "soon"}).code, 2);
  EXPECT_EQ(Json::parse(weft({"fly", "--json"}).out)["schema"], "weft.error/1");
  const auto help = weft({"open", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_TRUE(help.out.contains("example: weft open")) << help.out;
  EXPECT_TRUE(weft({"--version"}).out.contains("0.1.0"));
}

TEST_F(CliTest, JsonIsTheDataVerbatim) {
  start();
  const auto status = weft({"status", "--json"});
  EXPECT_EQ(status.code, 0) << status.err;
  const auto data = Json::parse(status.out);
  EXPECT_EQ(data["schema"], "weft.status/1");
  EXPECT_EQ(data["peers"][0]["kex"], "X25519+ML-KEM-768");
  EXPECT_EQ(Json::parse(weft({"--json", "members"}).out)["partial"], true);
  EXPECT_EQ(Json::parse(weft({"invite", "laptop", "--ttl", "1h", "--json"}).out)["expires_at"],
            "2026-01-01T00:00:00Z");
  EXPECT_EQ(control_.invited.ttl, std::chrono::hours(1));
  const auto ping = Json::parse(weft({"ping", "laptop", "-c", "2", "-i", "1ms", "--json"}).out);
  EXPECT_EQ(ping["replies"].size(), 2u);
  EXPECT_EQ(ping["replies"][1]["seq"], 2);
}

TEST_F(CliTest, ReadsWellForPeople) {
  start();
  const auto status = weft({"status"});
  EXPECT_TRUE(status.out.contains("oak  wf1example")) << status.out;
  EXPECT_TRUE(status.out.contains("laptop  connected  direct  11.2 ms  1.2 MB")) << status.out;
  const auto exposed = weft({"expose", "3000", "--name", "blog"});
  EXPECT_EQ(exposed.out, "blog  tcp  localhost:3000\n");
  EXPECT_TRUE(exposed.err.contains("next: " WEFT_BINARY " --home ")) << exposed.err;
  EXPECT_EQ(weft({"expose", "3000", "--quiet"}).err, "");
  EXPECT_EQ(weft({"invite", "laptop"}).out, "wt1ticket\n");
  EXPECT_EQ(weft({"ping", "laptop", "-c", "1"}).out,
            "laptop  seq 1  11.2 ms  direct\n"
            "1 sent, 0 lost (0 %); min 11.2 ms, mean 11.2 ms, max 11.2 ms\n");
  EXPECT_TRUE(weft({"open", "blog@oak"}).out.starts_with("127.0.0.1:3000 -> blog@oak  direct"));
}

TEST_F(CliTest, StatesAreColouredWhereThatIsWanted) {
  start();
  const auto green = "\x1b[32mconnected\x1b[0m  direct";
  EXPECT_TRUE(weft({"--color", "always", "status"}).out.contains(green));
  EXPECT_TRUE(weft({"--color", "always", "members"}).out.contains("\x1b[32mhere\x1b[0m"));
  EXPECT_FALSE(weft({"status"}).out.contains('\x1b'));  // this is no terminal
  EXPECT_FALSE(weft({"--color", "never", "status"}).out.contains('\x1b'));
  EXPECT_FALSE(weft({"--color", "always", "--json", "status"}).out.contains('\x1b'));
  // A terminal: script(1) gives it one.
  const auto tty = [&](const std::string& before) {
    const std::string line = WEFT_BINARY " --home " + home_.path().string() + " status";
    return run({"/usr/bin/env", "TERM=xterm", "/usr/bin/script", "-qec", before + line,
                "/dev/null"},
               "")
        .out;
  };
  EXPECT_TRUE(tty("").contains(green)) << tty("");
  EXPECT_FALSE(tty("NO_COLOR=1 ").contains('\x1b'));
  EXPECT_FALSE(tty("TERM=dumb ").contains('\x1b'));
}

TEST_F(CliTest, TablesOfPlainCasesFitIntoEightyColumns) {
  start();
  for (const char* command : {"status", "members", "services", "mappings"}) {
    std::istringstream lines(weft({command}).out);
    for (std::string line; std::getline(lines, line);)
      EXPECT_TRUE(line.size() <= 80 || line.starts_with("node  ")) << line;
  }
}

TEST_F(CliTest, ErrorsKeepTheirExitCodes) {
  start();
  const auto denied = weft({"open", "secret"});
  EXPECT_EQ(denied.code, 5);
  EXPECT_EQ(
      denied.err,
      "weft: secret@oak does not let this node in\n  fix: on oak: weft allow secret laptop\n");
  EXPECT_EQ(weft({"close", "nope"}).code, 4);
  EXPECT_EQ(weft({"ping", "far", "-c", "1"}).code, 6);
  EXPECT_EQ(weft({"remove", "ghost"}).code, 4);
  EXPECT_EQ(weft({"join", "wt1wrong"}).code, 5);
  EXPECT_EQ(weft({"status", "--network", "work"}).code, 4);
  EXPECT_EQ(weft({"status", "--network", "home"}).code, 0);
  EXPECT_EQ(weft({"pipe", "echo@oak", "--network", "work"}).code, 4);
  EXPECT_EQ(weft({"expose", "not-a-port"}).code, 2);
  EXPECT_EQ(weft({"expose", "unix:"}).code, 2);
  EXPECT_EQ(weft({"expose", "unix:/run/\xff.sock"}).code, 2);  // it would be another path
}

TEST_F(CliTest, APingThatCannotGoOnIsNoSuccess) {
  start();
  const auto cut = weft({"ping", "mortal", "-c", "3", "-i", "1ms"});
  EXPECT_EQ(cut.code, 1);
  EXPECT_EQ(cut.out, "mortal  seq 1  11.2 ms  direct\n");
  EXPECT_TRUE(cut.err.contains("weft: weft is going down\n")) << cut.err;
  const auto json = weft({"ping", "mortal", "-c", "3", "-i", "1ms", "--json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_EQ(Json::parse(json.out)["schema"], "weft.error/1");
}

TEST_F(CliTest, ADaemonThatEndsInsteadOfAnsweringIsNamed) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket().c_str(), socket().native().size() + 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  std::thread dying([fd] {
    const int client = ::accept(fd, nullptr, nullptr);
    std::array<char, 4096> request{};
    (void)!::read(client, request.data(), request.size());
    ::close(client);
  });
  const auto status = weft({"status"});
  dying.join();
  ::close(fd);
  EXPECT_EQ(status.code, 1);
  EXPECT_TRUE(status.err.contains("weft ended before it answered")) << status.err;
}

TEST_F(CliTest, AStarTheShellMadeFileNamesOfIsNamed) {
  start();
  for (const std::string verb : {"allow", "deny"}) {
    const auto spread = weft({verb, "blog", "build", "docs", "README.md"});
    EXPECT_EQ(spread.code, 2);
    EXPECT_TRUE(spread.err.contains("\"README.md\" is not a node")) << spread.err;
    EXPECT_TRUE(spread.err.contains("fix: if a star was meant, quote it: ")) << spread.err;
    EXPECT_TRUE(spread.err.contains(verb + " blog '*'\n")) << spread.err;
  }
}

TEST_F(CliTest, SeveralMayBeAllowedAtOnceAndInAnyPlace) {
  start();
  EXPECT_EQ(weft({"allow", "blog", "laptop", "phone"}).code, 0);
  EXPECT_EQ(control_.ruled.who, (std::vector<std::string>{"laptop", "phone"}));
  EXPECT_EQ(weft({"reset", "blog"}).code, 0);
  EXPECT_TRUE(control_.ruled.who.empty());
  EXPECT_EQ(weft({"reset", "blog", "*"}).code, 0);
  EXPECT_EQ(control_.ruled.who, std::vector<std::string>{"*"});
  EXPECT_EQ(weft({"allow", "blog"}).code, 2);
  const auto mixed = weft({"expose", "--allow", "laptop,phone", "3000", "--allow", "group:staff"});
  EXPECT_EQ(mixed.code, 0) << mixed.err;
  EXPECT_EQ(control_.exposed.allow, (std::vector<std::string>{"laptop", "phone", "group:staff"}));
  EXPECT_EQ(weft({"invite", "--allow", "blog,wiki", "--may", "expose,relay", "tablet"}).code, 0);
  EXPECT_EQ(control_.invited.allow, (std::vector<std::string>{"blog", "wiki"}));
  EXPECT_EQ(control_.invited.may, (std::vector<std::string>{"expose", "relay"}));
}

TEST_F(CliTest, OnlyADoorLeadsToSeveralNodes) {
  start();
  EXPECT_EQ(weft({"open", "blog@oak,ash,elm", "--any"}).code, 0);
  EXPECT_EQ(control_.opened.node, "oak");
  EXPECT_EQ(control_.opened.also, (std::vector<std::string>{"ash", "elm"}));
  EXPECT_TRUE(control_.opened.any);
  for (const char* verb : {"pipe", "wait"}) {
    const auto said =
        weft({verb, (verb[0] == 'w' ? "service:" : "") + std::string("blog@oak,ash")});
    EXPECT_EQ(said.code, 2) << said.err;
    EXPECT_TRUE(said.err.contains("only a door may lead to several")) << said.err;
  }
}

TEST_F(CliTest, NobodyIsToldToLetEverybodyIn) {
  start();
  const auto exposed = weft({"expose", "22"});
  EXPECT_TRUE(exposed.err.contains(" allow tcp-22 laptop\n")) << exposed.err;
  EXPECT_FALSE(exposed.err.contains('*')) << exposed.err;
}

TEST_F(CliTest, ADoorThatOthersReachIsMarked) {
  start();
  const auto doors = weft({"status"});
  EXPECT_TRUE(doors.out.contains("1     wiki@laptop  away   0.0.0.0:80 (others reach it)"))
      << doors.out;
  const auto open = weft({"open", "blog@oak", "--listen", "0.0.0.0:8080"});
  EXPECT_TRUE(open.err.contains("warning: whoever reaches this machine at 0.0.0.0:8080"))
      << open.err;
  EXPECT_FALSE(weft({"open", "blog@oak"}).err.contains("warning"));
}

TEST_F(CliTest, TheRulesShowWhoReallyMay) {
  start();
  EXPECT_TRUE(weft({"status"}).out.contains("laptop (denied: phone)"));
}

TEST_F(CliTest, WithoutAHomeItSaysWhatToSet) {
  const std::string lost = "unset HOME WEFT_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME; ";
  const auto run_lost = [&](const std::string& rest) {
    return run({"/bin/sh", "-c", lost + rest}, "");
  };
  for (const char* command : {" status", " run", " up", " config show"}) {
    const auto result = run_lost("exec " WEFT_BINARY + std::string(command));
    EXPECT_EQ(result.code, 2) << command;
    EXPECT_TRUE(result.err.contains("fix: set HOME, or name a directory")) << result.err;
  }
  EXPECT_EQ(run_lost("WEFT_HOME=" + home_.path().string() + " " WEFT_BINARY " status").code, 3);
  EXPECT_EQ(run_lost(WEFT_BINARY " --help").code, 0);
  EXPECT_EQ(run_lost(WEFT_BINARY " sim list").code, 0);
}

TEST_F(CliTest, JoinTakesTheTicketFromInputAndAWholePastedLine) {
  start();
  EXPECT_EQ(weft({"join", "-"}, "wt1ticket\n").code, 0);
  EXPECT_EQ(weft({"join"}, "  weft join wt1ticket  \n").code, 0);
  EXPECT_EQ(weft({"join"}, "").code, 2);
}

// Wrapped by mail, quoted, in several words: all of it goes to the daemon, which finds the ticket.
TEST_F(CliTest, JoinPassesOnWhateverWasPasted) {
  start();
  EXPECT_EQ(weft({"join", "-"}, "> wt1abc\n> def wt1ticket\n").code, 0);
  EXPECT_EQ(control_.joined, "> wt1abc\n> def wt1ticket\n");
  EXPECT_EQ(weft({"join", "wt1abc", "wt1ticket"}).code, 0);
  EXPECT_EQ(control_.joined, "wt1abc wt1ticket");
  const auto json = Json::parse(weft({"join", "-", "--json"}, "wt1ticket").out);
  EXPECT_EQ(json["schema"], "weft.join/1");
  EXPECT_EQ(json["via"]["name"], "oak");
}

TEST_F(CliTest, TicketsAreListedAndTakenBack) {
  start();
  const auto list = weft({"invite", "--list"});
  EXPECT_TRUE(list.out.contains("tv   01234567  2026-01-01T00:00:00Z  expose  -")) << list.out;
  EXPECT_EQ(Json::parse(weft({"invite", "--list", "--json"}).out)["schema"], "weft.invites/1");
  EXPECT_EQ(weft({"invite", "--cancel", "tv"}).code, 0);
  EXPECT_EQ(Json::parse(weft({"invite", "--cancel", "01234567", "--json"}).out)["name"], "tv");
  EXPECT_EQ(weft({"invite", "--cancel", "phone"}).code, 4);
  EXPECT_EQ(weft({"invite"}).code, 2);
}

TEST_F(CliTest, RightsAndNames) {
  start();
  EXPECT_EQ(weft({"grant", "laptop", "admin,relay"}).out, "laptop  member  may expose\n");
  EXPECT_EQ(control_.changed.rights, (std::vector<std::string>{"admin", "relay"}));
  EXPECT_EQ(control_.changed.action, MemberRequest::Action::Grant);
  EXPECT_EQ(weft({"revoke", "laptop", "admin"}).code, 0);
  EXPECT_EQ(control_.changed.action, MemberRequest::Action::Revoke);
  const auto renamed = Json::parse(weft({"rename", "laptop", "desk", "--json"}).out);
  EXPECT_EQ(renamed["schema"], "weft.member/1");
  EXPECT_EQ(renamed["name"], "desk");
  EXPECT_EQ(weft({"grant", "laptop", "fly"}).code, 2);
  EXPECT_EQ(weft({"grant", "laptop"}).code, 2);
  EXPECT_EQ(weft({"rename", "laptop", "No Name"}).code, 2);
  EXPECT_EQ(weft({"grant", "ghost", "admin"}).code, 4);
  const auto members = weft({"members"});
  EXPECT_TRUE(members.out.contains("oak (me)  admin              here")) << members.out;
  EXPECT_TRUE(members.out.contains("laptop    member, no expose  suspect")) << members.out;
  const auto json = Json::parse(weft({"members", "--json"}).out);
  EXPECT_EQ(json["members"][0]["role"], "admin");
  EXPECT_EQ(json["members"][0]["may"].size(), 3u);
  EXPECT_EQ(json["members"][0]["joined"], "2025-12-31T23:50:00Z");
  EXPECT_TRUE(json["members"][1]["joined"].is_null());
}

TEST_F(CliTest, LeavingEndsWithTheNodeThatBeginsInItsPlace) {
  start();
  const auto left = weft({"leave"});
  EXPECT_EQ(left.code, 0) << left.err;
  EXPECT_EQ(left.out, "left home; this node is now oak  wf1another\n");
  EXPECT_TRUE(left.err.contains(" join\n")) << left.err;
  control_.is_told = false;
  const auto untold = weft({"leave", "--yes"});
  EXPECT_TRUE(untold.err.contains("have one (laptop) run\n  weft remove wf1example")) << untold.err;
  const auto json = Json::parse(weft({"leave", "--json"}).out);
  EXPECT_EQ(json["schema"], "weft.leave/1");
  EXPECT_EQ(json["new_id"], "wf1another");
  EXPECT_EQ(json["told"], false);
}

TEST_F(CliTest, WhatIsDoneIsReadAsJsonToo) {
  start();
  const auto removed = Json::parse(weft({"remove", "laptop", "--json"}).out);
  EXPECT_EQ(removed["schema"], "weft.remove/1");
  EXPECT_EQ(removed["id"], "wf1peer");
  const auto closed = Json::parse(weft({"close", "m1", "--json"}).out);
  EXPECT_EQ(closed["schema"], "weft.close/1");
  EXPECT_EQ(closed["listen"], "127.0.0.1:3000");
  const auto waited = Json::parse(weft({"wait", "ready", "--json"}).out);
  EXPECT_EQ(waited["schema"], "weft.wait/1");
  EXPECT_EQ(waited["condition"], "ready");
}

// A hint that fails as printed is worse than none.
TEST_F(CliTest, WhatUpProposesFitsTheStateThereIs) {
  start();
  EXPECT_TRUE(weft({"up"}).err.ends_with(" status\n"));  // others are there
  control_.members_count = 1;
  const auto alone = weft({"up"}).err;
  EXPECT_TRUE(alone.contains(" invite laptop\n") && alone.contains(" join\n")) << alone;
  EXPECT_FALSE(alone.contains("expose"));
  control_.role = "none";
  const auto removed = weft({"up"}).err;
  EXPECT_TRUE(removed.contains("was removed") && removed.ends_with(" leave\n")) << removed;
  EXPECT_FALSE(removed.contains("invite"));
}

TEST_F(CliTest, AnAddressToListenOnIsNeverPassedOverInSilence) {
  EXPECT_EQ(weft({"up", "--listen", "banana"}).code, 2);
  start();
  EXPECT_EQ(weft({"up", "--listen", "banana"}).code, 2);
  EXPECT_EQ(weft({"up", "--listen", "0.0.0.0:41820"}).code, 0);
  const auto other = weft({"up", "--listen", "0.0.0.0:41821"});
  EXPECT_EQ(other.code, 1);
  EXPECT_TRUE(other.err.contains("listens on 0.0.0.0:41820")) << other.err;
  EXPECT_TRUE(other.err.contains("up --listen 0.0.0.0:41821\n")) << other.err;
  EXPECT_EQ(weft({"up", "--listen", "127.0.0.1:41820"}).code, 1);
}

TEST_F(CliTest, PipeCarriesBytesBothWaysWithHalfClose) {
  start();
  std::string big;
  for (int i = 0; i < 50'000; ++i) big += std::to_string(i) + "\n";
  const auto result = weft({"pipe", "echo@oak"}, big);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out.size(), big.size());
  EXPECT_TRUE(result.out == big);
  EXPECT_EQ(weft({"pipe", "none"}).code, 4);
}

TEST_F(CliTest, ClosedDescriptorsAndFullDisksAreNoSuccess) {
  start();
  const auto closed = shell("pipe echo@oak <&-");
  EXPECT_EQ(closed.code, 0) << closed.err;
  EXPECT_EQ(closed.out, "");
  EXPECT_EQ(shell("status >&-").code, 1);
  const auto full = shell("status --json >/dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_TRUE(full.err.contains("could not be written")) << full.err;
  EXPECT_EQ(shell("status 2>&-").code, 0);
}

TEST_F(CliTest, UpWithADaemonThereSaysSo) {
  start();
  const auto up = weft({"up", "--json"});
  EXPECT_EQ(up.code, 0) << up.err;
  EXPECT_EQ(Json::parse(up.out)["schema"], "weft.ready/1");
  EXPECT_EQ(Json::parse(up.out)["name"], "oak");
  EXPECT_EQ(up.err, "");
  const auto other = weft({"up", "--name", "elm"});
  EXPECT_EQ(other.code, 0);
  EXPECT_TRUE(other.err.contains("--name elm is ignored: this node is called oak")) << other.err;
  EXPECT_EQ(weft({"up", "--name", "oak", "--quiet"}).err, "");
}

TEST_F(CliTest, UpTellsWhyTheDaemonEnded) {
  const auto up = weft({"up", "--listen", "192.0.2.1:41820"});
  EXPECT_EQ(up.code, 1);
  EXPECT_TRUE(up.err.contains("weft: cannot listen\n  why: ")) << up.err;
  EXPECT_TRUE(up.err.contains("\n  fix: ")) << up.err;
}

TEST_F(CliTest, ConfigCommands) {
  EXPECT_EQ(weft({"config", "check"}).code, 0);
  EXPECT_EQ(weft({"config", "init"}).code, 0);
  EXPECT_EQ(weft({"config", "init"}).code, 1);
  EXPECT_EQ(weft({"config", "check"}).code, 0);
  EXPECT_TRUE(weft({"config", "show", "--origin"}).out.contains("weft.toml:"));
  std::ofstream(home_.path() / "weft.toml") << "version = 1\n[node]\nnmae = \"oak\"\n";
  const auto bad = weft({"config", "check"});
  EXPECT_EQ(bad.code, 78);
  EXPECT_TRUE(bad.err.contains("weft.toml:3: unknown key node.nmae")) << bad.err;
  EXPECT_TRUE(bad.err.contains("did you mean name?")) << bad.err;
  EXPECT_EQ(weft({"run"}).code, 78);
}

}  // namespace
}  // namespace weft::api
