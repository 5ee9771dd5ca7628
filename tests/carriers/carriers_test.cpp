#include "node/carriers/carriers.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <set>

#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {
namespace {

struct Sink final : DatagramSink {
  void on_datagram(const Datagram& datagram) override {
    texts.emplace(text_of(datagram.payload));
    last = datagram;
    last.payload = {};
  }
  void on_batch_end() override {}
  void on_writable() override { ++writable; }

  std::set<std::string> texts;
  Datagram last;
  int writable = 0;
};

UdpOptions at(const char* address) {
  UdpOptions options;
  options.bind = *endpoint_from_text(address);
  return options;
}

class CarriersTest : public ::testing::Test {
 protected:
  // True if `text` came to `sink` within ten seconds.
  bool arrives(const Sink& sink, const std::string& text) {
    const Instant limit = io::monotonic_time() + 10s;
    while (!sink.texts.contains(text) && io::monotonic_time() < limit) loop_.run_for(10ms);
    return sink.texts.contains(text);
  }
  static bool say(Carriers& from, PathId path, const Endpoint& to, const std::string& text) {
    return from.send({path, to, text.size(), 0, Ecn::NotEct}, bytes_of(text));
  }

  io::EventLoop loop_;
  path::PathTable table_, far_table_;
  Sink in_;
  Sink out_;
};

TEST_F(CarriersTest, AnAnswerLeavesByTheAddressThatWasSpokenTo) {
  const auto node = Carriers::open(loop_, {at("127.0.0.1:0"), at("127.0.0.2:0")}, table_, in_);
  const auto peer = Carriers::open(loop_, {at("127.0.0.1:0")}, far_table_, out_);
  ASSERT_TRUE(node && peer);
  const auto bound = (*node)->bound();
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string question = "question " + std::to_string(i);
    const std::string answer = "answer " + std::to_string(i);
    ASSERT_TRUE(say(**peer, PathId::Udp, bound[i], question));
    ASSERT_TRUE(arrives(in_, question));
    EXPECT_EQ(in_.last.path == PathId::Udp, i == 0);
    EXPECT_EQ(table_.at(in_.last.path).kind, path::PathKind::Udp);
    ASSERT_TRUE(say(**node, in_.last.path, in_.last.from, answer));
    ASSERT_TRUE(arrives(out_, answer));
    EXPECT_EQ(out_.last.from, bound[i]);
  }
}

TEST_F(CarriersTest, WhoDialsLeavesByTheFirstSocketThatReachesAndIsAnsweredOnTheSamePath) {
  const auto v6 = Carriers::open(loop_, {at("[::1]:0")}, far_table_, out_);
  if (!v6) GTEST_SKIP() << "no IPv6 in this kernel";
  path::PathTable other_table;
  const auto v4 = Carriers::open(loop_, {at("127.0.0.1:0")}, other_table, out_);
  const auto node = Carriers::open(loop_, {at("0.0.0.0:0"), at("[::]:0")}, table_, in_);
  ASSERT_TRUE(node && v4);
  for (Carriers* far : {v4->get(), v6->get()}) {
    const Endpoint to = far->bound().front();
    const std::string family = to.is_v4() ? "v4" : "v6";
    ASSERT_TRUE(say(**node, PathId::Udp, to, "to " + family));
    ASSERT_TRUE(arrives(out_, "to " + family));
    EXPECT_EQ(out_.last.from.port, (*node)->bound()[to.is_v4() ? 0 : 1].port);
    ASSERT_TRUE(say(*far, PathId::Udp, out_.last.from, "from " + family));
    ASSERT_TRUE(arrives(in_, "from " + family));
    EXPECT_EQ(in_.last.path, PathId::Udp);  // what the dialled session expects
  }
}

TEST_F(CarriersTest, BothFamiliesMayShareAPort) {
  auto v4 = Carriers::open(loop_, {at("0.0.0.0:0")}, far_table_, out_);
  ASSERT_TRUE(v4);
  const std::string port = std::to_string((*v4)->port());
  v4->reset();
  const auto v6 = at(("[::]:" + port).c_str());
  const auto both = Carriers::open(loop_, {at(("0.0.0.0:" + port).c_str()), v6}, table_, in_);
  if (!both && both.error().code == Errc::NotFound) GTEST_SKIP() << "no IPv6 in this kernel";
  ASSERT_TRUE(both) << both.error().detail;
}

TEST_F(CarriersTest, WhatNoSocketReachesIsDroppedAndSaid) {
  const auto node = Carriers::open(loop_, {at("127.0.0.1:0"), at("127.0.0.2:0")}, table_, in_);
  ASSERT_TRUE(node);
  EXPECT_FALSE(say(**node, PathId::Udp, *endpoint_from_text("192.0.2.1:9"), "x"));
  EXPECT_FALSE(say(**node, PathId::Udp, *endpoint_from_text("[2001:db8::1]:9"), "x"));
  EXPECT_FALSE(say(**node, PathId{77}, (*node)->bound().front(), "x"));
  EXPECT_EQ((*node)->unreachable(), 3u);
}

TEST_F(CarriersTest, AFullSocketHoldsUpNoOther) {
  UdpOptions full = at("127.0.0.1:0");
  full.gso = false;
  full.faults.full_after = 0;
  const auto node = Carriers::open(loop_, {full, at("127.0.0.2:0")}, table_, in_);
  const auto peer = Carriers::open(loop_, {at("127.0.0.1:0")}, far_table_, out_);
  ASSERT_TRUE(node && peer);
  const Endpoint to = (*peer)->bound().front();
  ASSERT_TRUE(say(**peer, PathId::Udp, (*node)->bound()[1], "question"));
  ASSERT_TRUE(arrives(in_, "question"));
  const PathId second = in_.last.path;
  ASSERT_TRUE((*node)->can_send(PathId::Udp, to));
  ASSERT_TRUE(say(**node, PathId::Udp, to, "waits"));
  EXPECT_FALSE((*node)->can_send(PathId::Udp, to));
  EXPECT_TRUE(table_.blocked(PathId::Udp, to));
  EXPECT_TRUE((*node)->can_send(second, to));
  ASSERT_TRUE(say(**node, second, to, "passes"));
  ASSERT_TRUE(arrives(out_, "passes"));
  ASSERT_TRUE(arrives(out_, "waits"));
  EXPECT_TRUE((*node)->can_send(PathId::Udp, to));
  EXPECT_EQ(in_.writable, 1);
}

TEST_F(CarriersTest, ASocketTakenOverIsAPathOfItsOwn) {
  const auto node = Carriers::open(loop_, {at("127.0.0.1:0")}, table_, in_);
  const auto peer = Carriers::open(loop_, {at("127.0.0.1:0")}, far_table_, out_);
  ASSERT_TRUE(node && peer);
  const Endpoint to = (*peer)->bound().front();
  io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto any = io::to_socket_address(*endpoint_from_text("127.0.0.1:0"));
  ASSERT_EQ(::bind(fd.value(), any.get(), any.size), 0);
  const auto taken = (*node)->attach(std::move(fd), path::PathKind::Ice);
  ASSERT_TRUE(taken);
  EXPECT_EQ(table_.at(*taken).kind, path::PathKind::Ice);
  EXPECT_EQ((*node)->bound().size(), 1u);  // nobody is told to call there
  ASSERT_TRUE(say(**node, *taken, to, "by ice"));
  ASSERT_TRUE(arrives(out_, "by ice"));
  EXPECT_EQ(out_.last.from, table_.at(*taken).local);
  ASSERT_TRUE(say(**peer, PathId::Udp, out_.last.from, "to ice"));
  ASSERT_TRUE(arrives(in_, "to ice"));
  EXPECT_EQ(in_.last.path, *taken);
  {
    const path::PathHold hold(table_, *taken);
    (*node)->detach(*taken);
    EXPECT_TRUE(table_.at(*taken).closed);
    EXPECT_FALSE(say(**node, *taken, to, "too late"));
    EXPECT_EQ((*node)->unreachable(), 1u);
  }
  EXPECT_EQ((*node)->attach({}, path::PathKind::Ice).error().code, Errc::Usage);
  EXPECT_EQ(table_.size(), 2u);
}

// What a TCP connection will be: fed by itself, blocked when it says so.
struct OtherCarrier final : Carrier {
  bool send(const Transmit&, ByteView bytes) override {
    sent.emplace_back(text_of(bytes));
    return true;
  }
  [[nodiscard]] bool blocked() const override { return full; }
  std::vector<std::string> sent;
  bool full = false;
};

TEST_F(CarriersTest, ACarrierOfAnotherKindHasItsPlace) {
  const auto node = Carriers::open(loop_, {at("127.0.0.1:0")}, table_, in_);
  ASSERT_TRUE(node);
  EXPECT_EQ((*node)->add({.kind = path::PathKind::Udp}).error().code, Errc::Usage);
  const PathId id = *(*node)->add({.kind = path::PathKind::Tcp, .mtu = 16384});
  const Endpoint far = *endpoint_from_text("192.0.2.1:443");
  EXPECT_FALSE(say(**node, id, far, "not yet connected"));
  auto made = std::make_unique<OtherCarrier>();
  OtherCarrier& carrier = *made;
  (*node)->set(id, std::move(made));
  ASSERT_TRUE(say(**node, id, far, "first"));
  carrier.full = true;
  ASSERT_TRUE(say(**node, id, far, "second"));
  EXPECT_FALSE((*node)->can_send(id, far));
  EXPECT_TRUE((*node)->can_send(PathId::Udp, far));
  carrier.full = false;
  (*node)->sink(id).on_writable();
  EXPECT_TRUE((*node)->can_send(id, far));
  EXPECT_EQ(carrier.sent, (std::vector<std::string>{"first", "second"}));
  (*node)->sink(id).on_datagram({PathId::Udp, {}, far, Ecn::NotEct, bytes_of("answer")});
  EXPECT_TRUE(in_.texts.contains("answer"));
  EXPECT_EQ(in_.last.path, id);
}

TEST_F(CarriersTest, NoneOrNineAreRefusedAndOneTakenTakesAll) {
  EXPECT_EQ(Carriers::open(loop_, {}, table_, in_).error().code, Errc::Usage);
  EXPECT_EQ(Carriers::open(loop_, std::vector(9, at("127.0.0.1:0")), table_, in_).error().code,
            Errc::Usage);
  const auto first = Carriers::open(loop_, {at("127.0.0.1:0")}, table_, in_);
  auto taken = at("127.0.0.1:0");
  taken.bind = (*first)->bound().front();
  EXPECT_EQ(Carriers::open(loop_, {at("127.0.0.2:0"), taken}, table_, in_).error().code,
            Errc::Busy);
}

}  // namespace
}  // namespace weft::carriers
