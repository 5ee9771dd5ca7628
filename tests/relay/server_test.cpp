#include "overlay/relay/server.hpp"

#include <gtest/gtest.h>

#include "tests/relay/served.hpp"

namespace weft::relay {
namespace {

using testing::node;
using testing::Served;

TEST(RelayServer, ACircuitIsAskedForOfferedAcceptedAndCarries) {
  Served relay;
  relay.enter(1, node(1));
  relay.enter(2, node(2));
  EXPECT_EQ(relay.reserve(2), Status::Ok);
  relay.server.handle(relay.now, 1, Connect{7, node(2)});
  const auto incoming = relay.said<Incoming>(2);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->from, node(1));
  EXPECT_FALSE(relay.said<Connected>(1));
  relay.server.handle(relay.now, 2, Accept{incoming->circuit});
  const auto connected = relay.said<Connected>(1);
  ASSERT_TRUE(connected);
  EXPECT_EQ(connected->request, 7);
  EXPECT_EQ(connected->status, Status::Ok);
  EXPECT_NE(connected->label, incoming->label);
  EXPECT_TRUE(relay.carries(1, connected->label, 2));
  EXPECT_TRUE(relay.carries(2, incoming->label, 1));
  relay.server.check_invariants();
}

TEST(RelayServer, WhoReservedNothingIsNotReached) {
  Served relay;
  relay.enter(1, node(1));
  relay.enter(2, node(2));
  EXPECT_EQ(relay.connect(1, node(2)).status, Status::NoSuchNode);
  EXPECT_EQ(relay.connect(1, node(9)).status, Status::NoSuchNode);
  EXPECT_EQ(relay.reserve(1), Status::Ok);
  EXPECT_EQ(relay.connect(1, node(1)).status, Status::NoSuchNode);  // itself
  EXPECT_EQ(relay.server.counters().refused_unknown, 3);
}

TEST(RelayServer, TheEndOfASessionEndsItsCircuitsAndItsReservation) {
  Served relay;
  relay.circuit(1, 2);
  const auto id = relay.last_circuit;
  relay.server.leave(relay.now, 2);
  EXPECT_EQ(relay.said<Close>(1)->circuit, id);
  EXPECT_EQ(relay.server.circuits(), 0);
  EXPECT_EQ(relay.server.reservations(), 0);
  EXPECT_EQ(relay.connect(1, node(2)).status, Status::NoSuchNode);
  relay.server.check_invariants();
}

TEST(RelayServer, EitherEndMayCloseAndNobodyElse) {
  Served relay;
  relay.circuit(1, 2);
  relay.enter(3, node(3));
  relay.server.handle(relay.now, 3, Close{relay.last_circuit});
  EXPECT_EQ(relay.server.circuits(), 1);
  relay.server.handle(relay.now, 2, Close{relay.last_circuit});
  EXPECT_EQ(relay.server.circuits(), 0);
  EXPECT_TRUE(relay.said<Close>(1));
  EXPECT_FALSE(relay.said<Close>(2));
}

TEST(RelayServer, AnOfferThatNobodyTakesEndsAfterFiveSeconds) {
  Served relay;
  relay.enter(1, node(1));
  relay.enter(2, node(2));
  (void)relay.reserve(2);
  relay.server.handle(relay.now, 1, Connect{7, node(2)});
  EXPECT_EQ(relay.server.poll_timeout(), relay.now + kAnswerTime);
  relay.pass(kAnswerTime);
  EXPECT_EQ(relay.said<Connected>(1)->status, Status::Refused);
  EXPECT_EQ(relay.server.circuits(), 0);
}

TEST(RelayServer, ACircuitWithoutFramesEndsAfterTenMinutes) {
  Served relay;
  relay.circuit(1, 2);
  relay.pass(kIdle - 1s);
  EXPECT_TRUE(relay.carries(1, relay.label_of_asker, 2));
  relay.pass(2s);
  EXPECT_EQ(relay.server.circuits(), 1);
  relay.pass(kIdle);
  EXPECT_EQ(relay.server.circuits(), 0);
  EXPECT_TRUE(relay.said<Close>(1));
  EXPECT_TRUE(relay.said<Close>(2));
}

TEST(RelayServer, OffEndsAllAndRefuses) {
  Served relay;
  relay.circuit(1, 2);
  relay.server.set_on(relay.now, false);
  EXPECT_TRUE(relay.said<Close>(1));
  EXPECT_TRUE(relay.said<Close>(2));
  EXPECT_FALSE(relay.carries(1, relay.label_of_asker, 2));
  EXPECT_EQ(relay.reserve(2), Status::Off);
  EXPECT_EQ(relay.connect(1, node(2)).status, Status::Off);
  relay.server.check_invariants();
  relay.server.set_on(relay.now, true);
  EXPECT_EQ(relay.reserve(2), Status::Ok);
}

TEST(RelayServer, NothingIsBegunWithTheVolumeUsedUp) {
  Served relay;
  relay.enter(1, node(1));
  relay.enter(2, node(2));
  (void)relay.reserve(2);
  relay.server.forwarder().set_left(0);
  EXPECT_EQ(relay.connect(1, node(2)).status, Status::Spent);
  relay.server.forwarder().set_left(1000);
  relay.circuit(1, 2);
  EXPECT_EQ(relay.server.circuits(), 1);
}

// 100 restarts of a client use one place.
TEST(RelayServer, ARestartReplacesTheReservation) {
  Served relay;
  for (Session session = 1; session <= 100; ++session) {
    relay.enter(session, node(1));
    EXPECT_EQ(relay.reserve(session), Status::Ok);
  }
  EXPECT_EQ(relay.server.reservations(), 1);
  relay.enter(200, node(2));
  relay.server.handle(relay.now, 200, Connect{1, node(1)});
  EXPECT_TRUE(relay.said<Incoming>(100));  // the newest
  relay.server.leave(relay.now, 50);       // an older one ends
  EXPECT_EQ(relay.server.reservations(), 1);
  relay.server.leave(relay.now, 100);
  EXPECT_EQ(relay.server.reservations(), 0);
  relay.server.check_invariants();
}

TEST(RelayServer, NetworksDoNotMeet) {
  Served relay;
  relay.enter(1, node(1));
  NetworkId other;
  other.bytes.fill(5);
  relay.server.enter(2, {other, node(2)}, Served::way_of(2));
  EXPECT_EQ(relay.reserve(2), Status::Ok);
  EXPECT_EQ(relay.connect(1, node(2)).status, Status::NoSuchNode);
}

// ---- joiners ------------------------------------------------------------------------------------

struct Introduced : Served {
  Introduced() {
    token.fill(7);
    enter(1, node(1));  // the inviter
    enter(2, node(2));  // a member of the same network
    (void)reserve(1);
    (void)reserve(2);
    enter(8, node(8), true);  // the joiner
    server.handle(now, 1, Introduce{token, 900});
  }
  Token token{};
};

TEST(RelayServer, AJoinerReachesWhoIntroducedItAndNobodyElse) {
  Introduced relay;
  EXPECT_TRUE(relay.server.awaits_joiners(relay.now, {}));
  EXPECT_EQ(relay.connect(8, node(1)).status, Status::NoSuchNode);  // without the token
  EXPECT_EQ(relay.connect(8, node(2), relay.token).status, Status::NoSuchNode);
  Token wrong = relay.token;
  wrong[31] ^= 1;
  EXPECT_EQ(relay.connect(8, node(1), wrong).status, Status::NoSuchNode);
  EXPECT_EQ(relay.reserve(8), std::nullopt);

  relay.server.handle(relay.now, 8, Connect{3, node(1), relay.token});
  const auto incoming = relay.said<Incoming>(1);
  ASSERT_TRUE(incoming);
  EXPECT_TRUE(incoming->joining);
  relay.server.handle(relay.now, 1, Accept{incoming->circuit});
  const auto connected = relay.said<Connected>(8);
  ASSERT_TRUE(connected);
  EXPECT_TRUE(relay.carries(8, connected->label, 1));
  EXPECT_EQ(relay.connect(8, node(1), relay.token).status, Status::Full);  // one is enough
}

TEST(RelayServer, AJoinersCircuitHasATimeAndAVolume) {
  Introduced relay;
  relay.server.handle(relay.now, 8, Connect{3, node(1), relay.token});
  relay.server.handle(relay.now, 1, Accept{relay.said<Incoming>(1)->circuit});
  const Label label = relay.said<Connected>(8)->label;
  std::uint64_t passed = 0;
  while (relay.carries(8, label, 1, 8000)) passed += 8000;
  EXPECT_GT(passed, kJoinBytes - 20'000);
  EXPECT_LE(passed, kJoinBytes);
  relay.pass(kJoinTime);
  EXPECT_EQ(relay.server.circuits(), 0);
}

TEST(RelayServer, AnIntroductionEndsWithItsTimeItsWordOrItsSession) {
  Introduced relay;
  relay.pass(900s);
  EXPECT_EQ(relay.connect(8, node(1), relay.token).status, Status::NoSuchNode);
  EXPECT_FALSE(relay.server.awaits_joiners(relay.now, {}));

  relay.server.handle(relay.now, 1, Introduce{relay.token, 900});
  relay.server.handle(relay.now, 2, Introduce{relay.token, 0});  // somebody else's
  EXPECT_TRUE(relay.server.awaits_joiners(relay.now, {}));
  relay.server.handle(relay.now, 1, Introduce{relay.token, 0});
  EXPECT_FALSE(relay.server.awaits_joiners(relay.now, {}));

  relay.server.handle(relay.now, 1, Introduce{relay.token, 900});
  relay.server.leave(relay.now, 1);
  EXPECT_FALSE(relay.server.awaits_joiners(relay.now, {}));
  EXPECT_EQ(relay.connect(8, node(1), relay.token).status, Status::NoSuchNode);
}

// The joiner comes again and again; saying the token once more makes it no newer.
TEST(RelayServer, AnIntroductionLetsFewThrough) {
  Introduced relay;
  const auto come = [&](Session session) {
    relay.enter(session, node(8), true);
    const auto answer = relay.connect(session, node(1), relay.token);
    relay.server.leave(relay.now, session);
    return answer.status;
  };
  for (Session session = 100; session < 100 + kMaxUses; ++session)
    EXPECT_EQ(come(session), Status::Ok);
  EXPECT_EQ(come(300), Status::Full);
  relay.server.handle(relay.now, 1, Introduce{relay.token, 900});
  EXPECT_EQ(come(301), Status::Full);
  EXPECT_EQ(relay.server.counters().refused_full, 2);
  EXPECT_EQ(relay.server.counters().introduced, kMaxUses);
  relay.token.fill(9);  // the control: another one
  relay.server.handle(relay.now, 1, Introduce{relay.token, 900});
  EXPECT_EQ(come(302), Status::Ok);
}

TEST(RelayServer, ASecondSessionOfTheInviterTakesItsIntroductionsOver) {
  Introduced relay;
  relay.enter(11, node(1));
  relay.server.handle(relay.now, 11, Introduce{relay.token, 900});
  relay.server.leave(relay.now, 1);
  EXPECT_TRUE(relay.server.awaits_joiners(relay.now, {}));
  relay.server.handle(relay.now, 8, Connect{3, node(1), relay.token});
  EXPECT_TRUE(relay.said<Incoming>(11));
}

TEST(RelayServer, OneInvitersIntroductionsAreFew) {
  Introduced relay;
  for (std::uint8_t i = 20; i < 100; ++i) {
    Token token;
    token.fill(i);
    relay.server.handle(relay.now, 2, Introduce{token, 900});
  }
  EXPECT_EQ(relay.server.counters().refused_full, 80 - kMaxIntroductionsOfOne);
}

}  // namespace
}  // namespace weft::relay
