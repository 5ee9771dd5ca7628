// The gateway alone: clients, streams and flows are fakes, so that each order of events can be had.
#include "node/gateway.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <map>
#include <set>

#include "node/io/clock.hpp"
#include "tests/harness/temporary_folder.hpp"

namespace weft::node {
namespace {

using adapter::Direction;
using overlay::StreamKey;

constexpr NodeId kOak{{1}};
constexpr NodeId kElm{{2}};
constexpr NetworkId kHome{{3}};
constexpr NetworkId kWork{{4}};

// Everything that the gateway asked for, in order.
struct FakePort final : ServicePort, adapter::StreamPort, adapter::MessagePort {
  std::vector<std::string> asked;
  std::set<StreamKey> gated;
  overlay::CommandId last = 0;

  overlay::CommandId connect_door(std::uint64_t door) override {
    asked.push_back("door " + std::to_string(door));
    return ++last;
  }
  overlay::CommandId connect(const std::string& service, const std::string& node,
                             Duration) override {
    asked.push_back("connect " + service + "@" + node);
    return ++last;
  }
  void cancel_connect(overlay::CommandId id) override {
    asked.push_back("cancel " + std::to_string(id));
  }
  void accept(const StreamKey&) override { asked.emplace_back("accept"); }
  void refuse(const StreamKey&, service::OpenStatus status, std::string_view) override {
    asked.push_back("refuse " + std::string(service::name_of(status)));
  }
  void probed(const NetworkId&, const std::string& service, service::Health health,
              std::string_view) override {
    asked.push_back("probed " + service + " " + std::string(service::name_of(health)));
  }
  void gate(const StreamKey& key) override { gated.insert(key); }
  void ungate(const StreamKey& key) override { gated.erase(key); }
  void write(const StreamKey&, ByteView bytes) override {
    asked.push_back("write " + std::string(text_of(bytes)));
  }
  adapter::StreamPort& streams() override { return *this; }
  adapter::MessagePort* messages() override { return with_messages ? this : nullptr; }
  Result<void> send_message(adapter::StreamKey, ByteView) override { return {}; }
  bool with_messages = false;
  std::string name_of(const NetworkId& network, const NodeId& member) const override {
    return network == kHome && member == kOak ? "oak" : "";
  }
  std::optional<NetworkId> network_of(std::uint64_t) const override { return kHome; }
  std::optional<FarEnd> far_end(const StreamKey&) const override { return FarEnd{kOak, kHome}; }

  MutableByteView send_space(adapter::StreamKey) override { return {}; }
  void commit(adapter::StreamKey, std::size_t) override {}
  ByteView readable(adapter::StreamKey) override { return {}; }
  bool read_finished(adapter::StreamKey) override { return false; }
  void consume(adapter::StreamKey, std::size_t) override {}
  void finish(adapter::StreamKey) override {}
  void reset(adapter::StreamKey, std::uint64_t) override { asked.emplace_back("reset"); }
};

// One protocol without sockets of its own. Static, because an Adapter is a row of a table.
struct FakeFlow final : adapter::Flow {
  static inline std::map<adapter::StreamKey, FakeFlow*> all;
  FakeFlow(adapter::StreamKey k, adapter::FlowOwner& o) : key(k), owner(o) { all[key] = this; }
  ~FakeFlow() override { all.erase(key); }
  void start(Bytes) override { news += "s"; }
  void on_stream_readable() override { news += "r"; }
  void on_stream_writable() override { news += "w"; }
  void on_stream_reset(std::uint64_t) override { news += "x"; }
  void on_stream_stopped(std::uint64_t) override { news += "y"; }
  void on_stream_closed() override { news += "c"; }
  const adapter::FlowCounters& counters() const override { return sums; }
  void move(std::size_t size, Direction direction) {
    (direction == Direction::ToPeer ? sums.to_stream : sums.from_stream) += size;
    owner.on_bytes(key, size, direction);
  }

  adapter::StreamKey key;
  adapter::FlowOwner& owner;
  adapter::FlowCounters sums;
  std::string news;
};
struct FakeEnd final : adapter::LocalEnd {
  static inline int refused = 0;
  ~FakeEnd() override { refused += begun ? 0 : 1; }
  std::unique_ptr<adapter::Flow> begin(const adapter::FlowPorts&, adapter::StreamKey key,
                                       adapter::FlowOwner& owner) override {
    begun = true;
    return std::make_unique<FakeFlow>(key, owner);
  }
  bool begun = false;
};
struct FakeDoor final : adapter::Door {
  static inline std::map<std::uint16_t, FakeDoor*> all;
  FakeDoor(const Endpoint& e, adapter::OnClient f) : at(e), on_client(std::move(f)) {
    all[at.port] = this;
  }
  ~FakeDoor() override { all.erase(at.port); }
  Endpoint local() const override { return at; }
  const adapter::DoorCounters& counters() const override { return sums; }

  Endpoint at;
  adapter::OnClient on_client;
  adapter::DoorCounters sums;
};
const adapter::Adapter kFake{
    service::Protocol::Tcp,
    [](io::EventLoop&, const Endpoint& at, adapter::IfTaken,
       adapter::OnClient f) -> Result<std::unique_ptr<adapter::Door>> {
      if (FakeDoor::all.contains(at.port)) return fail(Errc::Busy, "taken");
      return std::make_unique<FakeDoor>(at, std::move(f));
    },
    SOCK_STREAM, false,
    [](io::UniqueFd) -> std::unique_ptr<adapter::LocalEnd> { return std::make_unique<FakeEnd>(); }};
const adapter::Adapter* find_fake(service::Protocol protocol) {
  static const adapter::Adapter datagrams{service::Protocol::Udp, kFake.listen, SOCK_DGRAM, true,
                                          kFake.end_of};
  if (protocol == service::Protocol::Udp) return &datagrams;
  return protocol == service::Protocol::Tcp ? &kFake : nullptr;
}

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() { FakeEnd::refused = 0; }

  void open(std::uint64_t id, std::uint16_t port, bool once = false) {
    service::Mapping mapping{id, "blog", kOak, Endpoint::v4(0x7f000001, port), once};
    auto door = gateway_.bind(mapping.protocol, mapping.listen, adapter::IfTaken::Fail);
    ASSERT_TRUE(door.has_value());
    gateway_.install(std::move(*door), mapping);
  }
  static void come(std::uint16_t port) {
    const auto on_client = FakeDoor::all.at(port)->on_client;
    on_client(std::make_unique<FakeEnd>());
  }
  template <class Event>
  bool tell(Event event) {
    overlay::OverlayEvent any = std::move(event);
    return gateway_.handle(any);
  }
  static FakeFlow& flow(const StreamKey& key) {
    return *FakeFlow::all.at({key.session, key.stream});
  }
  // A target that listens, and one that does not.
  std::uint16_t listening_port() {
    listener_ = io::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::listen(listener_.value(), 8), 0);
    sockaddr_in at{};
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(listener_.value(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    return ntohs(at.sin_port);
  }
  overlay::InboundStream inbound(const StreamKey& key, std::uint16_t port,
                                 service::Protocol protocol = service::Protocol::Tcp) {
    service::Target target;
    target.host = "127.0.0.1";
    target.port = port;
    return {key, {"blog", protocol, target}, kElm, "elm"};
  }
  template <class Done>
  bool turn_until(Done done) {
    const Instant limit = io::monotonic_time() + 20s;
    while (!done() && io::monotonic_time() < limit) loop_.run_for(5ms);
    return done();
  }

  io::EventLoop loop_;
  FakePort port_;
  std::vector<std::optional<NetworkId>> told_of_;  // for each event, the network that it names
  Gateway gateway_{loop_, port_,
                   [this](const std::optional<NetworkId>& network, const events::Body&) {
                     told_of_.push_back(network);
                   },
                   find_fake};
  io::UniqueFd listener_;
};

TEST_F(GatewayTest, AClientBecomesAStreamAndItsBytesAreCounted) {
  open(1, 9000);
  come(9000);
  EXPECT_EQ(port_.asked, std::vector<std::string>{"door 1"});
  const StreamKey key{7, 4};
  EXPECT_TRUE(tell(overlay::ConnectReady{1, key}));
  EXPECT_TRUE(port_.gated.contains(key));  // no byte of the far side before its answer
  EXPECT_TRUE(tell(overlay::ConnectAccepted{key}));
  EXPECT_FALSE(port_.gated.contains(key));
  tell(overlay::DataReadable{key});
  tell(overlay::DataWritable{key});
  EXPECT_EQ(flow(key).news, "srw");
  flow(key).move(100, Direction::ToPeer);
  flow(key).move(20, Direction::FromPeer);
  EXPECT_EQ(gateway_.traffic(1).connections, 1U);
  EXPECT_EQ(gateway_.traffic(1).tx_bytes, 100U);
  flow(key).owner.on_flow_done(flow(key).key, adapter::FlowEnd::Clean);
  EXPECT_EQ(gateway_.traffic(1).connections, 0U);
  EXPECT_EQ(gateway_.traffic(1).tx_bytes, 100U);
  EXPECT_EQ(gateway_.traffic(1).rx_bytes, 20U);
  EXPECT_EQ(gateway_.accounts().of_peer(kOak), (Traffic{100, 20, 1}));
  EXPECT_EQ(gateway_.accounts().of_service("blog"), (Traffic{100, 20, 1}));
  EXPECT_EQ(FakeEnd::refused, 0);
}

TEST_F(GatewayTest, WhatHappensIsToldOfTheNetworkWhereItHappened) {
  open(1, 9000);
  come(9000);
  tell(overlay::ConnectFailed{1, {Errc::NoPath, "away"}});
  come(9000);
  const StreamKey ours{7, 4};
  tell(overlay::ConnectReady{2, ours});
  tell(overlay::ConnectRefused{ours, service::OpenStatus::Denied, "no rule"});
  auto foreign = inbound({8, 4}, 1, service::Protocol::Tcp);  // nothing listens at port 1
  foreign.network = kWork;
  tell(foreign);
  EXPECT_TRUE(turn_until([&] { return told_of_.size() == 3; }));
  EXPECT_EQ(told_of_, (std::vector<std::optional<NetworkId>>{kHome, kHome, kWork}));
}

TEST_F(GatewayTest, WhoGetsNoStreamIsRefusedAsItsProtocolRefuses) {
  open(1, 9000);
  come(9000);
  tell(overlay::ConnectFailed{1, {Errc::NoPath, "nobody is there"}});
  EXPECT_EQ(FakeEnd::refused, 1);
  come(9000);
  const StreamKey key{7, 4};
  tell(overlay::ConnectReady{2, key});
  tell(overlay::ConnectRefused{key, service::OpenStatus::Denied, "no", {}});
  EXPECT_TRUE(FakeFlow::all.empty());
  EXPECT_FALSE(port_.gated.contains(key));
}

TEST_F(GatewayTest, AClosedDoorTakesItsClientsWithIt) {
  open(1, 9000);
  open(2, 9001);
  come(9000);
  come(9000);
  come(9001);
  tell(overlay::ConnectReady{1, {7, 4}});
  gateway_.close_door(1);
  EXPECT_FALSE(FakeDoor::all.contains(9000));
  EXPECT_TRUE(FakeFlow::all.empty());
  EXPECT_EQ(FakeEnd::refused, 1);
  EXPECT_EQ(port_.asked.back(), "cancel 2");
  tell(overlay::ConnectReady{2, {7, 8}});  // its stream came all the same
  EXPECT_EQ(port_.asked.back(), "reset");
  tell(overlay::ConnectReady{3, {7, 12}});
  EXPECT_EQ(FakeFlow::all.size(), 1U);
}

TEST_F(GatewayTest, ADoorForOnceIsGoneWhenItsClientCame) {
  std::uint64_t used = 0;
  gateway_.on_once_used = [&](std::uint64_t id) { used = id; };
  open(5, 9000, true);
  come(9000);
  EXPECT_EQ(used, 5U);
  EXPECT_TRUE(FakeDoor::all.empty());
  tell(overlay::ConnectReady{1, {7, 4}});
  EXPECT_EQ(FakeFlow::all.size(), 1U);
}

TEST_F(GatewayTest, ABoundDoorRefusesUntilItIsInstalled) {
  auto door =
      gateway_.bind(service::Protocol::Tcp, Endpoint::v4(0x7f000001, 9000), adapter::IfTaken::Fail);
  ASSERT_TRUE(door.has_value());
  come(9000);
  EXPECT_EQ(FakeEnd::refused, 1);
  EXPECT_TRUE(port_.asked.empty());
}

TEST_F(GatewayTest, AProtocolThatIsNotSpokenHasNoDoorsAndNoTargets) {
  const auto door = gateway_.bind(service::Protocol::Socks5, Endpoint::v4(0x7f000001, 9000),
                                  adapter::IfTaken::Fail);
  ASSERT_FALSE(door.has_value());
  EXPECT_EQ(door.error().code, Errc::Unsupported);
  tell(inbound({7, 4}, 80, service::Protocol::Socks5));
  EXPECT_EQ(port_.asked,
            std::vector<std::string>{"refuse " +
                                     std::string(name_of(service::OpenStatus::TargetUnreachable))});
}

TEST_F(GatewayTest, AProtocolOfMessagesNeedsStreamsThatCarryThem) {
  const Endpoint at = Endpoint::v4(0x7f000001, 9000);
  EXPECT_FALSE(gateway_.bind(service::Protocol::Udp, at, adapter::IfTaken::Fail).has_value());
  port_.with_messages = true;
  EXPECT_TRUE(gateway_.bind(service::Protocol::Udp, at, adapter::IfTaken::Fail).has_value());
}

// A datagram that nobody asked for may go unanswered: its silence says nothing.
TEST_F(GatewayTest, ATargetOfDatagramsIsNotProbed) {
  tell(overlay::ProbeTarget{inbound({7, 4}, 1, service::Protocol::Udp).exposure});
  EXPECT_EQ(port_.asked, std::vector<std::string>{"probed blog unknown"});
}

TEST_F(GatewayTest, ACallerIsAcceptedWhenTheTargetAnswers) {
  const StreamKey key{7, 4};
  tell(inbound(key, listening_port()));
  ASSERT_TRUE(turn_until([&] { return !port_.asked.empty(); }));
  EXPECT_EQ(port_.asked, std::vector<std::string>{"accept"});
  flow(key).move(9, Direction::FromPeer);
  EXPECT_EQ(gateway_.accounts().of_peer(kElm), (Traffic{0, 9, 1}));
}

TEST_F(GatewayTest, ATargetThatLeadsBackIntoWeftIsRefused) {
  const harness::TemporaryFolder folder;
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  const auto path = (folder.path() / "own.sock").string();
  ASSERT_LT(path.size(), sizeof at.sun_path);
  path.copy(at.sun_path, path.size());
  listener_ = io::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener_.value(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener_.value(), 8), 0);
  auto caller = inbound({7, 4}, 0);
  caller.exposure.target = {};
  caller.exposure.target.kind = service::Target::Kind::Unix;
  caller.exposure.target.path = path;
  tell(caller);
  ASSERT_TRUE(turn_until([&] { return !port_.asked.empty(); }));
  EXPECT_EQ(port_.asked,
            std::vector<std::string>{"refuse " +
                                     std::string(name_of(service::OpenStatus::TargetUnreachable))});
  EXPECT_TRUE(FakeFlow::all.empty());
}

TEST_F(GatewayTest, ACallerLearnsThatTheTargetRefused) {
  auto port = listening_port();
  listener_.reset();
  tell(inbound({7, 4}, port));
  ASSERT_TRUE(turn_until([&] { return !port_.asked.empty(); }));
  EXPECT_EQ(port_.asked, std::vector<std::string>{
                             "refuse " + std::string(name_of(service::OpenStatus::TargetRefused))});
}

TEST_F(GatewayTest, ACallerThatWentMeanwhileCostsNothing) {
  const auto port = listening_port();
  tell(inbound({7, 4}, port));
  tell(overlay::DataClosed{{7, 4}});
  tell(inbound({7, 8}, port));
  ASSERT_TRUE(turn_until([&] { return !port_.asked.empty(); }));
  EXPECT_EQ(port_.asked.size(), 1U);
}

TEST_F(GatewayTest, OneMemberCannotTakeAllConnections) {
  gateway_.set_capacity(8);
  for (std::int64_t i = 0; i < 8; ++i) tell(inbound({7, 4 * i}, 1));
  EXPECT_EQ(
      std::ranges::count(port_.asked, "refuse " + std::string(name_of(service::OpenStatus::Limit))),
      6);
  EXPECT_EQ(gateway_.crowds().size(), 1U);
}

TEST_F(GatewayTest, APipeIsAnsweredOnceAndAdoptedOrLetGo) {
  int answers = 0;
  std::optional<StreamKey> got;
  const auto answered = [&](const std::expected<StreamKey, Gateway::Refusal>& result) {
    ++answers;
    if (result) got = *result;
  };
  gateway_.open_pipe("blog", "oak", 5s, answered);
  EXPECT_EQ(port_.asked.back(), "connect blog@oak");
  tell(overlay::ConnectReady{1, {7, 4}});
  EXPECT_EQ(answers, 0);  // the far side has not answered
  tell(overlay::ConnectAccepted{{7, 4}});
  EXPECT_EQ(answers, 1);
  ASSERT_TRUE(got.has_value());
  gateway_.adopt(*got, {}, {});
  EXPECT_EQ(port_.asked.back(), "reset");
  gateway_.open_pipe("blog", "oak", 5s, answered);
  tell(overlay::ConnectReady{2, {7, 8}});
  tell(overlay::DataClosed{{7, 8}});
  EXPECT_EQ(answers, 2);
}

TEST_F(GatewayTest, WhatIsNotItsOwnIsLeftAlone) {
  EXPECT_FALSE(tell(overlay::RosterChanged{1, 0}));
  EXPECT_TRUE(tell(overlay::DataReadable{{9, 9}}));  // of a stream that is gone
}

}  // namespace
}  // namespace weft::node
