// The part alone: which connections it asks for, and what it has dialled over them.
#include "overlay/carrying/carrying.hpp"

#include <gtest/gtest.h>

#include "overlay/credential/credential.hpp"
#include "tests/overlay/bench.hpp"

namespace weft::overlay::testing {
namespace {

struct CarryingTest : ::testing::Test {
  CarryingTest() {
    session::NetworkContext context;
    context.id = t.roster->network();
    context.credential =
        Credential::issue(t.config.identity, context.id, t.rng, t.clock.at(t.now), 0);
    t.sessions->set_network(context);
    peer = &t.table->add(t.roster->network(), ash.public_key());
  }
  // Time goes on as its owner would let it: by the two deadlines.
  void run(Duration span) {
    const Instant end = t.now + span;
    for (;;) {
      auto next = carrying.poll_timeout();
      if (const auto table = t.table->poll_timeout(); table && (!next || *table < *next))
        next = table;
      if (!next || *next > end) break;
      t.now = std::max(t.now, *next);
      t.table->handle_timeout(t.now);
      carrying.handle_timeout(t.now);
    }
    t.now = end;
  }
  std::vector<OpenCarrier> asked() {
    std::vector<OpenCarrier> out;
    for (auto& output : t.poll(carrying)) {
      if (auto* event = std::get_if<OverlayEvent>(&output))
        if (auto* open = std::get_if<OpenCarrier>(event)) out.push_back(*open);
      if (auto* over = std::get_if<DialOver>(&output)) dials.push_back(*over);
    }
    return out;
  }

  Bench t;
  Identity ash = t.let_in("ash");
  Peer* peer = nullptr;
  Carrying carrying{*t.beside};
  std::vector<DialOver> dials;
  const Endpoint there = Endpoint::v4(0x0a000001, 443);
  const Address tcp = TcpAddress{there};
  const Address relay = RelayAddress{};
};

TEST_F(CarryingTest, WhoAnswersNothingByUdpIsConnectedToAndDialledThere) {
  t.table->learn(t.now, *peer, {Endpoint::v4(0x0a000001, 7)}, discovery::Source::Configured);
  EXPECT_TRUE(t.table->learn_carriers(*peer, {relay, tcp}, true));
  t.table->want(t.now, *peer, true);
  run(249ms);
  EXPECT_TRUE(asked().empty());
  run(1ms);
  const auto opened = asked();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].address, tcp);
  const PathId path = *t.paths.add({.kind = path::PathKind::Tcp, .mtu = path::kLeastMtu});
  carrying.opened(t.now, opened[0].id + 1, path, there);  // not one of ours
  EXPECT_TRUE(asked().empty() && dials.empty());
  carrying.opened(t.now, opened[0].id, path, there);
  EXPECT_TRUE(asked().empty());
  ASSERT_EQ(dials.size(), 1u);
  EXPECT_EQ(dials[0].node, peer->id);
  EXPECT_EQ(dials[0].path, path);
  carrying.opened(t.now, opened[0].id, path, there);  // told twice: nothing twice
  EXPECT_TRUE(asked().empty());
  EXPECT_EQ(dials.size(), 1u);
}

TEST_F(CarryingTest, WhoHasNoSuchAddressIsLeftToUdpAndCostsNoTimer) {
  t.table->learn(t.now, *peer, {Endpoint::v4(0x0a000001, 7)}, discovery::Source::Configured);
  t.table->want(t.now, *peer, true);
  run(5s);
  EXPECT_TRUE(asked().empty());
  EXPECT_FALSE(carrying.poll_timeout());
}

TEST_F(CarryingTest, AFailedConnectionIsTriedAgainAndAMemberThatIsGoneIsNot) {
  EXPECT_TRUE(t.table->learn_carriers(*peer, {tcp}, true));
  t.table->want(t.now, *peer, true);
  run(0ms);
  auto opened = asked();
  ASSERT_EQ(opened.size(), 1u);
  carrying.failed(t.now, opened[0].id, "connection refused");
  run(2s);
  opened = asked();
  ASSERT_EQ(opened.size(), 1u);
  carrying.failed(t.now, opened[0].id, "connection refused");
  t.table->remove(t.now, peer->id);
  run(60s);
  EXPECT_TRUE(asked().empty());
}

TEST_F(CarryingTest, ItsOwnWordReplacesWhatOthersSaidOfItsAddresses) {
  const Address other = TcpAddress{Endpoint::v4(0x0a000002, 443)};
  EXPECT_TRUE(t.table->learn_carriers(*peer, {other}, false));
  EXPECT_TRUE(t.table->learn_carriers(*peer, {tcp}, false));
  EXPECT_EQ(peer->carriers, (std::vector{other, tcp}));
  EXPECT_TRUE(t.table->learn_carriers(*peer, {tcp}, true));
  EXPECT_EQ(peer->carriers, std::vector{tcp});
  EXPECT_FALSE(t.table->learn_carriers(*peer, {tcp}, true));
  EXPECT_TRUE(t.table->learn_carriers(*peer, {}, true));
  EXPECT_TRUE(t.table->carried().empty());
}

}  // namespace
}  // namespace weft::overlay::testing
