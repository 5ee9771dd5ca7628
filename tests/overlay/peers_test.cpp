// Peers come and go: backoff between rounds of dialling, restarts, both dialling at once, moves.
#include <gtest/gtest.h>

#include "overlay/peers/peer_table.hpp"
#include "tests/harness/pair.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

// A table that dials into nothing.
struct Dialler {
  explicit Dialler(std::size_t endpoints) {
    session::NetworkContext context;
    context.id = network;
    context.credential.key = crypto::X25519KeyPair::generate(rng);
    context.credential.certificate =
        Certificate::issue(identity, network, context.credential.key.public_key, 1, kEpoch);
    layer.set_network(context);
    peer = &table.add(network, Identity::generate(rng).public_key());
    for (std::size_t i = 0; i < endpoints; ++i)
      table.learn(now, *peer, {Endpoint::v4(0x0a000001, static_cast<std::uint16_t>(4000 + i))},
                  discovery::Source::Hearsay);
  }
  void step(Duration span) {
    now += span;
    layer.handle_timeout(now);
    table.handle_timeout(now);
    while (layer.poll_transmit(now, buffer)) {
    }
    while (auto event = layer.poll_event())
      if (const auto* down = std::get_if<session::SessionDown>(&*event))
        table.on_session_down(now, down->session);
  }

  Instant now = Instant{} + 1s;
  SeededRng rng{5};
  harness::FakeTrust trust;
  Identity identity = Identity::generate(rng);
  NetworkId network{crypto::sha256(bytes_of("n"))};
  path::PathTable paths;
  session::SessionLayer layer{identity, trust, rng, paths, WallClock{Instant{}, kEpoch}};
  PeerTable table{identity.id, layer};
  Peer* peer = nullptr;
  Bytes buffer = Bytes(kTransmitBufferSize);
};

TEST(Peers, PausesBetweenRoundsDoubleFromOneSecondToSixty) {
  Dialler d(2);
  d.table.want(d.now, *d.peer, false);
  std::vector<Duration> pauses;
  Duration silent = 0ns;
  while (pauses.size() < 9) {
    d.step(50ms);
    ASSERT_LE(d.peer->dialing.size(), kMaxConcurrentDials);
    if (d.peer->dialing.empty()) {
      silent += 50ms;
    } else {
      if (silent > 500ms) pauses.push_back(silent);
      silent = 0ns;
    }
  }
  std::vector<Duration> expected{1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_GE(pauses[i], expected[i] - 100ms) << i;
    EXPECT_LE(pauses[i], expected[i] + 100ms) << i;
  }
}

TEST(Peers, ManyMembersAreDialledOneAfterTheOtherButNotWhoIsWaitedFor) {
  Dialler d(1);
  std::vector<Peer*> all;
  for (int i = 0; i < 60; ++i) {
    Peer& peer = d.table.add(d.network, Identity::generate(d.rng).public_key());
    d.table.learn(d.now, peer, {Endpoint::v4(0x0a000002, static_cast<std::uint16_t>(4000 + i))},
                  discovery::Source::Hearsay);
    d.table.want(d.now, peer, false);
    all.push_back(&peer);
  }
  const auto dialled = [&] {
    return std::ranges::count_if(all, [](const Peer* p) { return !p->dialing.empty(); });
  };
  d.step(1ms);
  EXPECT_EQ(dialled(), kDialBurst);
  const auto below = std::ranges::count_if(
      all, [&](const Peer* p) { return !p->dialing.empty() && p->id < d.identity.id; });
  const auto above =
      std::ranges::count_if(all, [&](const Peer* p) { return d.identity.id < p->id; });
  EXPECT_EQ(below, std::max<std::int64_t>(0, kDialBurst - above));  // those above come first
  d.table.want(d.now, *d.peer, true);
  d.step(1ms);
  EXPECT_FALSE(d.peer->dialing.empty());
  EXPECT_EQ(dialled(), kDialBurst);
  for (int i = 0; i < 40; ++i) d.step(50ms);
  EXPECT_GE(dialled(), kDialBurst + kDialRate);  // steps are coarse
  EXPECT_LE(dialled(), kDialBurst + 2 * kDialRate + 1);
}

TEST(Peers, SomebodyWaitingCutsThePauseShort) {
  Dialler d(1);
  d.table.want(d.now, *d.peer, false);
  for (int i = 0; i < 3000 && d.peer->backoff < 32s; ++i) d.step(50ms);
  ASSERT_EQ(d.peer->backoff, 32s);
  ASSERT_TRUE(d.peer->dialing.empty());
  d.table.want(d.now, *d.peer, false);
  d.step(1ms);
  EXPECT_TRUE(d.peer->dialing.empty());  // merely wanted: the pause holds
  d.table.want(d.now, *d.peer, true);
  d.step(1ms);
  EXPECT_EQ(d.peer->dialing.size(), 1u);
}

TEST(Peers, NoMoreThanThreeDialsAtOnceAndEveryAddressGetsItsTurn) {
  Dialler d(8);
  d.table.want(d.now, *d.peer, false);
  std::set<std::uint16_t> tried;
  for (int i = 0; i < 2000; ++i) {
    d.step(50ms);
    ASSERT_LE(d.peer->dialing.size(), kMaxConcurrentDials);
    for (const auto& dial : d.peer->dialing) tried.insert(dial.to.port);
  }
  EXPECT_EQ(tried.size(), 8u);
}

TEST(Peers, AHintIsDialledBesideTheOthersAndGivesWayToANewerOneAfterAWhile) {
  Dialler d(8);
  d.table.want(d.now, *d.peer, false);
  for (int i = 0; i < 20; ++i) d.step(50ms);
  ASSERT_EQ(d.peer->dialing.size(), kMaxConcurrentDials);
  const auto before = d.peer->dialing;
  const auto port = [&] { return d.peer->hint_dial ? d.peer->hint_dial->endpoint.port : 0; };
  d.table.hint(d.now, *d.peer, Endpoint::v4(0x0a090909, 1));
  EXPECT_EQ(port(), 1);
  d.table.hint(d.now, *d.peer, Endpoint::v4(0x0a090909, 2));
  EXPECT_EQ(port(), 1);
  EXPECT_EQ(d.peer->dialing, before);
  d.now += kHintPause;
  d.table.hint(d.now, *d.peer, Endpoint::v4(0x0a090909, 3));
  EXPECT_EQ(port(), 3);
  EXPECT_EQ(d.peer->dialing, before);
  EXPECT_EQ(d.peer->endpoints.size(), 8u);  // what only hints said is not kept
  for (int i = 0; i < 400; ++i) d.step(50ms);
  EXPECT_EQ(port(), 0);  // it failed
}

struct Two {
  explicit Two(std::uint64_t seed = 1, harness::LinkOptions link = {}) : world(seed, link) {
    world.bring_in(a, b);
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
};

TEST(Peers, ARestartedPeerIsFoundAgainFromTheCacheOfEither) {
  for (const bool restart_a : {true, false}) {
    Two t;
    Node& gone = restart_a ? t.a : t.b;
    t.world.run(1s);  // they tell each other where they are reached, and store it
    t.world.crash(gone);
    t.world.run(200ms);
    t.world.start(gone);
    EXPECT_TRUE(t.world.run_until([&] { return t.world.linked(t.a, t.b); }, 5s)) << restart_a;
  }
}

// Beacons of a LAN can be sent again by anybody, from any address.
TEST(Peers, HintsThatNeverEndDoNotKeepTheSessionFromComingUp) {
  Two t(1, {.delay = 150ms});
  t.world.run(1s);
  t.world.crash(t.b);
  t.world.run(40s);
  t.world.start(t.b);
  std::uint16_t port = 1000;
  const auto linked = [&] {
    for (auto [node, about] : {std::pair(&t.a, &t.b), std::pair(&t.b, &t.a)})
      node->overlay->peer_heard(t.world.now, about->identity.id,
                                about->overlay->network_keys()->credential.certificate,
                                Endpoint::v4(0x0a090909, ++port));
    return t.world.linked(t.a, t.b);
  };
  EXPECT_TRUE(t.world.run_until(linked, 20s));
}

TEST(Peers, AVanishedPeerIsDownAndServesTheNextConnectionAsSoonAsItIsBack) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  t.world.crash(t.a);
  EXPECT_TRUE(t.world.run_until([&] { return !t.b.of<PeerDown>().empty(); }, 60s));
  EXPECT_TRUE(client.closed);
  EXPECT_FALSE(t.b.overlay->sessions().read_finished(t.world.last_key(t.b).session,
                                                     t.world.last_key(t.b).stream));
  t.world.run(3min);
  const auto failed = t.b.overlay->connect(t.world.now, "web", "a");
  EXPECT_TRUE(t.world.run_until([&] { return t.b.connect_error(failed).has_value(); }, 11s));
  EXPECT_EQ(t.b.connect_error(failed)->code, Errc::NoPath);
  t.world.start(t.a);
  const auto back = t.world.now;
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  EXPECT_LE(t.world.now - back, 3s);
}

TEST(Peers, BothDiallingAtOnceKeepOneSession) {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    Two t(seed, {.delay = 40ms});
    t.world.crash(t.a);
    t.world.crash(t.b);
    t.world.start(t.a);
    t.world.start(t.b);
    t.world.run(20s);
    EXPECT_TRUE(t.world.linked(t.a, t.b));
    EXPECT_EQ(t.a.overlay->sessions().session_count(), 1u) << seed;
    EXPECT_EQ(t.b.overlay->sessions().session_count(), 1u) << seed;
  }
}

// Either end of a session changes its address in the middle of a connection.
TEST(Peers, AMovedDiallerOrResponderKeepsItsStreams) {
  for (const bool move_a : {true, false}) {
    SCOPED_TRACE(move_a ? "a moves" : "b moves");
    Two t;
    ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
    t.world.run(10s);  // duplicates of the join are drained
    Client& client = t.world.open(t.b, "web", "a");
    ASSERT_TRUE(client.accepted);
    const auto key = t.world.last_key(t.b);
    Node& moving = move_a ? t.a : t.b;
    for (int i = 1; i <= 3; ++i) {
      t.world.move(moving, Endpoint::v4(0x0a010000 + static_cast<std::uint32_t>(i), 5000));
      t.world.run(3s);  // until the daemon notices
      moving.overlay->set_listen_endpoints(t.world.now, moving.config.listen_endpoints);
      t.world.run(2s);
      const std::string before = client.received;
      t.world.say(t.b, key, "hello");
      EXPECT_TRUE(t.world.run_until([&] { return client.received == before + "hello"; }, 20s)) << i;
      ASSERT_FALSE(client.ended);
      EXPECT_TRUE(t.world.finish(t.a, t.a.overlay->ping(t.world.now, "b"))) << i;
    }
    t.world.run(60s);
    EXPECT_FALSE(client.ended);
    EXPECT_TRUE(t.world.linked(t.a, t.b));
    EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  }
}

// A young session, perhaps one of two, is no reason to overlook that its peer is elsewhere now.
TEST(Peers, AMoveSoonAfterTheSessionBeganIsFollowedToo) {
  for (const bool move_a : {true, false}) {
    for (const Duration age : {10ms, 200ms, 1000ms, 2000ms, 2900ms, 4000ms}) {
      SCOPED_TRACE((move_a ? "a moves after ms " : "b moves after ms ") +
                   std::to_string(age / 1ms));
      Two t;
      ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
      Client& client = t.world.open(t.b, "web", "a");
      ASSERT_TRUE(client.accepted);
      const auto key = t.world.last_key(t.b);
      t.world.run(age);
      Node& moving = move_a ? t.a : t.b;
      t.world.move(moving, Endpoint::v4(0x0a010001, 5000));
      moving.overlay->set_listen_endpoints(t.world.now, moving.config.listen_endpoints);
      t.world.say(t.b, key, "hello");
      EXPECT_TRUE(t.world.run_until([&] { return client.received == "hello"; }, 2s));
      EXPECT_FALSE(client.ended);
    }
  }
}

TEST(Peers, BothEndsMoveInTurnAndTheConnectionLives) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
  t.world.run(10s);
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  const auto key = t.world.last_key(t.b);
  SeededRng dice(3);
  for (std::uint32_t i = 1; i <= 12; ++i) {
    SCOPED_TRACE(i);
    Node& moving = dice.uniform(2) == 0 ? t.a : t.b;
    t.world.move(moving, Endpoint::v4(0x0a010000 + i, 5000));
    t.world.run(1s);
    moving.overlay->set_listen_endpoints(t.world.now, moving.config.listen_endpoints);
    t.world.run(Duration(static_cast<std::int64_t>(dice.uniform(8'000'000'000))));
    const std::string before = client.received;
    t.world.say(t.b, key, "hello");
    EXPECT_TRUE(t.world.run_until([&] { return client.received == before + "hello"; }, 20s));
    ASSERT_FALSE(client.ended);
  }
}

// Nobody told the overlay (a NAT gave another mapping): the peer finds out in its own time.
TEST(Peers, AMoveThatNobodyNoticedHealsByItself) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
  t.world.move(t.a, Endpoint::v4(0x0a020001, 5000));
  EXPECT_TRUE(t.world.run_until(
      [&] { return t.world.finish(t.b, t.b.overlay->ping(t.world.now, "a")).has_value(); }, 120s));
}

TEST(Peers, PingAnswersOrSaysWhyNot) {
  Two t;
  const auto pong = t.world.finish(t.a, t.a.overlay->ping(t.world.now, "b"));
  ASSERT_TRUE(pong);
  EXPECT_GE(std::get<PingOutcome>(*pong).rtt, 20ms);
  EXPECT_LE(std::get<PingOutcome>(*pong).rtt, 30ms);
  EXPECT_EQ(t.world.finish(t.a, t.a.overlay->ping(t.world.now, "nobody")).error().code,
            Errc::NotFound);
  t.world.crash(t.b);
  const auto lost = t.world.finish(t.a, t.a.overlay->ping(t.world.now, "b"));
  ASSERT_FALSE(lost);
  t.world.run(60s);
  EXPECT_EQ(t.world.finish(t.a, t.a.overlay->ping(t.world.now, "b")).error().code, Errc::NoPath);
}

TEST(Peers, APingTakesNoLongerThanItMay) {
  Two t;
  t.world.crash(t.b);
  const Instant asked = t.world.now;
  EXPECT_EQ(t.world.finish(t.a, t.a.overlay->ping(asked, "b", 1s)).error().code, Errc::Timeout);
  EXPECT_EQ(t.world.now - asked, Duration{1s});
}

TEST(Peers, PingsUnderWayAreBounded) {
  Two t;
  t.world.crash(t.b);
  for (int i = 0; i < 4096; ++i) (void)t.a.overlay->ping(t.world.now, "b", 1h);
  EXPECT_EQ(t.world.finish(t.a, t.a.overlay->ping(t.world.now, "b", 1h)).error().code, Errc::Limit);
}

TEST(Peers, ACleanShutdownIsSeenAtOnce) {
  Two t;
  t.a.overlay->shutdown(t.world.now);
  EXPECT_TRUE(t.world.run_until([&] { return !t.b.of<PeerDown>().empty(); }, 100ms));
  // b dials again while a still says its last words: nobody may take it up.
  const auto ups = t.b.of<PeerUp>().size();
  t.world.run(300ms);
  EXPECT_EQ(t.b.of<PeerUp>().size(), ups);
}

TEST(Peers, CertificatesRotateAfterFifteenDaysWithoutACut) {
  Two t;
  const auto before = t.a.of<PeerDown>().size();
  t.world.run(1s);
  t.a.overlay->set_wall_clock({Instant{}, kEpoch + 15 * 86400 + 60});
  t.b.overlay->set_wall_clock({Instant{}, kEpoch + 15 * 86400 + 60});
  t.world.run(5s);
  EXPECT_EQ(t.a.of<PeerDown>().size(), before);
  t.world.crash(t.a);
  t.world.start(t.a);
  t.a.overlay->set_wall_clock({Instant{}, kEpoch + 15 * 86400 + 60});
  EXPECT_TRUE(t.world.run_until([&] { return t.world.linked(t.a, t.b); }, 90s));
}

// The old one runs out whatever the disk does.
TEST(Peers, ANewCertificateIsUsedAlsoIfTheDiskRefusesIt) {
  Two t;
  t.world.run(1s);
  const auto known = [&] { return t.b.overlay->known_peers().at(0).certificate->epoch; };
  const auto before = known();
  t.a.disk_full = true;
  for (Node* node : {&t.a, &t.b})
    node->overlay->set_wall_clock({Instant{}, kEpoch + 15 * 86400 + 60});
  t.world.run(3s);
  EXPECT_GT(known(), before);
  t.world.crash(t.b);  // and in the handshake
  t.world.start(t.b);
  t.b.overlay->set_wall_clock({Instant{}, kEpoch + 15 * 86400 + 60});
  EXPECT_TRUE(t.world.run_until([&] { return t.world.linked(t.a, t.b); }, 90s));
  EXPECT_GT(known(), before);
}

std::string story(std::uint64_t seed) {
  World world(seed, {.delay = 20ms, .jitter = 15ms, .loss_permille = 40});
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  world.bring_in(a, b);
  world.bring_in(a, c);
  EXPECT_TRUE(world.expose(a, "web", {"*"}));
  Client& client = world.open(b, "web", "a");
  world.say(b, world.last_key(b), std::string(50'000, 'x'));
  world.run(2s);
  EXPECT_EQ(client.received.size(), 50'000u);
  world.crash(c);
  world.run(1s);
  world.start(c);
  world.run(5s);
  EXPECT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  world.run(2s);
  return world.digest();
}

TEST(Overlay, OneSeedHasOneOutcome) {
  EXPECT_EQ(story(11), story(11));
  EXPECT_NE(story(11), story(12));
}

TEST(Peers, ANameOfAnyLengthFoundsANetwork) {
  World world;
  for (const std::size_t size : {1u, 58u, 59u, 60u, 61u, 62u, 63u}) {
    Node& node = world.add(std::string(size, 'n'));
    EXPECT_EQ(node.overlay->name().size(), size);
    EXPECT_TRUE(world.invite(node, "other"));
  }
}

TEST(Peers, AClockThatRanAheadLeavesNoCertificateOfTheFuture) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  constexpr UnixTime kYears = 10 * 365 * 86400;
  a.overlay->set_wall_clock({Instant{}, kEpoch + kYears});
  world.run(3s);
  a.overlay->set_wall_clock({Instant{}, kEpoch});
  world.run(3s);
  const auto certificate = a.overlay->network_keys()->credential.certificate;
  EXPECT_LE(certificate.not_before, kEpoch + 60);
  world.crash(b);
  world.start(b);
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, b); }));
}

}  // namespace
}  // namespace weft::overlay::testing
