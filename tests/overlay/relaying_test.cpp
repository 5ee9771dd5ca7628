// Members that do not reach each other: they talk through one that both reach, change relays when
// one fails, and go direct as soon as they can. a and b are cut; r, and sometimes s, see both.
#include <gtest/gtest.h>

#include "overlay/network.hpp"
#include "overlay/relaying/relay_home.hpp"
#include "overlay/roster/ticket.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

struct Split : World {
  explicit Split(std::uint64_t seed = 1, int relays = 1) : World(seed) {
    r = &add("r");
    a = &add("a");
    b = &add("b");
    cut(*a, *b);
    bring_in(*r, *a);
    bring_in(*r, *b);
    if (relays > 1) {
      s = &add("s");
      bring_in(*r, *s);
    }
  }
  std::optional<session::SessionInfo> session(const Node& from, const Node& to) const {
    for (const auto& peer : from.overlay->peers())
      if (peer.id == to.identity.id) return peer.session;
    return std::nullopt;
  }
  // The relay between the two; zero: they talk directly; nothing: not at all.
  std::optional<NodeId> via(const Node& from, const Node& to) const {
    const auto info = session(from, to);
    if (!info) return std::nullopt;
    return from.overlay->paths().at(info->path).via;
  }
  bool relayed(const Node& from, const Node& to, const Node& by) const {
    return via(from, to) == by.identity.id;
  }
  bool direct(const Node& from, const Node& to) const { return via(from, to) == NodeId{}; }
  bool all_meet(Duration span = 30s) {
    return run_until([&] { return via(*a, *b) && via(*b, *a); }, span);
  }
  // Who dialled everybody itself does not know that others reach it.
  void relay_both() {
    RelaySettings settings;
    settings.mode = RelaySettings::Mode::On;
    settings.source = RelaySettings::Source::Command;
    for (auto* node : {r, s}) node->overlay->set_relay(now, settings);
  }
  RelayView of(const Node& node) const { return node.overlay->relay(now); }

  Node* r = nullptr;
  Node* s = nullptr;
  Node* a = nullptr;
  Node* b = nullptr;
};

TEST(Relaying, TwoThatDoNotReachEachOtherTalkThroughAThird) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  EXPECT_TRUE(world.relayed(*world.a, *world.b, *world.r));
  EXPECT_TRUE(world.relayed(*world.b, *world.a, *world.r));
  world.expose(*world.b, "echo", {"*"});
  Client& client = world.open(*world.a, "echo", "b");
  EXPECT_TRUE(client.accepted);
  const auto key = world.last_key(*world.a);
  const std::string much(300'000, 'x');
  world.say(*world.a, key, much);
  EXPECT_TRUE(world.run_until([&] { return client.received == much; }));
  const auto view = world.of(*world.r);
  EXPECT_TRUE(view.on);
  EXPECT_EQ(view.reservations, 2);
  EXPECT_GT(view.used, 600'000);
  // What passed is nothing the relay could read: it has no stream of theirs.
  EXPECT_TRUE(world.r->served.empty());
}

TEST(Relaying, TheFirstWayIsThereWithinASecond) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  world.crash(*world.a);
  world.run(5s);
  const Instant begun = world.now;
  world.start(*world.a);
  ASSERT_TRUE(world.run_until([&] { return world.via(*world.a, *world.b).has_value(); }));
  EXPECT_LT(world.now - begun, 2s);
}

TEST(Relaying, WhenItsRelayDiesASessionGoesOnThroughAnother) {
  Split world(3, 2);
  ASSERT_TRUE(world.all_meet());
  world.expose(*world.b, "echo", {"*"});
  Client& client = world.open(*world.a, "echo", "b");
  const auto key = world.last_key(*world.a);
  world.say(*world.a, key, "one");
  ASSERT_TRUE(world.run_until([&] { return client.received == "one"; }));
  world.run(5s);  // a second circuit is made ready
  const auto first = world.via(*world.a, *world.b);
  ASSERT_TRUE(first);
  Node& dies = *first == world.r->identity.id ? *world.r : *world.s;
  Node& stays = &dies == world.r ? *world.s : *world.r;
  world.crash(dies);
  const Instant begun = world.now;
  world.say(*world.a, key, "two");
  ASSERT_TRUE(world.run_until([&] { return client.received == "onetwo"; }, 20s));
  EXPECT_LT(world.now - begun, 5s);
  EXPECT_FALSE(client.reset);
  EXPECT_TRUE(world.relayed(*world.a, *world.b, stays));
}

// What a dead path swallowed fills the window of who sends; it answers on the new path all the same.
TEST(Relaying, ATransferGoesOnWhenItsRelayDiesWhoeverSends) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Split world(seed, 2);
    world.relay_both();
    ASSERT_TRUE(world.all_meet()) << seed;
    world.expose(*world.b, "echo", {"*"});
    Client& client = world.open(*world.a, "echo", "b");
    const auto key = world.last_key(*world.a);
    world.run(6s);
    const std::string much(3'000'000, 'x');
    world.say(*world.a, key, much);
    ASSERT_TRUE(world.run_until([&] { return client.received.size() > 300'000; })) << seed;
    const auto first = world.via(*world.a, *world.b);
    ASSERT_TRUE(first) << seed;
    world.crash(*first == world.r->identity.id ? *world.r : *world.s);
    EXPECT_TRUE(world.run_until([&] { return client.received.size() == much.size(); }, 40s))
        << seed << ": " << client.received.size();
    EXPECT_FALSE(client.reset) << seed;
  }
}

// Both ends may have asked for their circuit, at the same relay: two circuits are then no spare.
TEST(Relaying, WhoeverAskedForItTheSpareLeadsThroughAnotherRelay) {
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    Split world(seed, 2);
    world.relay_both();
    ASSERT_TRUE(world.all_meet()) << seed;
    // Restarted, both want each other at the same moment.
    for (auto* node : {world.a, world.b}) world.crash(*node);
    for (auto* node : {world.a, world.b}) world.start(*node);
    ASSERT_TRUE(world.all_meet()) << seed;
    world.run(6s);
    const auto first = world.via(*world.a, *world.b);
    ASSERT_TRUE(first) << seed;
    world.crash(*first == world.r->identity.id ? *world.r : *world.s);
    ASSERT_TRUE(world.run_until(
        [&] {
          const auto next = world.via(*world.a, *world.b);
          return next && *next != *first;
        },
        10s))
        << seed;
    world.run(2s);
    EXPECT_TRUE(world.via(*world.a, *world.b)) << seed;
    EXPECT_NE(*world.via(*world.a, *world.b), *first) << seed;
  }
}

TEST(Relaying, SwitchedOffItRefusesAndSwitchedOnItServesAgain) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  RelaySettings settings;
  settings.mode = RelaySettings::Mode::Off;
  settings.source = RelaySettings::Source::Command;
  world.r->overlay->set_relay(world.now, settings);
  ASSERT_TRUE(world.run_until([&] { return !world.via(*world.a, *world.b); }, 60s));
  world.run(10s);
  EXPECT_FALSE(world.via(*world.a, *world.b));
  EXPECT_EQ(world.of(*world.r).circuits, 0);
  EXPECT_EQ(world.of(*world.r).reservations, 0);
  // It stays so over a restart.
  world.crash(*world.r);
  world.start(*world.r);
  world.run(10s);
  EXPECT_FALSE(world.of(*world.r).on);
  settings.mode = RelaySettings::Mode::Auto;
  world.r->overlay->set_relay(world.now, settings);
  EXPECT_TRUE(world.all_meet());
}

TEST(Relaying, OnceTheyReachEachOtherTheyGoDirectAndNothingIsCut) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  world.expose(*world.b, "echo", {"*"});
  Client& client = world.open(*world.a, "echo", "b");
  const auto key = world.last_key(*world.a);
  world.say(*world.a, key, "one");
  ASSERT_TRUE(world.run_until([&] { return client.received == "one"; }));
  world.cut(*world.a, *world.b, false);
  ASSERT_TRUE(world.run_until(
      [&] { return world.direct(*world.a, *world.b) && world.direct(*world.b, *world.a); }, 120s));
  world.say(*world.a, key, "two");
  ASSERT_TRUE(world.run_until([&] { return client.received == "onetwo"; }));
  EXPECT_FALSE(client.reset);
  EXPECT_TRUE(world.run_until([&] { return world.of(*world.r).circuits == 0; }, 60s));
}

TEST(Relaying, WhereAllReachEachOtherNothingIsRelayed) {
  World world;
  Node& r = world.add("r");
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(r, a);
  world.bring_in(r, b);
  ASSERT_TRUE(world.run_until([&] { return world.linked(a, b); }));
  world.run(30s);
  EXPECT_EQ(r.overlay->relay(world.now).frames.forwarded, 0);
  EXPECT_EQ(r.overlay->relay(world.now).circuits, 0);
}

TEST(Relaying, ADirectPathThatDiesIsReplacedByARelay) {
  Split world;
  world.cut(*world.a, *world.b, false);
  ASSERT_TRUE(world.run_until(
      [&] { return world.direct(*world.a, *world.b) && world.direct(*world.b, *world.a); }, 120s));
  world.expose(*world.b, "echo", {"*"});
  Client& client = world.open(*world.a, "echo", "b");
  const auto key = world.last_key(*world.a);
  world.say(*world.a, key, "one");
  ASSERT_TRUE(world.run_until([&] { return client.received == "one"; }));
  world.cut(*world.a, *world.b);
  world.say(*world.a, key, "two");
  ASSERT_TRUE(world.run_until([&] { return client.received == "onetwo"; }, 60s));
  EXPECT_FALSE(client.reset);
  EXPECT_TRUE(world.relayed(*world.a, *world.b, *world.r));
}

TEST(Relaying, TheVolumeOfAMonthCountsOverRestarts) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  RelaySettings settings;
  settings.cap = 1'000'000;
  settings.source = RelaySettings::Source::Command;
  world.r->overlay->set_relay(world.now, settings);
  world.expose(*world.b, "echo", {"*"});
  Client& client = world.open(*world.a, "echo", "b");
  world.say(*world.a, world.last_key(*world.a), std::string(2'000'000, 'x'));
  world.run(20s);
  EXPECT_LT(client.received.size(), 600'000);
  EXPECT_LE(world.of(*world.r).used, 1'000'000);
  EXPECT_GT(world.of(*world.r).frames.over_volume, 0);
  world.run(11min);  // it is kept
  const auto used = world.of(*world.r).used;
  world.crash(*world.r);
  world.start(*world.r);
  world.run(1s);
  EXPECT_EQ(world.of(*world.r).used, used);
}

// Whatever a relay does with what it carries: nothing wrong is ever read.
TEST(Relaying, ARelayThatMangledFramesIsUselessAndNothingElse) {
  for (int how = 0; how < 4; ++how) {
    Split world(static_cast<std::uint64_t>(20 + how));
    ASSERT_TRUE(world.all_meet());
    world.expose(*world.b, "echo", {"*"});
    Client& client = world.open(*world.a, "echo", "b");
    SeededRng dice(9);
    world.tap = [&](const Node& from, const Node& to, ByteView bytes) {
      if (&from != world.r || bytes.empty() || bytes[0] != relay::kFirstByte) return true;
      if (how == 0) return dice.uniform(3) != 0;  // drops a third
      // The bytes are the world's own buffer: what is written is what arrives.
      auto* wire = const_cast<std::uint8_t*>(bytes.data());
      if (how == 1 && dice.uniform(3) == 0) wire[8 + dice.uniform(bytes.size() - 8)] ^= 0x40;
      if (how == 2 && dice.uniform(3) == 0) wire[2 + dice.uniform(6)] ^= 0x01;  // another label
      if (how == 3 && dice.uniform(3) == 0) std::fill(wire + 8, wire + bytes.size(), 0);
      std::ignore = to;
      return true;
    };
    std::string said;
    for (int i = 0; i < 200; ++i) said += "line " + std::to_string(i) + "\n";
    world.say(*world.a, world.last_key(*world.a), said);
    world.run_until([&] { return client.received.size() >= said.size(); }, 60s);
    EXPECT_TRUE(said.starts_with(client.received)) << how;
    EXPECT_EQ(client.received, said) << how;  // a third lost is slow, no more
  }
}

// In a network too large for everybody to know everybody: b finds a's record in the DHT, which names r.
TEST(Relaying, AMemberFoundInTheDhtIsReachedThroughTheRelayThatItNames) {
  World world;
  Node& s = world.add("s");
  for (std::size_t i = 0; i < kEagerPeers; ++i) {
    Node& gone = world.add("n" + std::to_string(i));
    world.bring_in(s, gone);
    world.crash(gone);
  }
  Node& r = world.add("r");
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.cut(a, b);
  s.overlay->set_relay(world.now, {.mode = RelaySettings::Mode::Off});
  for (Node* node : {&r, &a, &b}) world.bring_in(s, *node);
  ASSERT_TRUE(
      world.finish(a, a.overlay->ping(world.now, "r")));  // a has a session with r, b has none
  ASSERT_TRUE(world.run_until([&] { return r.overlay->relay(world.now).reservations > 0; }));
  EXPECT_FALSE(world.linked(b, r));
  world.run(60s);  // until a's record is there
  EXPECT_TRUE(world.finish(b, b.overlay->ping(world.now, "a"), 60s));
  EXPECT_TRUE(world.linked(a, b));
}

// A service that is not given through a relay, and a door that takes none; direct, both serve.
TEST(Relaying, WhatAsksForADirectWayTakesNoRelay) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  const auto target = *service::Target::from_text("8080");
  const auto give = [&](bool direct_only) {
    return world
        .finish(*world.b,
                world.b->overlay->expose(
                    world.now, {"echo", service::Protocol::Tcp, target, direct_only}, {"*"}))
        .has_value();
  };
  ASSERT_TRUE(give(false));
  EXPECT_TRUE(world.open(*world.a, "echo", "b").accepted);  // the control: through the relay
  const auto through_relay = world.last_key(*world.a);
  ASSERT_TRUE(give(true));
  EXPECT_TRUE(world.run_until([&] { return world.a->clients[through_relay].reset.has_value(); }));
  const Client& refused = world.open(*world.a, "echo", "b");
  EXPECT_EQ(refused.refused, service::OpenStatus::NotDirect);

  world.cut(*world.a, *world.b, false);
  ASSERT_TRUE(world.run_until([&] { return world.direct(*world.a, *world.b); }, 120s));
  EXPECT_TRUE(world.open(*world.a, "echo", "b").accepted);
  const auto direct = world.last_key(*world.a);
  world.cut(*world.a, *world.b);  // back to the relay: it ends
  EXPECT_TRUE(world.run_until(
      [&] {
        const auto& client = world.a->clients[direct];
        return client.reset.has_value() || client.closed;
      },
      60s));
}

TEST(Relaying, ADoorThatTakesNoRelayWaitsForADirectWay) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  ASSERT_TRUE(world.expose(*world.b, "echo", {"*"}));
  service::Mapping door;
  door.service = "echo";
  door.node = world.b->identity.id;
  door.listen = Endpoint::v4(0x7f000001, 7001);
  door.direct = true;
  const auto made = world.finish(*world.a, world.a->overlay->add_mapping(world.now, door));
  ASSERT_TRUE(made);
  const auto id = std::get<MappingOutcome>(*made).mapping.id;
  const auto first = world.a->overlay->connect_door(world.now, id);
  EXPECT_TRUE(world.run_until([&] { return world.a->connect_error(first).has_value(); }));
  EXPECT_NE(world.a->connect_error(first)->detail.find("relay"), std::string::npos);

  world.cut(*world.a, *world.b, false);
  ASSERT_TRUE(world.run_until([&] { return world.direct(*world.a, *world.b); }, 120s));
  const auto second = world.a->overlay->connect_door(world.now, id);
  EXPECT_TRUE(world.run_until([&] { return world.a->stream_of(second).has_value(); }));
}

// a, an admin, invites; b reaches nobody but r. Joining is tried with whatever is made of the ticket.
struct Invited : World {
  Invited() {
    r = &add("r");
    a = &add("a");
    b = &add("b");
    cut(*a, *b);
    bring_in(*r, *a, {"expose", "admin"});
    EXPECT_TRUE(run_until([&] { return r->overlay->relay(now).reservations > 0; }));
  }
  std::string ticket(Duration ttl = 15min) {
    const auto invited = invite(*a, "b", {"expose"}, {}, ttl);
    EXPECT_TRUE(invited);
    run(100ms);  // until r knows
    return invited ? invited->ticket : std::string();
  }
  std::uint64_t let_through() const { return r->overlay->relay(now).server.introduced; }
  bool enters(const std::string& text) {
    const auto joined = join(*b, text);
    if (joined) {
      EXPECT_EQ(joined->path, path::PathKind::Circuit);
      EXPECT_EQ(joined->via, a->identity.id);
    }
    return joined.has_value();
  }
  Node* r = nullptr;
  Node* a = nullptr;
  Node* b = nullptr;
};

TEST(Relaying, ATicketBringsANodeInThroughARelay) {
  Invited world;
  const auto text = world.ticket();
  const auto ticket = roster::Ticket::from_text(text);
  ASSERT_TRUE(ticket);
  const auto* named = std::get_if<RelayAddress>(&ticket->addresses.back());
  ASSERT_TRUE(named);
  EXPECT_EQ(named->relay, world.r->identity.id);
  EXPECT_TRUE(world.enters(text));
  EXPECT_TRUE(world.run_until([&] { return world.linked(*world.a, *world.b); }, 60s));
  EXPECT_EQ(world.let_through(), 1);
}

// r lets nobody through without the ticket's secret.
TEST(Relaying, AForgedTicketLeadsNowhere) {
  Invited world;
  const auto text = world.ticket();
  auto forged = *roster::Ticket::from_text(text);
  forged.secret[0] ^= 1;
  EXPECT_FALSE(world.enters(forged.to_text()));
  EXPECT_EQ(world.let_through(), 0);
  EXPECT_TRUE(world.enters(text));  // the control
  EXPECT_EQ(world.let_through(), 1);
}

TEST(Relaying, ATicketTakenBackLeadsNowhere) {
  Invited world;
  const auto text = world.ticket();
  ASSERT_TRUE(world.finish(*world.a, world.a->overlay->cancel_invite(world.now, "b")));
  world.run(1s);
  EXPECT_FALSE(world.enters(text));
  EXPECT_EQ(world.let_through(), 0);
  EXPECT_TRUE(world.enters(world.ticket()));  // the control: the next one
}

TEST(Relaying, AnExpiredTicketLeadsNowhere) {
  Invited world;
  const auto text = world.ticket(60s);
  world.run(61s);
  EXPECT_FALSE(world.enters(text));
  EXPECT_EQ(world.let_through(), 0);
  const auto next = world.ticket(60s);
  world.run(30s);
  EXPECT_TRUE(world.enters(next));  // the control: half its life is over
}

// What a failed attempt leaves at relay and inviter is gone before it counts as one joiner more.
TEST(Relaying, WhoTriesAgainAndAgainGetsInAtLast) {
  Invited world;
  const auto text = world.ticket();
  ASSERT_TRUE(world.enters(text));
  Node& c = world.add("c");
  world.cut(*world.a, c);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(world.join(c, text));  // it is used
  const auto next = world.invite(*world.a, "c");
  ASSERT_TRUE(next);
  world.run(100ms);
  const auto joined = world.join(c, next->ticket);
  ASSERT_TRUE(joined) << joined.error().detail;
  EXPECT_EQ(joined->path, path::PathKind::Circuit);
}

// Another relay, or the same one started anew, is told of the tickets that are out.
TEST(Relaying, ARelayStartedAnewLetsTheTicketThrough) {
  Invited world;
  const auto text = world.ticket();
  world.crash(*world.r);
  world.run(5s);
  EXPECT_FALSE(world.enters(text));
  world.start(*world.r);
  ASSERT_TRUE(
      world.run_until([&] { return world.r->overlay->relay(world.now).reservations > 0; }, 120s));
  world.run(1s);
  EXPECT_TRUE(world.enters(text));
}

// Who leaves while it relays, or while it is relayed, leaves nothing behind at the others.
TEST(Relaying, WhoLeavesItsNetworkLeavesNoCircuitBehind) {
  Split world;
  ASSERT_TRUE(world.all_meet());
  EXPECT_GT(world.of(*world.r).circuits, 0);
  ASSERT_TRUE(world.finish(*world.b, world.b->overlay->leave(world.now)));
  world.run(10s);
  EXPECT_EQ(world.of(*world.r).circuits, 0);
  EXPECT_EQ(world.of(*world.r).reservations, 1);  // a's
}

}  // namespace
}  // namespace weft::overlay::testing
