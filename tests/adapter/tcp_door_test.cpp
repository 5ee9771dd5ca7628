#include "node/adapter/tcp_door.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "node/adapter/tcp_connect.hpp"
#include "node/io/clock.hpp"
#include "node/io/descriptors.hpp"
#include "node/io/socket_address.hpp"

namespace weft::adapter {
namespace {

class TcpDoorTest : public ::testing::Test {
 protected:
  TcpDoorTest() {
    char name[] = "/tmp/weft-door-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~TcpDoorTest() override { std::filesystem::remove_all(folder_); }

  static Endpoint loopback(std::uint16_t port = 0) { return Endpoint::v4(0x7f000001, port); }
  TcpDoor::OnAccept keep() {
    return [this](io::UniqueFd fd, Endpoint peer) {
      accepted_.push_back(std::move(fd));
      last_peer_ = peer;
    };
  }
  static io::UniqueFd client_of(const Endpoint& at) {
    io::UniqueFd fd(::socket(at.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = io::to_socket_address(at);
    EXPECT_EQ(::connect(fd.value(), address.get(), address.size), 0);
    return fd;
  }
  template <class Done>
  bool turn_until(Done done) {
    const Instant limit = io::monotonic_time() + 20s;
    while (!done() && io::monotonic_time() < limit) loop_.run_for(5ms);
    return done();
  }

  io::EventLoop loop_;
  std::vector<io::UniqueFd> accepted_;
  Endpoint last_peer_;
  std::string folder_;
};

TEST_F(TcpDoorTest, HandsOverEveryConnectionWithItsPeer) {
  auto door = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());
  ASSERT_TRUE(door);
  EXPECT_NE((*door)->local().port, 0);
  std::vector<io::UniqueFd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(client_of((*door)->local()));
  ASSERT_TRUE(turn_until([&] { return accepted_.size() == 100; }));
  EXPECT_EQ(last_peer_, io::bound_endpoint(clients.back().value()));
  EXPECT_EQ((*door)->counters().accepted, 100u);
}

TEST_F(TcpDoorTest, ATakenPortFailsOrGivesTheNextFreeOne) {
  auto first = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());
  ASSERT_TRUE(first);
  const Endpoint taken = (*first)->local();
  const auto second = TcpDoor::listen(loop_, taken, IfTaken::Fail, keep());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::Busy);
  auto third = TcpDoor::listen(loop_, taken, IfTaken::NextFree, keep());
  ASSERT_TRUE(third);
  EXPECT_NE((*third)->local().port, taken.port);
  EXPECT_TRUE((*third)->local().is_loopback());
  first->reset();
  auto again = TcpDoor::listen(loop_, taken, IfTaken::NextFree, keep());
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->local().port, taken.port);
}

TEST(PortCandidates, AnOrdinaryUserGetsTheStandInOfAPortOfRoots) {
  const auto ssh = port_candidates(22), web = port_candidates(80), tls = port_candidates(443);
  EXPECT_EQ((std::vector(ssh.begin(), ssh.begin() + 4)),
            (std::vector<std::uint16_t>{22, 2222, 10022, 10023}));
  EXPECT_EQ(web.at(1), 8080);
  EXPECT_EQ(tls.at(1), 8443);
  EXPECT_EQ(port_candidates(631).at(1), 10631);
  EXPECT_EQ(port_candidates(3000).at(1), 3001);
  EXPECT_EQ(port_candidates(65534), (std::vector<std::uint16_t>{65534, 65535}));
  EXPECT_EQ(port_candidates(0), (std::vector<std::uint16_t>{0}));
}

TEST_F(TcpDoorTest, APortOfRootsIsReplacedOnlyWhereTheUserLeftTheChoice) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  // A child, because a process cannot become root again on all its threads.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(10);
    // Containers may give low ports to everybody: then there is nothing to see.
    std::ifstream first("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    int start = 1024;
    first >> start;
    if (start <= 22) ::_exit(77);
    io::EventLoop loop;
    const auto strict = TcpDoor::listen(loop, loopback(22), IfTaken::Fail, {});
    if (strict || strict.error().code != Errc::Denied) ::_exit(11);
    const auto near = TcpDoor::listen(loop, loopback(22), IfTaken::NextFree, {});
    ::_exit(near && (*near)->local().port >= 1024 ? 0 : 12);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "low ports are everybody's here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(TcpDoorTest, DoorsShareOneSpareDescriptor) {
  static_cast<void>(io::raise_descriptor_limit());  // the spare is taken
  const auto first = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());  // and the loop's
  const std::size_t before = io::descriptors_open();
  std::vector<std::unique_ptr<TcpDoor>> doors;
  for (int i = 0; i < 20; ++i)
    doors.push_back(std::move(*TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep())));
  EXPECT_EQ(io::descriptors_open() - before, 20u);
}

TEST_F(TcpDoorTest, AForeignAddressIsNotFound) {
  const auto door =
      TcpDoor::listen(loop_, *endpoint_from_text("192.0.2.1:0"), IfTaken::NextFree, keep());
  ASSERT_FALSE(door);
  EXPECT_EQ(door.error().code, Errc::NotFound);
}

TEST_F(TcpDoorTest, MayBeDestroyedInItsOwnCallback) {
  std::unique_ptr<TcpDoor> door;
  int calls = 0;
  auto made = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, [&](io::UniqueFd, Endpoint) {
    ++calls;
    door.reset();
  });
  ASSERT_TRUE(made);
  door = std::move(*made);
  const auto one = client_of(door->local());
  const auto two = client_of(door->local());
  ASSERT_TRUE(turn_until([&] { return calls > 0; }));
  while (loop_.run_for(1ms)) {
  }
  EXPECT_EQ(calls, 1);
}

TEST_F(TcpDoorTest, WithoutDescriptorsClientsAreRefusedAndServiceResumes) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan opens a pipe to look at objects: it needs descriptors itself";
#endif
  auto door = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());
  ASSERT_TRUE(door);
  auto hopeless = client_of((*door)->local());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The lowest free number is the first that may not be given out any more.
  const io::UniqueFd probe(::dup(0));
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(probe.value());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool refused = turn_until([&] { return (*door)->counters().refused == 1; });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(refused);
  EXPECT_TRUE(accepted_.empty());
  char byte = 0;
  EXPECT_LE(::recv(hopeless.value(), &byte, 1, 0), 0);  // closed, not left hanging
  const auto welcome = client_of((*door)->local());
  EXPECT_TRUE(turn_until([&] { return accepted_.size() == 1; }));
}

TEST_F(TcpDoorTest, AUnixDoorReplacesALeftoverAndCleansUp) {
  const std::string path = folder_ + "/door.sock";
  {
    auto door = TcpDoor::listen_unix(loop_, path, 0600, keep());
    ASSERT_TRUE(door) << door.error().detail;
    struct stat found{};
    ASSERT_EQ(::lstat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    const auto busy = TcpDoor::listen_unix(loop_, path, 0600, keep());
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, Errc::Busy);
    EXPECT_TRUE(std::filesystem::exists(path));  // the refused one took nothing away
    accepted_.clear();
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  // A crash leaves the file without a listener.
  {
    io::UniqueFd crashed(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_storage raw{};
    raw.ss_family = AF_UNIX;
    std::copy(path.begin(), path.end(), reinterpret_cast<char*>(&raw) + sizeof(sa_family_t));
    ASSERT_EQ(::bind(crashed.value(), reinterpret_cast<sockaddr*>(&raw),
                     static_cast<socklen_t>(sizeof(sa_family_t) + path.size() + 1)),
              0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(TcpDoor::listen_unix(loop_, path, 0600, keep()));
}

TEST_F(TcpDoorTest, AUnixDoorNeverRemovesAFileThatIsNoSocket) {
  const std::string path = folder_ + "/precious";
  std::ofstream(path) << "data";
  const auto door = TcpDoor::listen_unix(loop_, path, 0600, keep());
  ASSERT_FALSE(door);
  EXPECT_EQ(door.error().code, Errc::Busy);
  EXPECT_EQ(std::filesystem::file_size(path), 4u);
  const auto long_path = TcpDoor::listen_unix(loop_, folder_ + std::string(120, 'x'), 0600, keep());
  ASSERT_FALSE(long_path);
  EXPECT_EQ(long_path.error().code, Errc::TooLarge);
}

class ConnectorTest : public TcpDoorTest {
 protected:
  using Outcome = std::expected<io::UniqueFd, ConnectError>;

  Outcome connect(const Target& target, Duration timeout = Connector::kTimeout) {
    std::optional<Outcome> outcome;
    connector_.connect(target, [&](Outcome got) { outcome = std::move(got); }, timeout);
    EXPECT_FALSE(outcome) << "answered from within connect()";
    EXPECT_TRUE(turn_until([&] { return outcome.has_value(); }));
    EXPECT_EQ(connector_.under_way(), 0u);
    if (!outcome) return std::unexpected(ConnectError{ConnectFailure::Timeout, "no answer"});
    return std::move(*outcome);
  }

  Connector connector_{loop_};
};

TEST_F(ConnectorTest, ReachesAnAddressANameAndAUnixSocket) {
  auto door = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());
  auto unix_door = TcpDoor::listen_unix(loop_, folder_ + "/s", 0600, keep());
  ASSERT_TRUE(door && unix_door);
  const auto port = (*door)->local().port;
  for (const Target& target : {Target{"127.0.0.1", port, {}}, Target{"localhost", port, {}},
                               Target{{}, 0, folder_ + "/s"}}) {
    const std::size_t before = accepted_.size();
    auto got = connect(target);
    ASSERT_TRUE(got) << got.error().detail;
    ASSERT_TRUE(turn_until([&] { return accepted_.size() == before + 1; }));
    ASSERT_EQ(::send(got->value(), "x", 1, 0), 1);
    char byte = 0;
    ASSERT_TRUE(turn_until([&] {
      static_cast<void>(::recv(accepted_.back().value(), &byte, 1, 0));
      return byte == 'x';
    }));
  }
}

TEST_F(ConnectorTest, LocalhostIsBothFamilies) {
  auto only_v6 = TcpDoor::listen(loop_, *endpoint_from_text("[::1]:0"), IfTaken::Fail, keep());
  if (!only_v6) GTEST_SKIP() << "no IPv6 here";
  const auto got = connect({"localhost", (*only_v6)->local().port, {}});
  EXPECT_TRUE(got) << got.error().detail;
  const auto strict = connect({"127.0.0.1", (*only_v6)->local().port, {}});
  EXPECT_FALSE(strict);
}

TEST_F(ConnectorTest, SaysHowItFailed) {
  auto door = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());
  ASSERT_TRUE(door);
  const auto port = (*door)->local().port;
  door->reset();  // nobody listens there now
  const auto refused = connect({"127.0.0.1", port, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, ConnectFailure::Refused);
  EXPECT_EQ(refused.error().detail, "127.0.0.1:" + std::to_string(port) + ": Connection refused");
  const auto no_file = connect({{}, 0, folder_ + "/none"});
  ASSERT_FALSE(no_file);
  EXPECT_EQ(no_file.error().failure, ConnectFailure::NotFound);
  const auto no_name = connect({"a name with spaces", 80, {}});
  ASSERT_FALSE(no_name);
  EXPECT_EQ(no_name.error().failure, ConnectFailure::NotFound);
}

TEST_F(ConnectorTest, GivesUpAtItsTimeLimit) {
  // A listener whose backlog is full answers nobody: connections beyond it hang.
  const io::UniqueFd full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto any = io::to_socket_address(loopback());
  ASSERT_EQ(::bind(full.value(), any.get(), any.size), 0);
  ASSERT_EQ(::listen(full.value(), 0), 0);
  const Endpoint at = io::bound_endpoint(full.value());
  std::vector<io::UniqueFd> fillers;
  const auto address = io::to_socket_address(at);
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(::connect(fillers.back().value(), address.get(), address.size));
  }
  const auto late = connect({"127.0.0.1", at.port, {}}, 30ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().failure, ConnectFailure::Timeout);
}

TEST_F(ConnectorTest, CancelledOrDestroyedItNeverAnswers) {
  auto door = TcpDoor::listen(loop_, loopback(), IfTaken::Fail, keep());
  ASSERT_TRUE(door);
  const auto port = (*door)->local().port;
  int answers = 0;
  auto count = [&](Outcome) { ++answers; };
  const auto ticket = connector_.connect({"127.0.0.1", port, {}}, count);
  connector_.cancel(ticket);
  {
    Connector brief(loop_);
    brief.connect({"127.0.0.1", port, {}}, count);
    brief.connect({"localhost", port, {}}, count);
    loop_.run_for(0ms);
    loop_.run_for(0ms);
    answers = 0;
  }
  while (loop_.run_for(5ms)) {
  }
  EXPECT_EQ(answers, 0);
}

}  // namespace
}  // namespace weft::adapter
