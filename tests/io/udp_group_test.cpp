#include "node/io/udp_group.hpp"

#include <gtest/gtest.h>

#include "node/io/clock.hpp"

namespace weft::io {
namespace {

struct Sink final : DatagramSink {
  void on_datagram(const Datagram& datagram) override {
    text = text_of(datagram.payload);
    last = datagram;
    last.payload = {};
  }
  void on_batch_end() override {}
  void on_writable() override {}

  std::string text;
  Datagram last;
};

UdpOptions at(const char* address) {
  UdpOptions options;
  options.bind = *endpoint_from_text(address);
  return options;
}

class UdpGroupTest : public ::testing::Test {
 protected:
  // True if `text` came to `sink` within ten seconds.
  bool arrives(const Sink& sink, const std::string& text) {
    const Instant limit = monotonic_time() + 10s;
    while (sink.text != text && monotonic_time() < limit) loop_.run_for(10ms);
    return sink.text == text;
  }
  static bool say(UdpGroup& from, PathId path, const Endpoint& to, const std::string& text) {
    return from.send({path, to, text.size(), 0, Ecn::NotEct}, bytes_of(text));
  }

  EventLoop loop_;
  Sink in_;
  Sink out_;
};

TEST_F(UdpGroupTest, AnAnswerLeavesByTheAddressThatWasSpokenTo) {
  const auto node = UdpGroup::open(loop_, {at("127.0.0.1:0"), at("127.0.0.2:0")}, in_);
  const auto peer = UdpGroup::open(loop_, {at("127.0.0.1:0")}, out_);
  ASSERT_TRUE(node && peer);
  const auto bound = (*node)->bound();
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string question = "question " + std::to_string(i);
    const std::string answer = "answer " + std::to_string(i);
    ASSERT_TRUE(say(**peer, PathId::Udp, bound[i], question));
    ASSERT_TRUE(arrives(in_, question));
    EXPECT_EQ(in_.last.path, PathId{static_cast<std::uint32_t>(i)});
    ASSERT_TRUE(say(**node, in_.last.path, in_.last.from, answer));
    ASSERT_TRUE(arrives(out_, answer));
    EXPECT_EQ(out_.last.from, bound[i]);
  }
}

TEST_F(UdpGroupTest, WhoDialsLeavesByTheFirstSocketThatReachesAndIsAnsweredOnTheSamePath) {
  const auto v6 = UdpGroup::open(loop_, {at("[::1]:0")}, out_);
  if (!v6) GTEST_SKIP() << "no IPv6 in this kernel";
  const auto v4 = UdpGroup::open(loop_, {at("127.0.0.1:0")}, out_);
  const auto node = UdpGroup::open(loop_, {at("0.0.0.0:0"), at("[::]:0")}, in_);
  ASSERT_TRUE(node && v4);
  for (UdpGroup* far : {v4->get(), v6->get()}) {
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

TEST_F(UdpGroupTest, BothFamiliesMayShareAPort) {
  auto v4 = UdpGroup::open(loop_, {at("0.0.0.0:0")}, out_);
  ASSERT_TRUE(v4);
  const std::string port = std::to_string((*v4)->port());
  v4->reset();
  const auto v6 = at(("[::]:" + port).c_str());
  const auto both = UdpGroup::open(loop_, {at(("0.0.0.0:" + port).c_str()), v6}, in_);
  if (!both && both.error().code == Errc::NotFound) GTEST_SKIP() << "no IPv6 in this kernel";
  ASSERT_TRUE(both) << both.error().detail;
}

TEST_F(UdpGroupTest, WhatNoSocketReachesIsDroppedAndSaid) {
  const auto node = UdpGroup::open(loop_, {at("127.0.0.1:0"), at("127.0.0.2:0")}, in_);
  ASSERT_TRUE(node);
  EXPECT_FALSE(say(**node, PathId::Udp, *endpoint_from_text("192.0.2.1:9"), "x"));
  EXPECT_FALSE(say(**node, PathId::Udp, *endpoint_from_text("[2001:db8::1]:9"), "x"));
  EXPECT_FALSE(say(**node, PathId{7}, (*node)->bound().front(), "x"));
}

TEST_F(UdpGroupTest, NoneOrNineAreRefusedAndOneTakenTakesAll) {
  EXPECT_EQ(UdpGroup::open(loop_, {}, in_).error().code, Errc::Usage);
  EXPECT_EQ(UdpGroup::open(loop_, std::vector(9, at("127.0.0.1:0")), in_).error().code,
            Errc::Usage);
  const auto first = UdpGroup::open(loop_, {at("127.0.0.1:0")}, in_);
  auto taken = at("127.0.0.1:0");
  taken.bind = (*first)->bound().front();
  EXPECT_EQ(UdpGroup::open(loop_, {at("127.0.0.2:0"), taken}, in_).error().code, Errc::Busy);
}

}  // namespace
}  // namespace weft::io
