// Datagrams from a client through a door, over a stream's messages, to a target and back.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <set>

#include "node/adapter/udp_door.hpp"
#include "node/io/clock.hpp"
#include "node/io/socket_address.hpp"
#include "tests/adapter/memory_wire.hpp"

namespace weft::adapter {
namespace {

const Endpoint kAny = Endpoint::v4(0x7f000001, 0);
constexpr std::size_t kNear = 0, kFar = 1;

io::UniqueFd bound_socket() {
  io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto at = io::to_socket_address(kAny);
  EXPECT_EQ(::bind(fd.value(), at.get(), at.size), 0);
  return fd;
}
void connect_to(const io::UniqueFd& fd, const Endpoint& to) {
  const auto at = io::to_socket_address(to);
  EXPECT_EQ(::connect(fd.value(), at.get(), at.size), 0);
}
void say(const io::UniqueFd& fd, std::string_view text) {
  EXPECT_EQ(::send(fd.value(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
}
std::optional<std::string> hear(const io::UniqueFd& fd) {
  std::string out(70'000, 0);
  const auto got = ::recv(fd.value(), out.data(), out.size(), MSG_DONTWAIT);
  if (got < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(got));
  return out;
}

class UdpTest : public ::testing::Test, protected FlowOwner {
 protected:
  UdpTest() {
    auto door = UdpDoor::listen(loop_, kAny, IfTaken::Fail, [this](std::unique_ptr<LocalEnd> end) {
      ends_.push_back(std::move(end));
      if (begin_at_once_) begin();
    });
    EXPECT_TRUE(door.has_value());
    door_ = std::move(*door);
    target_ = bound_socket();
  }
  ~UdpTest() override {
    for (auto& flows : flows_) flows.clear();
  }

  // A stream of its own for the last client, and the flow at the other end of it.
  void begin() {
    const StreamKey key{1, 4 * static_cast<std::int64_t>(streams_++)};
    io::UniqueFd to_target = bound_socket();
    connect_to(to_target, io::bound_endpoint(target_.value()));
    flows_[kNear][key] = ends_.back()->begin(ports(kNear), key, *this);
    flows_[kFar][key] = udp_end(std::move(to_target))->begin(ports(kFar), key, *this);
    ends_.pop_back();
    for (const std::size_t side : {kNear, kFar}) {
      wire_.attach(side, key, flows_[side][key].get());
      flows_[side][key]->start();
    }
  }
  FlowPorts ports(std::size_t side) { return {loop_, wire_.side(side), &wire_.messages(side)}; }
  io::UniqueFd client() {
    auto fd = bound_socket();
    connect_to(fd, door_->local());
    return fd;
  }
  void on_flow_done(StreamKey, FlowEnd end) override { ends_seen_.push_back(end); }
  void on_bytes(StreamKey, std::size_t size, Direction) override { bytes_ += size; }

  template <class Done>
  bool turn_until(Done done) {
    const Instant limit = io::monotonic_time() + 20s;
    bool ready = done();
    for (; !ready && io::monotonic_time() < limit; ready = done()) loop_.run_for(2ms);
    return ready;
  }
  std::string wait_for(const io::UniqueFd& fd) {
    std::optional<std::string> got;
    EXPECT_TRUE(turn_until([&] { return (got = hear(fd)).has_value(); }));
    return got.value_or("nothing");
  }
  // The target's answer to whoever spoke last.
  void answer(std::string_view text) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    std::string got(70'000, 0);
    ssize_t length = -1;
    ASSERT_TRUE(turn_until([&] {
      size = sizeof from;
      length = ::recvfrom(target_.value(), got.data(), got.size(), MSG_DONTWAIT,
                          reinterpret_cast<sockaddr*>(&from), &size);
      return length >= 0;
    }));
    last_heard_ = got.substr(0, static_cast<std::size_t>(length));
    EXPECT_EQ(::sendto(target_.value(), text.data(), text.size(), 0,
                       reinterpret_cast<sockaddr*>(&from), size),
              static_cast<ssize_t>(text.size()));
  }

  io::EventLoop loop_;
  MemoryWire wire_{loop_, 256 * 1024};
  std::vector<std::unique_ptr<LocalEnd>> ends_;
  std::array<std::map<StreamKey, std::unique_ptr<Flow>>, 2> flows_;
  std::unique_ptr<Door> door_;
  io::UniqueFd target_;
  bool begin_at_once_ = true;
  std::size_t streams_ = 0;
  std::size_t bytes_ = 0;
  std::string last_heard_;
  std::vector<FlowEnd> ends_seen_;
};

TEST_F(UdpTest, AQuestionGoesOutAndItsAnswerComesBackToWhoAsked) {
  const auto one = client();
  const auto two = client();
  say(one, "who is one?");
  answer("one");
  EXPECT_EQ(last_heard_, "who is one?");
  say(two, "who is two?");
  answer("two");
  EXPECT_EQ(wait_for(one), "one");
  EXPECT_EQ(wait_for(two), "two");
  EXPECT_EQ(streams_, 2U);  // a stream for each client
  say(one, "again");
  answer("");  // an empty datagram is one too
  EXPECT_EQ(wait_for(one), "");
  EXPECT_EQ(streams_, 2U);
  EXPECT_EQ(door_->counters().accepted, 2U);
  EXPECT_EQ(bytes_, 2 * (11U + 11U + 5U + 3U + 3U));  // counted at both ends
}

TEST_F(UdpTest, WhatIsTooLargeForAMessageGoesOverTheStream) {
  wire_.largest_message = 1000;
  const auto one = client();
  std::string large(9000, 'L');
  for (int i = 0; i < 5; ++i) {
    large.front() = static_cast<char>('a' + i);
    say(one, large);
    answer(large + large);
    EXPECT_EQ(last_heard_, large);
    EXPECT_EQ(wait_for(one), large + large);
  }
  const auto& near = *flows_[kNear].begin()->second;
  EXPECT_EQ(near.datagrams()->large, 10U);
  EXPECT_EQ(near.datagrams()->lost, 0U);
}

TEST_F(UdpTest, WhatComesBeforeTheStreamIsThereIsKeptInOrderAndBounded) {
  begin_at_once_ = false;
  const auto one = client();
  for (int i = 0; i < 20; ++i) say(one, std::to_string(i));
  ASSERT_TRUE(turn_until([&] { return !ends_.empty(); }));
  while (loop_.run_for(1ms)) {
  }
  begin();
  std::vector<std::string> heard;
  ASSERT_TRUE(turn_until([&] {
    if (const auto got = hear(target_)) heard.push_back(*got);
    return heard.size() >= UdpDoor::kMaxEarly;
  }));
  EXPECT_EQ(heard.front(), "0");
  EXPECT_EQ(heard.back(), std::to_string(UdpDoor::kMaxEarly - 1));
}

TEST_F(UdpTest, AClientThatIsRefusedMayComeAgain) {
  begin_at_once_ = false;
  const auto one = client();
  say(one, "first");
  ASSERT_TRUE(turn_until([&] { return !ends_.empty(); }));
  ends_.clear();  // refused
  begin_at_once_ = true;
  // Not with the very next datagram: a pause keeps refusals few.
  for (int i = 0; i < 5; ++i) say(one, "too early");
  ASSERT_TRUE(turn_until([&] { return door_->counters().dropped == 5; }));
  ASSERT_EQ(streams_, 0U);
  ASSERT_TRUE(turn_until([&] {
    say(one, "second");
    loop_.run_for(20ms);
    return streams_ == 1U;
  }));
  answer("yes");
  EXPECT_EQ(last_heard_, "second");
  EXPECT_EQ(wait_for(one), "yes");
}

TEST_F(UdpTest, ALostMessageIsLostAndTheNextOneArrives) {
  int left = 1;
  wire_.message_is_lost = [&] { return left-- > 0; };
  const auto one = client();
  say(one, "lost");
  ASSERT_TRUE(turn_until([&] { return left <= 0; }));
  say(one, "found");
  answer("yes");
  EXPECT_EQ(last_heard_, "found");
}

TEST_F(UdpTest, AnEndedStreamEndsBothFlowsAndTheClientBeginsAnew) {
  const auto one = client();
  say(one, "a");
  answer("b");
  EXPECT_EQ(wait_for(one), "b");
  const StreamKey key = flows_[kFar].begin()->first;
  flows_[kFar].erase(key);  // the service's side went: a reset
  wire_.attach(kFar, key, nullptr);
  ASSERT_TRUE(turn_until([&] { return ends_seen_.size() == 1; }));
  EXPECT_EQ(ends_seen_.front(), FlowEnd::StreamReset);
  flows_[kNear].erase(key);
  say(one, "c");
  answer("d");
  EXPECT_EQ(wait_for(one), "d");
  EXPECT_EQ(streams_, 2U);
}

TEST_F(UdpTest, ADoorThatIsGoneTakesNobodyNewAndLeavesItsFlows) {
  const auto one = client();
  say(one, "a");
  answer("b");
  EXPECT_EQ(wait_for(one), "b");
  const auto two = client();
  door_.reset();
  say(two, "x");
  say(one, "c");
  answer("d");
  EXPECT_EQ(last_heard_, "c");
  EXPECT_EQ(wait_for(one), "d");
  EXPECT_EQ(streams_, 1U);
}

// A peer may send what it likes.
TEST_F(UdpTest, FramesOfThePeerThatMakeNoSenseAreSkipped) {
  const auto one = client();
  say(one, "a");
  answer("b");
  EXPECT_EQ(wait_for(one), "b");
  const StreamKey key = flows_[kNear].begin()->first;
  const auto write = [&](const Bytes& bytes) {
    const auto space = wire_.side(kFar).send_space(key);
    ASSERT_GE(space.size(), bytes.size());
    std::ranges::copy(bytes, space.begin());
    wire_.side(kFar).commit(key, bytes.size());
  };
  Bytes longest(2 + 65535, 'x');  // longer than any datagram
  longest[0] = longest[1] = 0xff;
  write(longest);
  write({0, 2, 'o', 'k', 0});
  EXPECT_EQ(wait_for(one), "ok");
  write({3, 'y', 'e', 's'});
  EXPECT_EQ(wait_for(one), "yes");
}

}  // namespace
}  // namespace weft::adapter
