#include "node/carriers/stream_hub.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {
namespace {

using path::PathKind;

// One machine: sockets, hub, and what came.
struct Side final : DatagramSink {
  explicit Side(io::EventLoop& on) : loop(on) {
    UdpOptions udp;
    udp.bind = *endpoint_from_text("127.0.0.1:0");
    carriers = std::move(*Carriers::open(loop, {udp}, table, *this));
    hub = std::make_unique<StreamHub>(
        loop, *carriers, table,
        StreamHub::Events{[this](StreamHub::Id id, PathId path, const Endpoint& remote) {
                            opened[id] = {path, remote};
                          },
                          [this](StreamHub::Id id, const std::string& why) { failed[id] = why; },
                          [this] { ++closed; }});
  }
  void on_datagram(const Datagram& datagram) override {
    got.push_back(to_bytes(datagram.payload));
    last = datagram;
    last.payload = {};
  }
  void on_batch_end() override {}
  void on_writable() override { ++writable; }
  bool say(PathId path, const Endpoint& to, ByteView bytes, std::size_t segment = 0) {
    return carriers->send({path, to, bytes.size(), segment, Ecn::NotEct}, bytes);
  }

  io::EventLoop& loop;
  path::PathTable table;
  std::unique_ptr<Carriers> carriers;
  std::unique_ptr<StreamHub> hub;
  std::vector<Bytes> got;
  Datagram last;
  std::map<StreamHub::Id, std::pair<PathId, Endpoint>> opened;
  std::map<StreamHub::Id, std::string> failed;
  int closed = 0;
  int writable = 0;
};

class StreamHubTest : public ::testing::TestWithParam<PathKind> {
 protected:
  template <class Done>
  bool until(const Done& done) {
    const Instant limit = io::monotonic_time() + 10s;
    while (!done() && io::monotonic_time() < limit) loop_.run_for(10ms);
    return done();
  }
  Address address_of(const Side& side) const {
    const Endpoint at = side.hub->bound(GetParam()).front();
    if (GetParam() == PathKind::Tcp) return TcpAddress{at};
    return WssAddress{host_text(at), at.port, kWssPath};
  }
  void listen(Side& side) {
    const auto listening = side.hub->listen(GetParam(), *endpoint_from_text("127.0.0.1:0"));
    ASSERT_TRUE(listening) << listening.error().detail;
  }

  io::EventLoop loop_;
  Side near_{loop_};
  Side far_{loop_};
};

TEST_P(StreamHubTest, DatagramsTravelBothWaysWholeAndInOrder) {
  listen(far_);
  near_.hub->dial(7, address_of(far_));
  ASSERT_TRUE(until([&] { return near_.opened.contains(7) || near_.failed.contains(7); }));
  ASSERT_TRUE(near_.opened.contains(7)) << near_.failed[7];
  const auto [path, remote] = near_.opened[7];
  EXPECT_EQ(near_.table.at(path).kind, GetParam());
  EXPECT_EQ(near_.table.at(path).mtu, path::kStreamMtu);
  EXPECT_EQ(remote.port, far_.hub->bound(GetParam()).front().port);

  Bytes run(1400, 0x41);
  append(run, Bytes(1400, 0x42));
  append(run, Bytes(20, 0x43));
  ASSERT_TRUE(near_.say(path, remote, run, 1400));
  ASSERT_TRUE(until([&] { return far_.got.size() == 3; }));
  EXPECT_EQ(far_.got[0], Bytes(1400, 0x41));
  EXPECT_EQ(far_.got[1], Bytes(1400, 0x42));
  EXPECT_EQ(far_.got[2], Bytes(20, 0x43));
  EXPECT_EQ(far_.table.at(far_.last.path).kind, GetParam());

  ASSERT_TRUE(far_.say(far_.last.path, far_.last.from, Bytes(1200, 0x44)));
  ASSERT_TRUE(until([&] { return !near_.got.empty(); }));
  EXPECT_EQ(near_.got[0], Bytes(1200, 0x44));
  EXPECT_EQ(near_.last.path, path);
  EXPECT_EQ(near_.last.from, remote);
}

TEST_P(StreamHubTest, MuchAtOnceIsBlockedAndGoesOn) {
  listen(far_);
  near_.hub->dial(1, address_of(far_));
  ASSERT_TRUE(until([&] { return near_.opened.contains(1); }));
  const auto [path, remote] = near_.opened[1];
  std::size_t said = 0;
  const Bytes batch(40 * 1400, 0x41);
  while (said < 40 * 100) {
    ASSERT_TRUE(until([&] { return near_.carriers->can_send(path, remote); }));
    ASSERT_TRUE(near_.say(path, remote, batch, 1400));
    said += 40;
  }
  EXPECT_GT(near_.writable, 0);
  EXPECT_TRUE(until([&] { return near_.carriers->can_send(path, remote); }));
  EXPECT_TRUE(until([&] { return far_.got.size() > said * 9 / 10; })) << far_.got.size();
}

TEST_P(StreamHubTest, WhereNobodyListensTheDialFails) {
  listen(far_);
  const Address nowhere = address_of(far_);
  far_.hub.reset();
  near_.hub->dial(3, nowhere);
  ASSERT_TRUE(until([&] { return near_.failed.contains(3); }));
  EXPECT_FALSE(near_.failed[3].empty());
  EXPECT_EQ(near_.hub->counters().dials_failed, 1u);
  EXPECT_EQ(near_.hub->size(), 0u);
}

TEST_P(StreamHubTest, AConnectionThatTheFarEndClosesIsAPathNoMore) {
  listen(far_);
  near_.hub->dial(3, address_of(far_));
  ASSERT_TRUE(until([&] { return near_.opened.contains(3); }));
  const auto [path, remote] = near_.opened[3];
  const path::PathHold hold(near_.table, path);  // as a session would
  far_.hub.reset();
  ASSERT_TRUE(until([&] { return near_.table.at(path).closed; }));
  EXPECT_FALSE(near_.say(path, remote, Bytes(20, 0x41)));
}

TEST_P(StreamHubTest, OfAWebServerNothingButTheOnePathIsAskedFor) {
  if (GetParam() != PathKind::Wss) GTEST_SKIP() << "TCP asks for nothing";
  listen(far_);
  const Endpoint at = far_.hub->bound(PathKind::Wss).front();
  near_.hub->dial(5, WssAddress{host_text(at), at.port, "/admin?delete=all"});
  ASSERT_TRUE(until([&] { return near_.failed.contains(5); }));
  for (int i = 0; i < 10; ++i) loop_.run_for(5ms);
  EXPECT_EQ(far_.hub->counters().accepted, 0u);
}

// Whoever speaks something else hears nothing, as long as it waits.
TEST_P(StreamHubTest, AStrangerHearsNothing) {
  listen(far_);
  const Endpoint at = far_.hub->bound(GetParam()).front();
  const io::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto to = io::to_socket_address(at);
  ASSERT_EQ(::connect(fd.value(), to.get(), to.size), 0);
  const std::string_view text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(fd.value(), text.data(), text.size(), 0), std::ssize(text));
  ASSERT_TRUE(until([&] { return far_.hub->counters().accepted == 1; }));
  for (int i = 0; i < 20; ++i) loop_.run_for(5ms);
  char answer[64];
  const auto said = ::recv(fd.value(), answer, sizeof answer, MSG_DONTWAIT);
  if (GetParam() == PathKind::Tcp) {
    EXPECT_TRUE(said < 0 && errno == EAGAIN);
  }
  EXPECT_TRUE(far_.got.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, StreamHubTest, testing::Values(PathKind::Tcp, PathKind::Wss),
                         [](const auto& kind) { return std::string(path::name_of(kind.param)); });

}  // namespace
}  // namespace weft::carriers
