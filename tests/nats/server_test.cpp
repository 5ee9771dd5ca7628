// The loopback port of the NATS door: who gets in, and what happens to those beyond the limit.
#include "node/nats/server.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "node/io/socket_address.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::nats {
namespace {

class Nobody final : public Bus {
 public:
  [[nodiscard]] bool may(const std::string&, broker::Right) const override { return true; }
  bool publish(broker::Message) override { return false; }
  [[nodiscard]] Result<std::unique_ptr<Subscription>> subscribe(const broker::Wanted&,
                                                                std::function<void()>) override {
    return fail(Errc::Limit, "nobody subscribes here");
  }
};

struct Served {
  Result<void> listen(const Endpoint& at = Endpoint::v4(0x7f000001, 0)) {
    return server->listen(at);
  }
  io::UniqueFd dial() {
    const auto to = io::to_socket_address(server->local());
    io::UniqueFd fd(::socket(to.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.value(), to.get(), to.size), 0);
    return fd;
  }
  // Runs the loop beside it, until what came ends so or the server closed.
  std::string read_to(int fd, std::string_view end) {
    std::string out;
    std::array<char, 4096> piece{};
    for (int turn = 0; turn < 1000; ++turn) {
      const auto size = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
      if (size == 0 || (size < 0 && errno != EAGAIN)) return out + "(closed)";
      if (size > 0)
        out.append(piece.data(), static_cast<std::size_t>(size));
      else
        loop.run_for(10ms);
      if (out.ends_with(end)) return out;
    }
    ADD_FAILURE() << "not said: " << end << "; but: " << out;
    return out;
  }

  io::EventLoop loop;
  Nobody bus;
  std::unique_ptr<Server> server =
      std::make_unique<Server>(loop, bus, ServerName{"id", "oak", {}, 0});
};

TEST(NatsServer, SaysWhereItIsAndAnswers) {
  for (const auto& at : {Endpoint::v4(0x7f000001, 0), endpoint_from_text("[::1]:0").value()}) {
    Served s;
    EXPECT_EQ(s.server->local(), Endpoint{});
    ASSERT_TRUE(s.listen(at));
    const auto fd = s.dial();
    const auto info = s.read_to(fd.value(), "\r\n");
    EXPECT_TRUE(info.contains("\"port\":" + std::to_string(s.server->local().port))) << info;
    EXPECT_TRUE(info.contains(at.is_v4() ? "\"host\":\"127.0.0.1\"" : "\"host\":\"::1\"")) << info;
    constexpr std::string_view kPing = "PING\r\n";
    ASSERT_EQ(::send(fd.value(), kPing.data(), kPing.size(), MSG_NOSIGNAL), 6);
    EXPECT_EQ(s.read_to(fd.value(), "PONG\r\n"), "PONG\r\n");
  }
}

TEST(NatsServer, ListensOnTheLoopbackAloneAndOnce) {
  Served s;
  for (const auto& at : {Endpoint::v4(0, 0), Endpoint::v4(0xc0000201, 4222)}) {
    const auto refused = s.listen(at);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::Usage);
  }
  ASSERT_TRUE(s.listen());
  Served second;
  const auto taken = second.listen(s.server->local());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::Busy);
}

TEST(NatsServer, WhoComesBeyondTheLimitIsToldSo) {
  Served s;
  ASSERT_TRUE(s.listen());
  std::vector<io::UniqueFd> held;
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    held.push_back(s.dial());
    s.read_to(held.back().value(), "\r\n");
  }
  EXPECT_EQ(s.server->clients(), kMaxClients);
  EXPECT_EQ(s.read_to(s.dial().value(), "(closed)"),
            "-ERR 'maximum connections exceeded'\r\n(closed)");
  EXPECT_EQ(s.server->clients(), kMaxClients);
  held.pop_back();
  for (int turn = 0; turn < 1000 && s.server->clients() == kMaxClients; ++turn)
    s.loop.run_for(10ms);
  EXPECT_TRUE(s.read_to(s.dial().value(), "\r\n").starts_with("INFO "));
}

TEST(NatsServer, ClosesEverythingAtItsEnd) {
  Served s;
  ASSERT_TRUE(s.listen());
  const auto fd = s.dial();
  s.read_to(fd.value(), "\r\n");
  s.server.reset();
  EXPECT_EQ(s.read_to(fd.value(), "(closed)"), "(closed)");
}

}  // namespace
}  // namespace weft::nats
