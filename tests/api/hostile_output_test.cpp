// What others wrote reaches a terminal only as print: the built program, on a terminal of its own,
// before a daemon each of whose texts carries escapes.
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "node/api/json.hpp"
#include "node/api/routes.hpp"
#include "tests/api/fake_control.hpp"
#include "tests/harness/temporary_folder.hpp"

namespace weft::api {
namespace {

// Clears the screen, sets the title, rings, goes back; CSI as one C1 character; DEL.
const std::string kEvil =
    "\x1b[2J\x1b]0;owned\x07\r\b\n\xc2\x9b"
    "31m\x7f";

Json tainted(const Json& value, const std::string& name = "") {
  if (value.is_string()) return name == "schema" ? value : Json(value.get<std::string>() + kEvil);
  if (!value.is_structured()) return value;
  Json out = value;
  for (auto& [key, inner] : out.items()) inner = tainted(inner, key);
  return out;
}

// Speaks just enough HTTP for the command line; what it says, FakeControl says, tainted.
class HostileDaemon {
 public:
  explicit HostileDaemon(const std::string& path) : router_(control_) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, raw, sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~HostileDaemon() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

 private:
  void serve() {
    for (int fd = 0; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) answer(fd);
  }
  void answer(int fd) {
    std::string got;
    std::array<char, 4096> chunk{};
    const auto need = [&]() -> std::size_t {
      const auto head = got.find("\r\n\r\n");
      if (head == std::string::npos) return std::string::npos;
      const auto length = got.find("Content-Length: ");
      const bool body = length != std::string::npos && length < head;
      return head + 4 + (body ? std::stoul(got.substr(length + 16)) : 0);
    };
    while (got.size() < need() || need() == std::string::npos) {
      const auto n = ::read(fd, chunk.data(), chunk.size());
      if (n <= 0) return;
      got.append(chunk.data(), static_cast<std::size_t>(n));
    }
    ApiRequest request;
    request.method = got.substr(0, got.find(' '));
    const auto path = got.find(' ') + 1;
    request.target = got.substr(path, got.find(' ', path) - path);
    request.body = got.substr(got.find("\r\n\r\n") + 4);
    request.content_type = "application/json";
    router_.handle(request, [fd](const ApiAnswer& reply) {
      const auto body = dump(tainted(Json::parse(reply.body)));
      const auto text = "HTTP/1.1 " + std::to_string(reply.status) +
                        " X\r\nContent-Type: application/json\r\nConnection: close\r\n"
                        "Content-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + body;
      EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    });
  }

  FakeControl control_;
  Router router_;
  int listener_ = -1;
  std::thread thread_;
};

// What somebody at the terminal types once he reads `cue`.
struct Reply {
  std::string cue, typed;
};

// All that the program writes to its terminal, as the terminal gets it.
std::string on_terminal(std::vector<std::string> words, std::vector<Reply> replies = {}) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int terminal = -1;
  const int pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    ::setenv("NO_COLOR", "1", 1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  std::string out;
  std::array<char, 4096> chunk{};
  for (ssize_t n = 0; (n = ::read(terminal, chunk.data(), chunk.size())) > 0;) {
    out.append(chunk.data(), static_cast<std::size_t>(n));
    if (replies.empty() || !out.contains(replies.front().cue)) continue;
    EXPECT_GT(::write(terminal, replies.front().typed.data(), replies.front().typed.size()), 0);
    replies.erase(replies.begin());
  }
  ::close(terminal);
  ::waitpid(pid, nullptr, 0);
  return out;
}

bool harmless(std::string_view text) {
  while (!text.empty()) {
    if (text.starts_with("\r\n")) {  // the terminal's own line end
      text.remove_prefix(2);
      continue;
    }
    const auto [code, size] = first_character(text);
    if (size == 0 || is_control(code)) return false;
    text.remove_prefix(size);
  }
  return true;
}

TEST(HostileOutput, EveryCommandShowsItHarmless) {
  const harness::TemporaryFolder home;
  const HostileDaemon daemon((home.path() / "weft.sock").string());
  const std::vector<std::vector<std::string>> commands{{"status"},
                                                       {"members"},
                                                       {"services"},
                                                       {"doors"},
                                                       {"up"},
                                                       {"invite", "laptop"},
                                                       {"join", "wt1ticket"},
                                                       {"join", "used"},
                                                       {"remove", "laptop", "--yes"},
                                                       {"remove", "nobody", "--yes"},
                                                       {"invite", "--list"},
                                                       {"grant", "laptop", "admin"},
                                                       {"rename", "laptop", "desk"},
                                                       {"group", "list"},
                                                       {"group", "add", "friends", "laptop"},
                                                       {"expose", "3000"},
                                                       {"unexpose", "blog"},
                                                       {"allow", "blog", "laptop"},
                                                       {"deny", "blog", "*"},
                                                       {"reset", "blog"},
                                                       {"open", "blog@oak"},
                                                       {"open", "secret@oak"},
                                                       {"close", "m1"},
                                                       {"close", "nope"},
                                                       {"ping", "laptop", "-c", "1"},
                                                       {"ping", "far", "-c", "1"},
                                                       {"pipe", "nothing"},
                                                       {"wait", "ready"},
                                                       {"dht", "stats"},
                                                       {"dht", "lookup", "oak"},
                                                       {"dht", "get", "oak"},
                                                       {"dht", "put", "oak"}};
  for (const auto& command : commands)
    for (const bool json : {false, true}) {
      std::vector<std::string> words{WEFT_BINARY, "--home", home.path().string()};
      if (json) words.emplace_back("--json");
      words.insert(words.end(), command.begin(), command.end());
      const auto shown = on_terminal(words);
      EXPECT_TRUE(harmless(shown))
          << command[0] << (json ? " --json: " : ": ") << ::testing::PrintToString(shown);
      EXPECT_FALSE(shown.empty()) << command[0];
      EXPECT_FALSE(shown.contains("weft is not running")) << shown;
    }
}

TEST(Questions, WhatIsNoTicketIsSaidAtOnce) {
  const harness::TemporaryFolder home;
  const HostileDaemon daemon((home.path() / "weft.sock").string());
  const auto shown = on_terminal({WEFT_BINARY, "--home", home.path().string(), "join"},
                                 {{"paste the ticket: ", "hello\n"},
                                  {"begins with wt1", "wt1qqqq\n"},
                                  {"not the whole ticket", "\n"}});
  EXPECT_TRUE(shown.contains("no ticket is in this")) << shown;
  EXPECT_TRUE(shown.contains("weft: ")) << shown;  // the daemon has the last word
}

TEST(Questions, FitATerminal) {
  const harness::TemporaryFolder home;
  const HostileDaemon daemon((home.path() / "weft.sock").string());
  for (const std::string command : {"remove", "leave"}) {
    std::vector<std::string> words{WEFT_BINARY, "--home", home.path().string(), command};
    if (command == "remove") words.emplace_back("laptop");
    const auto shown = on_terminal(words, {{"[y/N]", "n\n"}});
    EXPECT_TRUE(shown.contains("nothing was changed")) << shown;
    std::istringstream lines(shown);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 81u) << line;  // \r
  }
}

// Whoever asks for the bytes gets them: a program behind a pipe, or a person with --raw.
TEST(HostileOutput, AValueIsRawOnlyWhereThatIsAskedFor) {
  const harness::TemporaryFolder home;
  const HostileDaemon daemon((home.path() / "weft.sock").string());
  const std::vector<std::string> get{WEFT_BINARY, "--home", home.path().string(), "--quiet", "dht",
                                     "get",       "oak"};
  EXPECT_TRUE(on_terminal(get).starts_with("value?[2J"));
  auto raw = get;
  raw.emplace_back("--raw");
  EXPECT_TRUE(on_terminal(raw).starts_with("value\x1b[2J"));
}

}  // namespace
}  // namespace weft::api
