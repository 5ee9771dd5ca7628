#include "overlay/streams/outbound.hpp"

#include <gtest/gtest.h>

#include "tests/streams/kit.hpp"

namespace weft::overlay {
namespace {

using service::OpenStatus;
const Instant kNow = Instant{} + 100s;
constexpr Duration kPatience = 10s;

struct Fixture {
  service::FakeMembers members;
  service::Offers offers;
  service::Doors doors{members.roster.network, offers, members};
  service::Registry own{members.roster.network};
  FakeIo io;
  StreamCounters counters;
  FakeOutlet outlet;
  Outbound outbound{io, doors, offers, own, kPatience, members, counters, outlet.out};

  NodeId offering(std::uint8_t number, const std::string& name, bool here = true) {
    const NodeId id = members.add(number, name);
    offers.take(kNow, id, {{"web", "tcp", 80}}, true);
    if (here) members.here[id] = std::chrono::milliseconds(number);
    return id;
  }
  std::uint64_t door(const NodeId& node, std::vector<NodeId> also = {}) {
    service::Mapping mapping{0, "web", node, Endpoint::v4(0x7f000001, 0)};
    mapping.also = std::move(also);
    return doors.add(std::move(mapping))->mapping.id;
  }
};

TEST(Outbound, WithASessionTheStreamIsThereAtOnce) {
  Fixture t;
  t.offering(2, "anna");
  t.outbound.connect(kNow, 7, "web", "anna");
  const auto ready = t.outlet.take<ConnectReady>();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].id, 7u);
  const auto key = ready[0].key;
  const auto asked = service::parse_request(t.io.written.at(key));
  EXPECT_EQ((*asked)->message.service, "web");
  t.io.answer(key, OpenStatus::Ok);
  t.outbound.readable(kNow, key);
  EXPECT_EQ(t.outlet.take<ConnectAccepted>().size(), 1u);
  EXPECT_EQ(t.outlet.take<DataReadable>().size(), 1u);
  EXPECT_TRUE(t.outbound.is_open(key));
  t.outbound.closed(kNow, key);
  EXPECT_EQ(t.outlet.take<DataClosed>().size(), 1u);
  EXPECT_FALSE(t.outbound.contains(key));
}

TEST(Outbound, WithoutOneItWaitsAndSaysSo) {
  Fixture t;
  const auto anna = t.offering(2, "anna", false);
  t.outbound.connect(kNow, 7, "web", "anna");
  EXPECT_EQ(t.outlet.wanted(), std::vector{anna});
  EXPECT_EQ(t.outbound.poll_timeout(), kNow + kPatience);
  t.outbound.handle_timeout(kNow + kPatience - 1ms);
  EXPECT_TRUE(t.outlet.take<ConnectFailed>().empty());
  t.members.here[anna] = 1ms;
  t.outbound.peer_ready(kNow + 1s, anna);
  EXPECT_EQ(t.outlet.take<ConnectReady>().size(), 1u);
  EXPECT_EQ(t.outbound.poll_timeout(), std::nullopt);
}

TEST(Outbound, TimeIsUpSometime) {
  Fixture t;
  const auto anna = t.offering(2, "anna", false);
  t.outbound.connect(kNow, 7, "web", "anna", 1s);
  t.members.away.insert(anna);
  t.outbound.connect(kNow, 8, "web", "anna");
  EXPECT_EQ(t.outbound.waiting(), 2u);
  t.outbound.handle_timeout(kNow + 1s);
  auto failed = t.outlet.take<ConnectFailed>();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].id, 7u);
  EXPECT_EQ(failed[0].error.code, Errc::NoPath);
  EXPECT_EQ(t.outbound.poll_timeout(), kNow + kAwayTimeout);  // it has not answered for long
  t.outbound.handle_timeout(kNow + kAwayTimeout);
  EXPECT_EQ(t.outlet.take<ConnectFailed>().size(), 1u);
  EXPECT_EQ(t.outbound.waiting(), 0u);
}

TEST(Outbound, WithoutAFreeStreamItIsTriedAgainUntilTheDeadline) {
  Fixture t;
  t.offering(2, "anna");
  t.io.full = true;
  t.outbound.connect(kNow, 7, "web", "anna");
  EXPECT_EQ(t.outbound.poll_timeout(), kNow + kStreamRetry);
  t.outbound.handle_timeout(kNow + kStreamRetry);
  EXPECT_EQ(t.outbound.poll_timeout(), kNow + 2 * kStreamRetry);
  // The session went in the meantime: no turn is spent on it before the deadline.
  t.members.here.clear();
  t.outbound.handle_timeout(kNow + 2 * kStreamRetry);
  EXPECT_EQ(t.outbound.poll_timeout(), kNow + kPatience);
  t.outbound.handle_timeout(kNow + kPatience);
  EXPECT_EQ(t.outlet.take<ConnectFailed>().size(), 1u);
}

TEST(Outbound, ReplicasAreTriedInTurnBeforeTheClientHears) {
  Fixture t;
  const auto anna = t.offering(2, "anna");
  const auto bert = t.offering(3, "bert");
  const auto door = t.door(anna, {bert});
  t.outbound.connect_door(kNow, 7, door);
  EXPECT_TRUE(t.outlet.take<ConnectReady>().empty());  // held until a target has answered
  const StreamKey first{102, 4};
  ASSERT_TRUE(t.outbound.contains(first));
  t.io.answer(first, OpenStatus::TargetRefused, "nothing listens");
  t.outbound.readable(kNow, first);
  EXPECT_FALSE(t.outbound.contains(first));
  EXPECT_EQ(t.offers.line(anna, "web")->health, service::Health::Refused);
  const auto ready = t.outlet.take<ConnectReady>();  // bert is the last: bytes may go at once
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].key.session, 103u);
  t.io.answer(ready[0].key, OpenStatus::Denied, "no");
  t.outbound.readable(kNow, ready[0].key);
  const auto refused = t.outlet.take<ConnectRefused>();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].status, OpenStatus::Denied);
}

TEST(Outbound, ACancelledClientHearsOfNoOtherReplica) {
  Fixture t;
  const auto anna = t.offering(2, "anna");
  const auto bert = t.offering(3, "bert");
  t.outbound.connect_door(kNow, 7, t.door(anna, {bert}));
  t.outbound.cancel(7);
  t.outbound.session_down(kNow, 102);
  EXPECT_EQ(t.outlet.take<ConnectFailed>().size(), 1u);
  EXPECT_TRUE(t.outlet.take<ConnectReady>().empty());
}

TEST(Outbound, AMalformedAnswerIsARefusal) {
  Fixture t;
  t.offering(2, "anna");
  t.outbound.connect(kNow, 7, "web", "anna");
  const auto key = t.outlet.take<ConnectReady>().at(0).key;
  t.io.coming[key] = {0, 0};
  t.outbound.readable(kNow, key);
  EXPECT_EQ(t.outlet.take<ConnectRefused>().size(), 1u);
  EXPECT_TRUE(t.io.resets.contains(key));
}

TEST(Outbound, ItselfAndTheUnlicensedAreRefusedAtOnce) {
  Fixture t;
  t.members.roster.names[t.members.me] = "me";
  t.outbound.connect(kNow, 1, "web", "me");
  EXPECT_EQ(t.outlet.take<ConnectFailed>().at(0).error.code, Errc::NotFound);
  const auto anna = t.offering(2, "anna");
  t.members.exposers.erase(anna);
  t.outbound.connect(kNow, 2, "web", "anna");
  EXPECT_EQ(t.outlet.take<ConnectFailed>().at(0).error.code, Errc::Denied);
}

TEST(Outbound, SoManyWaitAndNoMore) {
  Fixture t;
  t.offering(2, "anna", false);
  for (CommandId id = 1; id <= kMaxConnects; ++id) t.outbound.connect(kNow, id, "web", "anna");
  EXPECT_EQ(t.outbound.waiting(), kMaxConnects);
  t.outbound.connect(kNow, kMaxConnects + 1, "web", "anna");
  EXPECT_EQ(t.outlet.take<ConnectFailed>().at(0).error.code, Errc::Limit);
  t.outbound.give_up_all();
  EXPECT_EQ(t.outlet.take<ConnectFailed>().size(), kMaxConnects);
  EXPECT_EQ(t.outbound.poll_timeout(), std::nullopt);
}

}  // namespace
}  // namespace weft::overlay
