#include "node/adapter/tcp_pump.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/tcp.h>

#include <atomic>
#include <thread>

#include "node/io/clock.hpp"
#include "tests/adapter/memory_wire.hpp"
#include "tests/adapter/socket_pair.hpp"

namespace weft::adapter {
namespace {

constexpr std::size_t kShare = 64 * 1024;  // of a StreamPort that says nothing else

constexpr std::uint64_t kMiB = 1024 * 1024;
#ifdef __SANITIZE_THREAD__
constexpr std::uint64_t kBulk = 4 * kMiB;  // every byte is checked, thirty times slower
#else
constexpr std::uint64_t kBulk = 64 * kMiB;
#endif
constexpr std::size_t kNear = 0;  // the side of the client
constexpr std::size_t kFar = 1;   // the side of the service

void reset_connection(io::UniqueFd fd) {
  const linger now{1, 0};
  ::setsockopt(fd.value(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

// client program <-> pump <-> wire <-> pump <-> service program
class TcpPumpTest : public ::testing::TestWithParam<SocketPair (*)()> {
 protected:
  struct Owner final : FlowOwner {
    Owner(TcpPumpTest& t, std::size_t s) : test(t), side(s) {}
    void on_flow_done(StreamKey key, FlowEnd end) override {
      EXPECT_TRUE(test.ended_[side].emplace(key, end).second) << "done twice";
      test.moved_[side] = test.pumps_[side][key]->counters();
      test.drop(side, key);
    }
    TcpPumpTest& test;
    std::size_t side;
  };
  struct Ends {
    StreamKey key;
    io::UniqueFd client;
    io::UniqueFd service;
  };

  Ends connect(std::size_t window = 256 * 1024) {
    if (!wire_) wire_ = std::make_unique<MemoryWire>(loop_, window);
    const StreamKey key{1, next_stream_++ * 4};
    Ends out{key, add(kNear, key), add(kFar, key)};
    for (auto& pumps : pumps_) pumps[key]->start();
    return out;
  }
  io::UniqueFd add(std::size_t side, StreamKey key) {
    SocketPair pair = GetParam()();
    auto& pump = pumps_[side][key];
    pump = std::make_unique<TcpPump>(loop_, wire_->side(side), key, std::move(pair.near),
                                     owners_[side]);
    wire_->attach(side, key, pump.get());
    return std::move(pair.far);
  }
  void drop(std::size_t side, StreamKey key) {
    wire_->attach(side, key, nullptr);
    pumps_[side].erase(key);
  }
  template <class Done>
  bool turn_until(Done done) {
    const Instant limit = io::monotonic_time() + 60s;
    while (!done() && io::monotonic_time() < limit) loop_.run_for(5ms);
    return done();
  }
  bool turn_until_both_ended(StreamKey key) {
    return turn_until([&] { return ended_[kNear].contains(key) && ended_[kFar].contains(key); });
  }
  // Reads `fd` on a thread of its own while the loop turns.
  ReadReport read_while_turning(int fd, std::uint64_t salt) {
    std::atomic<bool> done = false;
    ReadReport report;
    std::jthread reader([&] {
      report = read_stream(fd, salt);
      done = true;
    });
    EXPECT_TRUE(turn_until([&] { return done.load(); }));
    reader.join();
    return report;
  }

  io::EventLoop loop_;
  std::unique_ptr<MemoryWire> wire_;
  std::array<Owner, 2> owners_{Owner(*this, kNear), Owner(*this, kFar)};
  std::array<std::map<StreamKey, std::unique_ptr<TcpPump>>, 2> pumps_;
  std::array<std::map<StreamKey, FlowEnd>, 2> ended_;
  std::array<FlowCounters, 2> moved_;
  std::int64_t next_stream_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Sockets, TcpPumpTest, ::testing::Values(&tcp_pair, &unix_pair),
                         [](const auto& pair) { return pair.index == 0 ? "Tcp" : "Unix"; });

TEST_P(TcpPumpTest, CarriesBulkBothWaysAtOnceAndEndsClean) {
  constexpr std::uint64_t kSize = kBulk;
  Ends ends = connect();
  std::atomic<int> running = 4;
  std::array<ReadReport, 2> reports;
  std::vector<std::jthread> programs;
  for (const std::size_t side : {kNear, kFar}) {
    const int fd = side == kNear ? ends.client.value() : ends.service.value();
    programs.emplace_back([&, fd, side] {
      EXPECT_TRUE(write_stream(fd, kSize, side));
      ::shutdown(fd, SHUT_WR);
      --running;
    });
    programs.emplace_back([&, fd, side] {
      reports[side] = read_stream(fd, 1 - side);
      --running;
    });
  }
  ASSERT_TRUE(turn_until([&] { return running == 0; }));
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  for (const std::size_t side : {kNear, kFar}) {
    EXPECT_EQ(reports[side].size, kSize);
    EXPECT_TRUE(reports[side].correct);
    EXPECT_EQ(reports[side].error, 0);
    EXPECT_EQ(ended_[side][ends.key], FlowEnd::Clean);
    EXPECT_EQ(moved_[side].to_stream, kSize);
    EXPECT_EQ(moved_[side].from_stream, kSize);
  }
}

TEST_P(TcpPumpTest, AVanishedProgramIsProbedFor) {
  SocketPair pair = GetParam()();
  const io::UniqueFd same(::dup(pair.near.value()));
  int family = 0, on = 0, idle = 0, between = 0, probes = 0;
  socklen_t size = sizeof(int);
  ::getsockopt(same.value(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  if (family == AF_UNIX) GTEST_SKIP() << "the kernel tells of these";
  int of_system = 0;
  ::getsockopt(same.value(), IPPROTO_TCP, TCP_KEEPIDLE, &of_system, &size);
  wire_ = std::make_unique<MemoryWire>(loop_, 1024);
  const TcpPump pump(loop_, wire_->side(kNear), {1, 0}, std::move(pair.near), owners_[kNear]);
  ::getsockopt(same.value(), SOL_SOCKET, SO_KEEPALIVE, &on, &size);
  ::getsockopt(same.value(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size);
  ::getsockopt(same.value(), IPPROTO_TCP, TCP_KEEPINTVL, &between, &size);
  ::getsockopt(same.value(), IPPROTO_TCP, TCP_KEEPCNT, &probes, &size);
  EXPECT_EQ(on, 1);
  if (of_system != 7200) {  // the administrator's word holds
    EXPECT_EQ(idle, of_system);
    return;
  }
  EXPECT_EQ(idle, 15);
  EXPECT_EQ(between, 15);
  EXPECT_EQ(probes, 4);
}

TEST_P(TcpPumpTest, AnEndedInputLeavesTheOtherDirectionOpen) {
  Ends ends = connect();
  ASSERT_TRUE(write_stream(ends.client.value(), 1000, 1));
  ::shutdown(ends.client.value(), SHUT_WR);
  const ReadReport request = read_while_turning(ends.service.value(), 1);
  EXPECT_EQ(request.size, 1000u);
  EXPECT_TRUE(request.correct);
  EXPECT_TRUE(ended_[kNear].empty());
  // The answer comes after the request has ended.
  ASSERT_TRUE(write_stream(ends.service.value(), 5000, 2));
  ends.service.reset();
  const ReadReport answer = read_while_turning(ends.client.value(), 2);
  EXPECT_EQ(answer.size, 5000u);
  EXPECT_TRUE(answer.correct);
  EXPECT_EQ(answer.error, 0);
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::Clean);
  EXPECT_EQ(ended_[kFar][ends.key], FlowEnd::Clean);
  EXPECT_EQ(wire_->resets(kNear) + wire_->resets(kFar), 0u);
}

TEST_P(TcpPumpTest, ASlowReaderStopsTheWriterWithinTheWindow) {
  constexpr std::size_t kWindow = 64 * 1024;
  Ends ends = connect(kWindow);
  std::atomic<bool> written = false;
  std::jthread writer([&, fd = ends.client.value()] {
    EXPECT_TRUE(write_stream(fd, 32 * kMiB, 3));
    ::shutdown(fd, SHUT_WR);
    written = true;
  });
  // Until the service's socket is full and the window behind it too.
  ASSERT_TRUE(turn_until([&] { return wire_->backlog(kFar, ends.key) == kWindow; }));
  while (loop_.run_for(5ms)) {
  }
  EXPECT_FALSE(written);
  const auto& stuck = *pumps_[kNear][ends.key];
  const std::uint64_t taken = stuck.counters().to_stream;
  EXPECT_LT(taken, 32 * kMiB);
  // Nothing is held between the sockets but what the window holds.
  EXPECT_EQ(taken, pumps_[kFar][ends.key]->counters().from_stream + wire_->backlog(kFar, ends.key));
  const ReadReport report = read_while_turning(ends.service.value(), 3);
  writer.join();
  EXPECT_EQ(report.size, 32 * kMiB);
  EXPECT_TRUE(report.correct);
  EXPECT_EQ(wire_->largest_backlog(), kWindow);
}

// Nobody reads at the far side, so this one reads nothing either; yet it hears of the end.
TEST_P(TcpPumpTest, AResetIsNoticedWhileTheStreamIsFull) {
  if (GetParam() != &tcp_pair) GTEST_SKIP() << "unix sockets know no reset";
  constexpr std::size_t kWindow = 64 * 1024;
  Ends ends = connect(kWindow);
  const Bytes block(4096, 'x');
  ASSERT_TRUE(turn_until([&] {
    static_cast<void>(::send(ends.client.value(), block.data(), block.size(), MSG_DONTWAIT));
    return wire_->backlog(kFar, ends.key) == kWindow;
  }));
  reset_connection(std::move(ends.client));
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::LocalReset);
  EXPECT_EQ(ended_[kFar][ends.key], FlowEnd::StreamReset);
}

TEST_P(TcpPumpTest, AProgramThatLeftWhileTheStreamWasFullIsHeardOut) {
  constexpr std::size_t kWindow = 64 * 1024;
  Ends ends = connect(kWindow);
  std::uint64_t written = 0;
  Bytes block(4096);
  const auto push = [&] {
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = stream_byte(written + i, 6);
    const auto sent =
        ::send(ends.client.value(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) written += static_cast<std::uint64_t>(sent);
    return sent > 0;
  };
  ASSERT_TRUE(turn_until([&] { return !push() && wire_->backlog(kFar, ends.key) == kWindow; }));
  while (push()) {
  }
  ends.client.reset();  // in order: what it wrote counts
  while (loop_.run_for(5ms)) {
  }
  const ReadReport report = read_while_turning(ends.service.value(), 6);
  EXPECT_EQ(report.size, written);
  EXPECT_TRUE(report.correct);
  ends.service.reset();
  ASSERT_TRUE(turn_until_both_ended(ends.key));
}

TEST_P(TcpPumpTest, AResetOfTheStreamResetsTheLocalProgram) {
  Ends ends = connect();
  wire_->side(kFar).reset(ends.key, 77);
  const ReadReport report = read_while_turning(ends.client.value(), 0);
  if (GetParam() == &tcp_pair) {
    EXPECT_EQ(report.error, ECONNRESET);
  }
  ASSERT_TRUE(turn_until([&] { return ended_[kNear].contains(ends.key); }));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::StreamReset);
  EXPECT_EQ(wire_->resets(kNear), 0u);  // a reset is not answered by another
}

TEST_P(TcpPumpTest, BytesGivenToStartGoFirst) {
  constexpr std::size_t kWindow = 4096;  // smaller than the prefix: it waits for room
  wire_ = std::make_unique<MemoryWire>(loop_, kWindow);
  const StreamKey key{1, 0};
  Ends ends{key, add(kNear, key), add(kFar, key)};
  Bytes prefix(10000);
  for (std::size_t i = 0; i < prefix.size(); ++i) prefix[i] = stream_byte(i, 5);
  pumps_[kFar][key]->start();
  pumps_[kNear][key]->start(prefix);
  Bytes rest(500);
  for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = stream_byte(prefix.size() + i, 5);
  ASSERT_EQ(::send(ends.client.value(), rest.data(), rest.size(), 0), 500);
  ::shutdown(ends.client.value(), SHUT_WR);
  const ReadReport report = read_while_turning(ends.service.value(), 5);
  EXPECT_EQ(report.size, 10500u);
  EXPECT_TRUE(report.correct);
}

TEST_P(TcpPumpTest, AStreamThatIsLostResetsTheLocalProgram) {
  Ends ends = connect();
  pumps_[kNear][ends.key]->on_stream_closed();
  ASSERT_TRUE(turn_until([&] { return ended_[kNear].contains(ends.key); }));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::StreamLost);
}

TEST_P(TcpPumpTest, WhatAClosedStreamStillHoldsIsDelivered) {
  constexpr std::uint64_t kSize = 16 * kMiB;
  Ends ends = connect(kSize);
  // Both directions of the stream end while the service's socket is still full.
  std::atomic<bool> written = false;
  std::jthread writer([&, fd = ends.client.value()] {
    EXPECT_TRUE(write_stream(fd, kSize, 4));
    ::shutdown(fd, SHUT_WR);
    written = true;
  });
  ::shutdown(ends.service.value(), SHUT_WR);
  ASSERT_TRUE(turn_until([&] { return written && ended_[kNear].contains(ends.key); }));
  ASSERT_GT(wire_->backlog(kFar, ends.key), 0u);
  pumps_[kFar][ends.key]->on_stream_closed();
  const ReadReport report = read_while_turning(ends.service.value(), 4);
  EXPECT_EQ(report.size, kSize);
  EXPECT_TRUE(report.correct);
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(ended_[kFar][ends.key], FlowEnd::Clean);
}

TEST_P(TcpPumpTest, TellsADialogueFromABulkTransfer) {
  Ends ends = connect();
  const TcpPump& far = *pumps_[kFar][ends.key];
  std::uint64_t carried = 0;
  const auto carry = [&](std::size_t size, int times) {
    Bytes block(size, 'k');
    for (int i = 0; i < times; ++i) {
      carried += size;
      ASSERT_EQ(::send(ends.client.value(), block.data(), size, MSG_NOSIGNAL),
                static_cast<ssize_t>(size));
      ASSERT_TRUE(turn_until([&] { return far.counters().from_stream == carried; }));
      ASSERT_EQ(::recv(ends.service.value(), block.data(), size, MSG_WAITALL),
                static_cast<ssize_t>(size));
    }
  };
  carry(10, 3);
  EXPECT_EQ(wire_->dialogues(kNear), 3u);
  carry(32 * 1024, 3);
  carry(10, 3);  // its last bytes, or a report of it
  EXPECT_EQ(wire_->dialogues(kNear), 3u);
  carry(10, 40);  // a terminal again
  EXPECT_GT(wire_->dialogues(kNear), 13u);
}

TEST_P(TcpPumpTest, AStreamThatEndsWithItsTurnsShareEndsClean) {
  Ends ends = connect(kShare);
  const int large = 4 << 20;  // the socket takes the whole share at once
  ::setsockopt(ends.service.value(), SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
  ::shutdown(ends.service.value(), SHUT_WR);
  ASSERT_TRUE(turn_until([&] { return wire_->side(kNear).read_finished(ends.key); }));
  // One share of bytes and the end, as a peer that has both in its last packets.
  StreamPort& peer = wire_->side(kNear);
  const MutableByteView space = peer.send_space(ends.key);
  ASSERT_EQ(space.size(), kShare);
  for (std::size_t i = 0; i < space.size(); ++i) space[i] = stream_byte(i, 9);
  peer.commit(ends.key, space.size());
  peer.finish(ends.key);
  pumps_[kFar][ends.key]->on_stream_readable();
  TcpPump& pump = *pumps_[kFar][ends.key];
  if (pump.counters().from_stream == kShare) pump.on_stream_closed();
  const ReadReport report = read_while_turning(ends.service.value(), 9);
  EXPECT_EQ(report.size, kShare);
  EXPECT_TRUE(report.correct);
  EXPECT_EQ(report.error, 0);
  ASSERT_TRUE(turn_until([&] { return ended_[kFar].contains(ends.key); }));
  EXPECT_EQ(ended_[kFar][ends.key], FlowEnd::Clean);
}

TEST_P(TcpPumpTest, DestroyingIsSafeAtAnyTime) {
  for (int turns = 0; turns < 12; ++turns) {
    Ends ends = connect();
    ASSERT_TRUE(write_stream(ends.client.value(), 3000, 1));
    if (turns % 3 == 1) ::shutdown(ends.client.value(), SHUT_WR);
    if (turns % 3 == 2) ends.service.reset();
    for (int i = 0; i < turns; ++i) loop_.run_for(0ms);
    drop(kNear, ends.key);
    for (int i = 0; i < turns; ++i) loop_.run_for(0ms);
    drop(kFar, ends.key);
    ends.client.reset();
  }
  while (loop_.run_for(1ms)) {
  }
  SUCCEED();
}

TEST_P(TcpPumpTest, FiveHundredConnectionsAtOnce) {
  constexpr int kConnections = 500;
  std::vector<Ends> all;
  for (int i = 0; i < kConnections; ++i) all.push_back(connect(16 * 1024));
  std::atomic<int> running = 2;
  std::jthread clients([&] {
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_TRUE(write_stream(all[i].client.value(), 20000, i));
      ::shutdown(all[i].client.value(), SHUT_WR);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      const ReadReport answer = read_stream(all[i].client.value(), 1000 + i);
      EXPECT_TRUE(answer.correct && answer.size == 7000 && answer.error == 0) << i;
    }
    --running;
  });
  std::jthread services([&] {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const ReadReport request = read_stream(all[i].service.value(), i);
      EXPECT_TRUE(request.correct && request.size == 20000 && request.error == 0) << i;
      EXPECT_TRUE(write_stream(all[i].service.value(), 7000, 1000 + i));
      ::shutdown(all[i].service.value(), SHUT_WR);
    }
    --running;
  });
  ASSERT_TRUE(turn_until([&] { return running == 0; }));
  ASSERT_TRUE(turn_until(
      [&] { return ended_[kNear].size() == kConnections && ended_[kFar].size() == kConnections; }));
  for (const auto& side : ended_)
    for (const auto& [key, end] : side) EXPECT_EQ(end, FlowEnd::Clean);
}

class TcpPumpLocal : public TcpPumpTest {};
INSTANTIATE_TEST_SUITE_P(Tcp, TcpPumpLocal, ::testing::Values(&tcp_pair));

TEST_P(TcpPumpLocal, AResetOfTheLocalProgramResetsTheStream) {
  Ends ends = connect();
  reset_connection(std::move(ends.client));
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::LocalReset);
  EXPECT_EQ(ended_[kFar][ends.key], FlowEnd::StreamReset);
  EXPECT_EQ(wire_->resets(kNear), 1u);
  EXPECT_EQ(wire_->last_code(), kLocalReset);
  EXPECT_EQ(read_while_turning(ends.service.value(), 0).error, ECONNRESET);
}

TEST_P(TcpPumpLocal, AResetAfterTheInputEndedIsNoticedWithoutTraffic) {
  Ends ends = connect();
  ::shutdown(ends.client.value(), SHUT_WR);
  ASSERT_EQ(read_while_turning(ends.service.value(), 0).error, 0);
  reset_connection(std::move(ends.client));
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::LocalReset);
  EXPECT_EQ(wire_->last_code(), kLocalReset);
}

TEST_P(TcpPumpLocal, AnIdlePumpCostsUnderTwoKiB) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator does not report";
#else
  constexpr std::size_t kPumps = 200;
  wire_ = std::make_unique<MemoryWire>(loop_, 16);
  std::vector<SocketPair> pairs;
  for (std::size_t i = 0; i < kPumps; ++i) pairs.push_back(tcp_pair());
  for (std::size_t i = 0; i < kPumps; ++i) {  // what the wire keeps is not the pump's
    static_cast<void>(wire_->side(kNear).send_space({1, static_cast<std::int64_t>(i)}));
  }
  std::vector<std::unique_ptr<TcpPump>> pumps;
  pumps.reserve(kPumps);
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::size_t i = 0; i < kPumps; ++i) {
    const StreamKey key{1, static_cast<std::int64_t>(i)};
    pumps.push_back(std::make_unique<TcpPump>(loop_, wire_->side(kNear), key,
                                              std::move(pairs[i].near), owners_[kNear]));
    pumps.back()->start();
  }
  const std::size_t each = (::mallinfo2().uordblks - before) / kPumps;
  RecordProperty("bytes_per_pump", static_cast<int>(each));
  EXPECT_GT(each, sizeof(TcpPump));
  EXPECT_LT(each, 2048u);
#endif
}

class TcpPumpUnix : public TcpPumpTest {};
INSTANTIATE_TEST_SUITE_P(Unix, TcpPumpUnix, ::testing::Values(&unix_pair));

TEST_P(TcpPumpUnix, AProgramThatWritesAndLeavesLosesNothing) {
  Ends ends = connect(4096);
  ASSERT_TRUE(write_stream(ends.client.value(), 50000, 6));
  ends.client.reset();
  const ReadReport report = read_while_turning(ends.service.value(), 6);
  EXPECT_EQ(report.size, 50000u);
  EXPECT_TRUE(report.correct);
  EXPECT_EQ(report.error, 0);
  ASSERT_TRUE(write_stream(ends.service.value(), 100000, 7));  // nobody is there to read it
  ends.service.reset();
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(wire_->resets(kNear), 0u);
}

TEST_P(TcpPumpUnix, WhatIsThrownAwayIsBounded) {
  Ends ends = connect();
  ends.client.reset();
  ASSERT_EQ(read_while_turning(ends.service.value(), 0).error, 0);
  std::jthread service([fd = ends.service.value()] {
    EXPECT_FALSE(write_stream(fd, 64 * kMiB, 8));  // stopped by the reset
  });
  ASSERT_TRUE(turn_until_both_ended(ends.key));
  EXPECT_EQ(ended_[kNear][ends.key], FlowEnd::LocalReset);
}

}  // namespace
}  // namespace weft::adapter
