#include "node/metrics/server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "node/io/socket_address.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::metrics {
namespace {

struct Served {
  explicit Served(std::string token = {})
      : server(loop, std::move(token), [this] {
          ++scrapes;
          return std::string("weft_sessions 1\n");
        }) {}

  bool listen() { return server.listen(Endpoint::v4(0x7f000001, 0)).has_value(); }
  // What comes back until the server closes.
  std::string ask(const std::string& request) {
    const auto fd = dial();
    EXPECT_EQ(::send(fd.value(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return read_all(fd.value());
  }
  std::string get(const std::string& more = {}, const std::string& path = "/metrics") {
    return ask("GET " + path + " HTTP/1.1\r\n" + more + "\r\n");
  }
  io::UniqueFd dial() {
    const auto to = io::to_socket_address(server.local());
    io::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.value(), to.get(), to.size), 0);
    return fd;
  }
  // Runs the loop beside it, until the server closes.
  std::string read_all(int fd) {
    std::string out;
    std::array<char, 4096> piece{};
    for (int turn = 0; turn < 1000; ++turn) {
      const auto size = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
      if (size == 0 || (size < 0 && errno != EAGAIN)) return out;
      if (size > 0)
        out.append(piece.data(), static_cast<std::size_t>(size));
      else
        loop.run_for(10ms);
    }
    ADD_FAILURE() << "the server does not close: " << out;
    return out;
  }

  io::EventLoop loop;
  int scrapes = 0;
  Server server;
};

bool is(const std::string& answer, int status) {
  return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

TEST(MetricsServer, ServesItsTextAndNothingElse) {
  Served s;
  ASSERT_TRUE(s.listen());
  const auto answer = s.get("Host: localhost:9464\r\n");
  EXPECT_TRUE(is(answer, 200)) << answer;
  EXPECT_TRUE(answer.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nweft_sessions 1\n")) << answer;
  EXPECT_EQ(s.scrapes, 1);
  EXPECT_TRUE(is(s.get({}, "/api/v1/status"), 404));
  EXPECT_TRUE(is(s.get({}, "/metrics?x=1"), 404));
  EXPECT_TRUE(is(s.ask("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 405));
  EXPECT_TRUE(s.ask("nonsense\r\n\r\n").empty());
  EXPECT_TRUE(
      s.ask("GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").empty());
  EXPECT_EQ(s.scrapes, 1);
  EXPECT_EQ(s.server.connections(), 0u);
}

TEST(MetricsServer, APageUnderANameOfItsOwnReadsNothing) {
  Served s;
  ASSERT_TRUE(s.listen());
  for (const auto* host : {"localhost", "127.0.0.1:9464", "127.9.9.9", "[::1]:9464"})
    EXPECT_TRUE(is(s.get("Host: " + std::string(host) + "\r\n"), 200)) << host;
  const int served = s.scrapes;
  for (const auto* lines :
       {"Host: evil.example\r\n", "Host: 127.0.0.1.evil.example\r\n", "Host: 192.0.2.1\r\n",
        "Host: localhost\r\nOrigin: http://x\r\n", "Host: localhost\r\nHost: localhost\r\n"})
    EXPECT_TRUE(is(s.get(lines), 403)) << lines;
  EXPECT_EQ(s.scrapes, served);
}

TEST(MetricsServer, ATokenIsAskedFor) {
  Served s("0123456789abcdef");
  ASSERT_TRUE(s.listen());
  EXPECT_TRUE(is(s.get("Host: any.example\r\nAuthorization: Bearer 0123456789abcdef\r\n"), 200));
  for (const auto* lines : {"", "Authorization: Bearer 0123456789abcdeX\r\n",
                            "Authorization: Bearer \r\n", "Authorization: Basic eDp4\r\n"})
    EXPECT_TRUE(is(s.get(lines), 401)) << lines;
  EXPECT_EQ(s.scrapes, 1);
}

TEST(MetricsServer, OtherAddressesNeedAToken) {
  Served open;
  const auto refused = open.server.listen(Endpoint::v4(0, 0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Usage);
  Served guarded("0123456789abcdef");
  EXPECT_TRUE(guarded.server.listen(Endpoint::v4(0, 0)));
}

TEST(MetricsServer, WhoHoldsAllPlacesLosesTheOldest) {
  Served s;
  ASSERT_TRUE(s.listen());
  std::vector<io::UniqueFd> idle;
  for (std::size_t i = 0; i < kMaxScrapers; ++i) {
    idle.push_back(s.dial());
    for (int turn = 0; turn < 1000 && s.server.connections() <= i; ++turn) s.loop.run_for(10ms);
  }
  EXPECT_EQ(s.server.connections(), kMaxScrapers);
  EXPECT_TRUE(is(s.get(), 200));
  EXPECT_EQ(s.read_all(idle.front().value()), "") << "it made room";
  EXPECT_EQ(s.server.connections(), kMaxScrapers - 1);
}

}  // namespace
}  // namespace weft::metrics
