#include "node/carriers/udp_carrier.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <map>

#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"

namespace weft::carriers {
namespace {

struct Sink final : DatagramSink {
  void on_datagram(const Datagram& datagram) override {
    for_each_datagram(datagram,
                      [this](const Datagram& one) { received.push_back(to_bytes(one.payload)); });
    if (datagram.is_run()) ++runs;
    last = datagram;
    last.payload = {};
  }
  void on_batch_end() override { ++batches; }
  void on_writable() override { ++writable; }
  void on_too_large(const Transmit& transmit, std::size_t size) override {
    too_large.push_back(size);
    last_refused = transmit;
  }

  std::vector<Bytes> received;
  Datagram last;
  int batches = 0;
  int runs = 0;
  int writable = 0;
  std::vector<std::size_t> too_large;
  Transmit last_refused;
};

Bytes pattern(std::size_t size, std::uint8_t salt = 0) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8) + salt);
  return out;
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const auto& part : parts) append(out, part);
  return out;
}

class UdpCarrierTest : public ::testing::Test {
 protected:
  static UdpOptions loopback() {
    UdpOptions options;
    options.bind = *endpoint_from_text("127.0.0.1:0");
    return options;
  }
  std::unique_ptr<UdpCarrier> open(const UdpOptions& options, Sink& sink) {
    auto driver = UdpCarrier::open(loop_, options, sink);
    EXPECT_TRUE(driver) << (driver ? "" : driver.error().detail);
    return driver ? std::move(*driver) : nullptr;
  }
  // Turns the loop until `done`, at most ten seconds.
  template <class Done>
  bool turn_until(Done done) {
    const Instant limit = io::monotonic_time() + 10s;
    while (!done() && io::monotonic_time() < limit) loop_.run_for(10ms);
    return done();
  }
  // Sends `bytes` in segments from one driver to another and expects them back in order.
  void expect_carried(const UdpOptions& from, const UdpOptions& to, std::size_t size,
                      std::size_t segment) {
    receiver_ = open(to, in_);
    sender_ = open(from, out_);
    ASSERT_TRUE(receiver_ && sender_);
    const Bytes bytes = pattern(size);
    Transmit transmit{PathId::Udp, receiver_->local(), size, segment, Ecn::Ect0};
    ASSERT_TRUE(sender_->send(transmit, bytes));
    const std::size_t count = (size + segment - 1) / segment;
    ASSERT_TRUE(turn_until([&] { return in_.received.size() >= count; }));
    ASSERT_EQ(in_.received.size(), count);
    for (std::size_t i = 0; i + 1 < count; ++i) EXPECT_EQ(in_.received[i].size(), segment);
    EXPECT_EQ(joined(in_.received), bytes);
    EXPECT_EQ(in_.last.from, sender_->local());
    EXPECT_EQ(in_.last.ecn, Ecn::Ect0);
    EXPECT_EQ(receiver_->counters().rx_datagrams, count);
    EXPECT_EQ(sender_->counters().tx_datagrams, count);
    EXPECT_EQ(sender_->counters().tx_bytes, size);
    EXPECT_GE(in_.batches, 1);
  }

  io::EventLoop loop_;
  Sink in_;
  Sink out_;
  std::unique_ptr<UdpCarrier> receiver_;
  std::unique_ptr<UdpCarrier> sender_;
};

TEST_F(UdpCarrierTest, CarriesASegmentedBatchWithGsoAndGro) {
  expect_carried(loopback(), loopback(), 1200 * 40 + 17, 1200);
  if (sender_->gso_active()) {
    EXPECT_EQ(sender_->counters().tx_calls, 1u);
  }
  if (sender_->gso_active() && receiver_->gro_active()) {
    EXPECT_EQ(receiver_->counters().rx_coalesced, 41u);
    EXPECT_EQ(in_.runs, 1);  // as it came: nobody has cut it
  }
}

// All of 127/8 is this machine's: a second address needs no rights.
TEST_F(UdpCarrierTest, LeavesFromTheAddressNamed) {
  for (const bool gso : {true, false}) {
    UdpOptions any;
    any.bind = *endpoint_from_text("[::]:0");
    any.gso = gso;
    sender_ = open(any, out_);
    receiver_ = open(loopback(), in_);
    ASSERT_TRUE(sender_ && receiver_);
    const Bytes bytes = pattern(1200 * 10);
    Transmit transmit{PathId::Udp, receiver_->local(), bytes.size(), 1200, Ecn::Ect0};
    transmit.local = Endpoint::v4(0x7f000021, 0);
    in_ = {};
    ASSERT_TRUE(sender_->send(transmit, bytes));
    ASSERT_TRUE(turn_until([&] { return in_.received.size() >= 10; }));
    EXPECT_EQ(in_.last.from, Endpoint::v4(0x7f000021, sender_->local().port));
    EXPECT_EQ(in_.last.ecn, Ecn::Ect0);
    EXPECT_EQ(joined(in_.received), bytes);
    EXPECT_EQ(sender_->gso_active(), gso && sender_->counters().tx_segmented > 0);
  }
}

TEST_F(UdpCarrierTest, LeavesFromAnyWhenTheAddressNamedIsGone) {
  for (const bool gso : {true, false}) {
    UdpOptions any;
    any.bind = *endpoint_from_text("[::]:0");
    any.gso = gso;
    sender_ = open(any, out_);
    receiver_ = open(loopback(), in_);
    ASSERT_TRUE(sender_ && receiver_);
    const Bytes bytes = pattern(1200 * 10);
    Transmit transmit{PathId::Udp, receiver_->local(), bytes.size(), 1200, Ecn::NotEct};
    transmit.local = Endpoint::v4(0xc6336407, 0);  // 198.51.100.7, nobody's
    in_ = {};
    ASSERT_TRUE(sender_->send(transmit, bytes));
    ASSERT_TRUE(turn_until([&] { return in_.received.size() >= 10; }));
    EXPECT_EQ(joined(in_.received), bytes);
    EXPECT_EQ(sender_->counters().tx_errors, 0u);
    EXPECT_EQ(sender_->gso_active(), gso && sender_->counters().tx_segmented > 0);
  }
}

TEST_F(UdpCarrierTest, CarriesItWithoutGro) {
  UdpOptions to = loopback();
  to.gro = false;
  expect_carried(loopback(), to, 1200 * 40 + 17, 1200);
  EXPECT_EQ(receiver_->counters().rx_coalesced, 0u);
  EXPECT_EQ(in_.runs, 0);
}

TEST_F(UdpCarrierTest, CarriesItWithoutGso) {
  UdpOptions from = loopback();
  from.gso = false;
  expect_carried(from, loopback(), 1200 * 40 + 17, 1200);
  EXPECT_EQ(sender_->counters().tx_segmented, 0u);
  EXPECT_EQ(sender_->counters().tx_calls, 1u);  // one sendmmsg
}

TEST_F(UdpCarrierTest, CarriesItWithNeither) {
  UdpOptions both = loopback();
  both.gso = both.gro = false;
  expect_carried(both, both, 1200 * 40 + 17, 1200);
}

TEST_F(UdpCarrierTest, SplitsABatchOverTheKernelsSegmentLimit) {
  expect_carried(loopback(), loopback(), 100 * 200 + 1, 100);
}

TEST_F(UdpCarrierTest, AKernelThatRefusesGsoIsNoticedAndTheBatchStillArrives) {
  for (const int refusal : {EIO, EINVAL}) {
    UdpOptions from = loopback();
    from.faults.gso_errno = refusal;
    in_ = {};
    expect_carried(from, loopback(), 1200 * 10, 1200);
    EXPECT_EQ(sender_->counters().gso_refused, 1u);
    EXPECT_FALSE(sender_->gso_active());
  }
}

TEST_F(UdpCarrierTest, ABatchOverTheMtuIsNoReasonToGiveUpGso) {
  UdpOptions from = loopback();
  from.faults.gso_errno = EMSGSIZE;
  expect_carried(from, loopback(), 1200 * 10, 1200);
  EXPECT_EQ(sender_->counters().gso_refused, 1u);
}

TEST_F(UdpCarrierTest, DualStackServesBothFamiliesAndTellsTheLocalAddress) {
  receiver_ = open({}, in_);
  ASSERT_TRUE(receiver_);
  if (!receiver_->dual_stack()) GTEST_SKIP() << "no IPv6 in this kernel";
  const auto port = receiver_->local().port;
  const Bytes hello = pattern(64);
  for (const std::string_view host : {"127.0.0.1", "[::1]"}) {
    Sink replies;
    auto peer = open({}, replies);
    ASSERT_TRUE(peer);
    in_ = {};
    const auto to = *endpoint_from_text(std::string(host) + ":" + std::to_string(port));
    peer->send({PathId::Udp, to, hello.size(), 0, Ecn::Ect1}, hello);
    if (peer->counters().tx_errors > 0) GTEST_SKIP() << "no route to " << host;
    ASSERT_TRUE(turn_until([&] { return !in_.received.empty(); }));
    EXPECT_EQ(in_.received[0], hello);
    EXPECT_EQ(in_.last.ecn, Ecn::Ect1) << host;
    EXPECT_EQ(in_.last.local.address, to.address) << host;
    EXPECT_TRUE(in_.last.from.is_loopback());
    // And back to where it came from.
    receiver_->send({PathId::Udp, in_.last.from, hello.size(), 0, Ecn::NotEct}, hello);
    ASSERT_TRUE(turn_until([&] { return !replies.received.empty(); }));
    EXPECT_EQ(replies.last.from, to);
  }
}

TEST_F(UdpCarrierTest, FallsBackToIpv4WhereIpv6IsNotWanted) {
  UdpOptions v4 = loopback();
  v4.ipv6 = false;
  expect_carried(v4, v4, 1200 * 4, 1200);
  EXPECT_FALSE(sender_->dual_stack());
  EXPECT_EQ(in_.last.local.address, endpoint_from_text("127.0.0.1:0")->address);
  const Bytes byte(1);
  sender_->send({PathId::Udp, *endpoint_from_text("[::1]:9"), 1, 0, Ecn::NotEct}, byte);
  EXPECT_EQ(sender_->counters().tx_errors, 1u);
}

TEST_F(UdpCarrierTest, AFullKernelBufferKeepsTheRestInOrderAndReportsWritable) {
  UdpOptions from = loopback();
  from.gso = false;
  from.faults.full_after = 0;
  receiver_ = open(loopback(), in_);
  sender_ = open(from, out_);
  const Bytes first = pattern(1000 * 8, 1);
  const Bytes second = pattern(500, 2);
  EXPECT_FALSE(sender_->blocked());
  EXPECT_TRUE(sender_->send({PathId::Udp, receiver_->local(), first.size(), 1000, {}}, first));
  EXPECT_TRUE(sender_->blocked());
  EXPECT_TRUE(sender_->send({PathId::Udp, receiver_->local(), second.size(), 0, {}}, second));
  ASSERT_TRUE(turn_until([&] { return in_.received.size() >= 9; }));
  Bytes expected = first;
  append(expected, second);
  EXPECT_EQ(joined(in_.received), expected);
  EXPECT_EQ(out_.writable, 1);
  EXPECT_FALSE(sender_->blocked());
  EXPECT_EQ(sender_->counters().tx_blocked, 1u);
  EXPECT_EQ(sender_->counters().tx_dropped, 0u);
}

TEST_F(UdpCarrierTest, PendingBytesAreBoundedAndDropsCounted) {
  UdpOptions from = loopback();
  from.faults.full_after = 0;
  receiver_ = open(loopback(), in_);
  sender_ = open(from, out_);
  const Bytes batch = pattern(64000);
  const Transmit transmit{PathId::Udp, receiver_->local(), batch.size(), 1000, {}};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(sender_->send(transmit, batch));
  EXPECT_FALSE(sender_->send(transmit, batch));
  EXPECT_EQ(sender_->counters().tx_dropped, 64u);
}

TEST_F(UdpCarrierTest, DatagramsOverThePathMtuAreCountedNotFragmented) {
  receiver_ = open(loopback(), in_);
  sender_ = open(loopback(), out_);
  const Bytes huge = pattern(65530);  // over 65,507: no path carries it
  EXPECT_TRUE(sender_->send({PathId::Udp, receiver_->local(), huge.size(), 0, {}}, huge));
  EXPECT_EQ(sender_->counters().tx_too_big, 1u);
  ASSERT_EQ(out_.too_large.size(), 1u);
  EXPECT_EQ(out_.too_large[0], huge.size());
  EXPECT_EQ(out_.last_refused.to, receiver_->local());
  const Bytes fine = pattern(1200);
  EXPECT_TRUE(sender_->send({PathId::Udp, receiver_->local(), fine.size(), 0, {}}, fine));
  ASSERT_TRUE(turn_until([&] { return !in_.received.empty(); }));
  EXPECT_EQ(in_.received[0], fine);
}

TEST_F(UdpCarrierTest, OneWakeUpTakesAShareAndTheRestFollows) {
  UdpOptions to = loopback();
  to.gro = false;
  to.receive_bytes_per_wakeup = 1;
  receiver_ = open(to, in_);
  sender_ = open(loopback(), out_);
  const Bytes batch = pattern(200 * 60);
  const Transmit transmit{PathId::Udp, receiver_->local(), batch.size(), 200, {}};
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(sender_->send(transmit, batch));
  ASSERT_TRUE(turn_until([&] { return in_.received.size() >= 300; }));
  EXPECT_GE(in_.batches, 10);  // 300 datagrams, 32 a call
}

TEST_F(UdpCarrierTest, AdoptsABoundSocketAndNothingElse) {
  receiver_ = open(loopback(), in_);
  const auto made = [](int family, int type) {
    return io::UniqueFd(::socket(family, type | SOCK_CLOEXEC, 0));
  };
  io::UniqueFd fd = made(AF_INET, SOCK_DGRAM);
  const auto at = io::to_socket_address(*endpoint_from_text("127.0.0.1:0"));
  ASSERT_EQ(::bind(fd.value(), at.get(), at.size), 0);
  auto adopted = UdpCarrier::adopt(loop_, std::move(fd), {}, out_);
  ASSERT_TRUE(adopted) << adopted.error().detail;
  const Bytes bytes = pattern(1200 * 8);
  ASSERT_TRUE(
      (*adopted)->send({PathId::Udp, receiver_->local(), bytes.size(), 1200, Ecn::Ect0}, bytes));
  ASSERT_TRUE(turn_until([&] { return in_.received.size() >= 8; }));
  EXPECT_EQ(joined(in_.received), bytes);
  EXPECT_EQ(in_.last.from, (*adopted)->local());
  ASSERT_TRUE(receiver_->send({PathId::Udp, in_.last.from, 900, 0, {}}, bytes));
  EXPECT_TRUE(turn_until([&] { return !out_.received.empty(); }));
  for (auto& other :
       {std::pair{AF_INET, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM}, {AF_INET, SOCK_DGRAM}})
    EXPECT_EQ(UdpCarrier::adopt(loop_, made(other.first, other.second), {}, out_).error().code,
              Errc::Usage);
  EXPECT_EQ(UdpCarrier::adopt(loop_, {}, {}, out_).error().code, Errc::Usage);
}

TEST_F(UdpCarrierTest, SaysWhyItCannotOpen) {
  receiver_ = open(loopback(), in_);
  UdpOptions taken = loopback();
  taken.bind.port = receiver_->local().port;
  const auto busy = UdpCarrier::open(loop_, taken, out_);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, Errc::Busy);
  UdpOptions foreign = loopback();
  foreign.bind = *endpoint_from_text("192.0.2.1:0");
  const auto elsewhere = UdpCarrier::open(loop_, foreign, out_);
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, Errc::NotFound);
}

}  // namespace
}  // namespace weft::carriers
