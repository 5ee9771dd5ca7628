// W5: what belongs to weft itself is no service, under whatever name it is found.
#include "node/own_places.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "node/io/unique_fd.hpp"
#include "tests/harness/temporary_folder.hpp"

namespace weft::node {
namespace {

namespace fs = std::filesystem;
using service::Protocol;

io::UniqueFd listen_at(const fs::path& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.c_str(), path.native().size() + 1);
  io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.value(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  EXPECT_EQ(::listen(fd.value(), 4), 0);
  return fd;
}

struct Places : testing::Test {
  harness::TemporaryFolder folder;
  fs::path home = folder.path() / "home";
  fs::path elsewhere = folder.path() / "elsewhere";
  fs::path socket = home / "weft.sock";

  void SetUp() override {
    fs::create_directories(home);
    fs::create_directories(elsewhere);
  }
  [[nodiscard]] bool forbidden(const fs::path& path) const {
    const OwnPlaces places(socket, {home});
    return places.forbid(Protocol::Tcp, {service::Target::Kind::Unix, "", 0, path.string()})
        .has_value();
  }
};

TEST_F(Places, TheManagementSocketUnderAnyName) {
  const auto listening = listen_at(socket);
  fs::create_symlink(socket, elsewhere / "soft");
  fs::create_hard_link(socket, elsewhere / "hard");
  fs::create_directory_symlink(home, elsewhere / "folder");
  for (const auto& path : {socket, elsewhere / "soft", elsewhere / "hard",
                           elsewhere / "folder/weft.sock", home / "../home/./weft.sock"})
    EXPECT_TRUE(forbidden(path)) << path;
  const auto other = listen_at(elsewhere / "app.sock");
  EXPECT_FALSE(forbidden(elsewhere / "app.sock"));
  EXPECT_FALSE(forbidden(elsewhere / "not-yet.sock"));
  EXPECT_FALSE(forbidden(folder.path() / "home-of-another/app.sock"));
}

TEST_F(Places, WhatLiesBesideTheKeys) {
  std::ofstream(home / "identity.key") << "secret";
  fs::create_symlink(home / "identity.key", elsewhere / "key");
  for (const auto& path : {home / "identity.key", home / "trust.db", home / "later.sock",
                           elsewhere / "key", home / "deep/er/x.sock"})
    EXPECT_TRUE(forbidden(path)) << path;
}

TEST_F(Places, AnExchangedSocketIsKnownByItsProcess) {
  const auto own = listen_at(socket);
  const io::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, socket.c_str(), socket.native().size() + 1);
  ASSERT_EQ(::connect(client.value(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  EXPECT_TRUE(is_this_process(client.value()));
  const io::UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(is_this_process(tcp.value()));
}

TEST(OwnPorts, TheUdpPortOfThisNode) {
  OwnPlaces places;
  places.set_udp({*endpoint_from_text("0.0.0.0:41820"), *endpoint_from_text("10.0.0.7:41821")});
  const auto forbidden = [&](Protocol protocol, const std::string& host, std::uint16_t port) {
    return places.forbid(protocol, {service::Target::Kind::Host, host, port, ""}).has_value();
  };
  EXPECT_TRUE(forbidden(Protocol::Udp, "127.0.0.1", 41820));
  EXPECT_TRUE(forbidden(Protocol::Udp, "localhost", 41820));
  EXPECT_TRUE(forbidden(Protocol::Udp, "::1", 41820));
  EXPECT_TRUE(forbidden(Protocol::Udp, "10.0.0.7", 41821));
  EXPECT_FALSE(forbidden(Protocol::Udp, "10.0.0.8", 41821));
  EXPECT_FALSE(forbidden(Protocol::Udp, "127.0.0.1", 53));
  EXPECT_FALSE(forbidden(Protocol::Tcp, "127.0.0.1", 41820));
}

}  // namespace
}  // namespace weft::node
