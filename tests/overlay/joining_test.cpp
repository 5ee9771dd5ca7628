// Tickets and the ways they fail, and what a node brings along when it joins.
#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "overlay/control_message.hpp"
#include "overlay/roster/ticket.hpp"
#include "tests/harness/pair.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

TEST(Joining, ATicketBringsANodeInUnderTheInvitesName) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("laptop");
  const auto ticket = world.invite(a, "b");
  ASSERT_TRUE(ticket);
  const auto joined = world.join(b, ticket->ticket);
  ASSERT_TRUE(joined) << joined.error().detail;
  EXPECT_EQ(joined->name, "b");
  EXPECT_EQ(joined->via, a.identity.id);
  EXPECT_EQ(joined->via_name, "a");
  EXPECT_EQ(b.overlay->name(), "b");
  EXPECT_EQ(b.overlay->role(), "member");
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, b); }));
  EXPECT_TRUE(world.same_head(a, b));
}

TEST(Joining, TakesWellUnderASecondOnALossyReorderingLink) {
  World world(3, {.delay = 20ms, .jitter = 10ms, .loss_permille = 50});
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(world.join(b, ticket->ticket));
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, b); }, 10s));
}

TEST(Joining, ATicketWorksOnceAndTheSecondNodeIsToldSo) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  const auto ticket = world.invite(a, "b");
  ASSERT_TRUE(world.join(b, ticket->ticket));
  const auto again = world.join(c, ticket->ticket);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::Conflict);
  EXPECT_TRUE(a.noticed("refused a join"));
  EXPECT_EQ(c.overlay->members().size(), 1u);  // still in its own network, and whole
  EXPECT_TRUE(world.expose(c, "web"));
}

// It was let in, its answer got lost, and it was removed before it asked again.
TEST(Joining, WhoWasRemovedMeanwhileIsToldSo) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  bool deaf = false;  // b
  world.tap = [&](const Node&, const Node& to, ByteView) { return !deaf || &to != &b; };
  const auto first = b.overlay->join(world.now, ticket->ticket);
  ASSERT_TRUE(world.run_until([&] { return deaf = a.overlay->members().size() == 2; }, 10s));
  const auto lost = world.finish(b, first);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Errc::NoPath);
  deaf = false;
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  const auto started = world.now;
  const auto again = world.join(b, ticket->ticket);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::Denied);
  EXPECT_NE(again.error().detail.find("removed"), std::string::npos) << again.error().detail;
  EXPECT_LE(world.now - started, 5s);
}

TEST(Joining, AnExpiredTicketIsRefusedOnBothSides) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b", {"expose"}, {}, 60s);
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(world.invite(a, "c", {"expose"}, {}, 1h));  // so that joiners are heard at all
  world.run(61s);
  const auto late = world.join(b, ticket->ticket);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::Expired);
  // A joiner whose clock is slow gets no further: the inviter judges by its own.
  b.overlay->set_wall_clock({world.now, kEpoch});
  const auto slow = world.join(b, ticket->ticket);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, Errc::Expired);
  EXPECT_EQ(a.overlay->members().size(), 1u);
}

TEST(Joining, AForgedSecretIsRefusedAndTheTrueTicketStaysGood) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  auto forged = *roster::Ticket::from_text(ticket->ticket);
  forged.secret[0] ^= 1;
  const auto wrong = world.join(b, forged.to_text());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::AuthFailed);
  EXPECT_TRUE(world.join(b, ticket->ticket));
}

TEST(Joining, ATicketOfAnotherNetworkMeetsSilence) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& other = world.add("other");
  auto stray = *roster::Ticket::from_text(world.invite(other, "b")->ticket);
  stray.addresses = udp_addresses({a.endpoint});  // says it is reached where a is
  const auto counters = a.overlay->sessions().counters().gate_wrong;
  const auto joined = world.join(b, stray.to_text());
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code, Errc::NoPath);
  EXPECT_GT(a.overlay->sessions().counters().gate_wrong, counters);
  EXPECT_EQ(b.overlay->members().size(), 1u);
}

TEST(Joining, NobodyHomeIsToldWithinTheJoinTimeout) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  world.cut(a, b);
  const auto started = world.now;
  const auto joined = world.join(b, ticket->ticket);
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code, Errc::NoPath);
  EXPECT_LE(world.now - started, 21s);
  world.cut(a, b, false);
  EXPECT_TRUE(world.join(b, ticket->ticket));  // nothing was burnt
}

TEST(Joining, ATakenNameIsRefusedAtTheInviteAndAtTheDoor) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  EXPECT_EQ(world.invite(a, "a").error().code, Errc::AlreadyExists);
  const auto first = world.invite(a, "nas");
  Node& d = world.add("d");
  world.bring_in(a, d, {"admin"});
  const auto second = world.invite(d, "nas");  // both are still only invitations
  ASSERT_TRUE(world.join(b, first->ticket));
  ASSERT_TRUE(world.run_until([&] { return world.same_head(a, d); }));
  const auto taken = world.join(c, second->ticket);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::AlreadyExists);
  EXPECT_EQ(world.invite(a, "nas").error().code, Errc::AlreadyExists);
}

// The inviter's clock decides, and where the two differ both ends say by how much.
TEST(Joining, ATicketThatOnlyOneClockCallsExpired) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  ASSERT_TRUE(world.invite(a, "c", {"expose"}, {}, 24h));
  world.run(1s);
  a.overlay->set_wall_clock({world.now, kEpoch + 2 * 3600});
  const auto id = b.overlay->join(world.now, ticket->ticket);
  const auto late = world.finish(b, id);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::Expired);
  EXPECT_TRUE(late.error().detail.contains("is 119 min behind") ||
              late.error().detail.contains("is 2 h behind"))
      << late.error().detail;
  EXPECT_EQ(b.of<CommandDone>().back().refusal, Refusal::Clock);
  EXPECT_TRUE(a.noticed("ahead of the joiner's"));
}

TEST(Joining, WhoIsNotReachedIsNamedByTheAddressesThatWereTried) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b", {"expose"}, {}, 60s);
  world.cut(a, b);
  const auto lost = world.join(b, ticket->ticket);
  ASSERT_FALSE(lost);
  EXPECT_TRUE(lost.error().detail.contains("tried " + to_text(a.endpoint))) << lost.error().detail;
  world.run(60s);
  const auto started = world.now;
  const auto late = world.join(b, ticket->ticket);  // by its clock, and nobody there to ask
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::Expired);
  EXPECT_LE(world.now - started, 6s);
}

TEST(Joining, WhatStandsInTheWayOfAJoinIsToldApart) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  world.bring_in(a, b);
  const auto refusal = [&](Node& node, const std::string& ticket) {
    EXPECT_FALSE(world.join(node, ticket));
    return node.of<CommandDone>().back().refusal;
  };
  EXPECT_EQ(refusal(b, world.invite(a, "b2")->ticket), Refusal::Here);
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  ASSERT_TRUE(world.run_until([&] { return b.overlay->role() == "none"; }));
  EXPECT_EQ(refusal(b, world.invite(a, "b")->ticket), Refusal::Removed);
}

TEST(Joining, WhoIsInANetworkWithOthersJoinsAnotherBesideIt) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  world.bring_in(a, b);
  const auto home = b.overlay->network();
  ASSERT_TRUE(world.join(b, world.invite(c, "b")->ticket));
  EXPECT_EQ(b.overlay->network(), home);
  EXPECT_EQ(b.overlay->networks(world.now).size(), 2u);
  const auto own = world.invite(a, "b2");
  EXPECT_EQ(world.join(a, own->ticket).error().code, Errc::AlreadyExists);
}

TEST(Joining, ExposuresAndDoorsSurviveTheMove) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  ASSERT_TRUE(world.expose(b, "web", {"*"}));
  world.bring_in(a, b);
  ASSERT_EQ(b.overlay->exposures().size(), 1u);
  EXPECT_EQ(b.overlay->exposures()[0].name, "web");
  // Rules named people of the old network: they stay behind, and the default is no.
  EXPECT_TRUE(b.overlay->access("web").allow.empty());
  world.crash(b);
  world.start(b);
  EXPECT_EQ(b.overlay->exposures().size(), 1u);
}

struct Mover {  // exposes and opens something, then joins
  Mover() {
    WEFT_ASSERT(world.expose(b, "web").has_value());
    for (const std::uint16_t port : {std::uint16_t{5001}, std::uint16_t{5002}}) {
      service::Mapping door;
      door.service = "db";
      door.node = a.identity.id;
      door.listen = Endpoint::v4(0x7f000001, port);
      WEFT_ASSERT(world.finish(b, b.overlay->add_mapping(world.now, door)).has_value());
    }
    WEFT_ASSERT(world.finish(b, b.overlay->remove_mapping(world.now, 1)).has_value());
  }
  // The disk takes so long to store the join.
  void start_join(Duration disk_delay) {
    const auto ticket = world.invite(a, "b");
    b.disk_delay = disk_delay;
    (void)b.overlay->join(world.now, ticket->ticket);
  }
  bool run_until_moved() {
    return world.run_until([&] { return b.overlay->network() == a.overlay->network(); });
  }
  void take_back() {
    ASSERT_TRUE(world.finish(b, b.overlay->unexpose(world.now, "web")));
    ASSERT_TRUE(world.finish(b, b.overlay->remove_mapping(world.now, 2)));
    world.crash(b);
    world.start(b);
    EXPECT_TRUE(b.overlay->exposures().empty());
    EXPECT_TRUE(b.overlay->mappings().empty());
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
};

TEST(Joining, WhatIsTakenBackAfterTheMoveStaysAway) {
  Mover m;
  m.world.bring_in(m.a, m.b);
  ASSERT_EQ(m.b.overlay->mappings().size(), 1u);
  EXPECT_EQ(m.b.overlay->mappings()[0].id, 2u);  // as its door knows it
  m.take_back();
}

TEST(Joining, AMoveCutShortIsEndedByTheNextStart) {
  Mover m;
  m.start_join(100ms);
  ASSERT_TRUE(m.run_until_moved());
  m.world.crash(m.b);
  m.b.disk_delay = 1ms;
  m.world.start(m.b);
  EXPECT_EQ(m.b.overlay->network(), m.a.overlay->network());
  EXPECT_EQ(m.b.overlay->exposures().size(), 1u);
  EXPECT_EQ(m.b.overlay->mappings().size(), 1u);
  m.take_back();
}

TEST(Joining, WhatIsExposedWhileTheJoinIsBeingStoredComesAlong) {
  Mover m;
  m.start_join(2s);
  m.world.run(1s);
  ASSERT_TRUE(m.world.expose(m.b, "late"));
  ASSERT_TRUE(m.run_until_moved());
  EXPECT_EQ(m.b.overlay->exposures().size(), 2u);
}

// Once the disk is at it there is no way back, whatever becomes of the inviter or of the time.
TEST(Joining, AJoinThatIsBeingStoredIsNotGivenUp) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  const auto network = a.overlay->network();
  b.disk_delay = 90s;
  const auto id = b.overlay->join(world.now, ticket->ticket);
  world.run(2s);
  world.crash(a);
  const auto joined = world.finish(b, id, 200s);
  EXPECT_TRUE(joined) << joined.error().detail;
  world.run(100s);
  EXPECT_EQ(b.overlay->network(), network);
}

TEST(Joining, AnInvitesAllowIsOnTheDiskBeforeTheJoinerIsIn) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  ASSERT_TRUE(world.expose(a, "web"));
  const auto ticket = world.invite(a, "b", {"expose"}, {"web"});
  a.disk_delay = 500ms;
  ASSERT_TRUE(world.join(b, ticket->ticket));
  world.crash(a);
  a.disk_delay = 1ms;
  world.start(a);
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, b); }));
  EXPECT_TRUE(world.open(b, "web", "a").accepted);
}

TEST(Joining, AnInvitesAllowOutlivesAFullDisk) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  ASSERT_TRUE(world.expose(a, "web"));
  const auto ticket = world.invite(a, "b", {"expose"}, {"web"});
  a.disk_full = true;
  ASSERT_FALSE(world.join(b, ticket->ticket));
  a.disk_full = false;
  world.run(12s);
  ASSERT_TRUE(world.join(b, ticket->ticket));
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, b); }));
  EXPECT_TRUE(world.open(b, "web", "a").accepted);
}

// An inviter that speaks as it likes, at the address of a node of the world.
struct FalseInviter {
  FalseInviter() {
    end.join(NetworkId{crypto::sha256(bytes_of("trap"))}, crypto::sha256(bytes_of("secret")), true);
    world.tap = [this](const Node& from, const Node& to, ByteView bytes) {
      if (&from == &b && &to == &place)
        end.layer.handle_datagram(world.now, {PathId::Udp, {}, b.endpoint, Ecn::NotEct, bytes});
      return &to != &place && &from != &place;
    };
  }
  std::string ticket() {
    roster::Ticket out;
    out.network = end.network.id;
    out.network_secret = end.network.secret;
    out.inviter = end.identity.public_key();
    out.addresses = udp_addresses({place.endpoint});
    out.name = "b";
    out.expires = kEpoch + 900;
    return out.to_text();
  }
  // Answers the first bytes of the joiner with these messages.
  void run(const std::vector<ControlMessage>& said) {
    Bytes buffer(kTransmitBufferSize);
    for (int i = 0; i < 400; ++i) {
      world.run(5ms);
      end.layer.handle_timeout(world.now);
      while (auto t = end.layer.poll_transmit(world.now, buffer)) {
        const std::size_t segment = t->segment_size ? t->segment_size : t->size;
        for (std::size_t at = 0; at < t->size; at += segment)
          b.overlay->handle_datagram(
              world.now, {PathId::Udp, b.endpoint, place.endpoint, t->ecn,
                          ByteView(buffer).subspan(at, std::min(segment, t->size - at))});
      }
      while (auto event = end.layer.poll_event())
        if (const auto* first = std::get_if<session::StreamOpened>(&*event))
          for (const auto& message : said)
            end.layer.write(world.now, first->session, first->stream, encode(message));
    }
  }
  World world;
  Node& b = world.add("b");
  Node& place = world.add("place");
  harness::FakeTrust trust;
  harness::End end{5, place.endpoint, trust, {}};
};

TEST(Joining, AnInviterThatPromisesARosterAndSendsNoneIsLeft) {
  FalseInviter trap;
  const auto id = trap.b.overlay->join(trap.world.now, trap.ticket());
  trap.run({JoinAnswer{JoinStatus::Ok, {}, "b"}, RosterEntries{{}, true, true}});
  const auto answer = trap.b.answer(id);
  ASSERT_TRUE(answer.has_value());
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, Errc::Malformed);
}

TEST(Joining, AnInviterThatWasRemovedLetsNobodyIn) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  world.bring_in(a, b, {"expose", "admin"});
  const auto ticket = world.invite(b, "c");
  ASSERT_TRUE(world.finish(a, a.overlay->remove_node(world.now, "b")));
  ASSERT_TRUE(world.run_until([&] { return b.overlay->role() == "none"; }, 5s));
  const auto refused = world.join(c, ticket->ticket);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Denied);
}

TEST(Joining, OnlyAnAdminInvites) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  Node& d = world.add("d");
  world.bring_in(a, b);
  EXPECT_EQ(world.invite(b, "c").error().code, Errc::Denied);
  world.bring_in(a, c, {"expose", "admin"});
  EXPECT_EQ(c.overlay->role(), "admin");
  world.bring_in(c, d);  // somebody else than the founder
  EXPECT_TRUE(world.run_until([&] { return world.linked(a, d) && world.linked(b, d); }, 10s));
}

TEST(Joining, AnInvitesAllowOpensThatServiceToTheNewcomerAlone) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  Node& c = world.add("c");
  ASSERT_TRUE(world.expose(a, "web"));
  const auto ticket = world.invite(a, "b", {"expose"}, {"web"});
  ASSERT_TRUE(world.join(b, ticket->ticket));
  world.bring_in(a, c);
  EXPECT_TRUE(world.open(b, "web", "a").accepted);
  EXPECT_EQ(world.open(c, "web", "a").refused, service::OpenStatus::Denied);
}

TEST(Joining, AJoinersSessionThatSaysNothingIsEnded) {
  World world;
  Node& a = world.add("a");
  ASSERT_TRUE(world.invite(a, "b"));
  // A stranger with the network's secret, say from an old ticket, comes up in join mode and idles.
  SeededRng rng(77);
  const auto ticket = *roster::Ticket::from_text(world.invite(a, "c")->ticket);
  OverlayConfig config;
  config.join_timeout = 10h;
  Node& stranger = world.add("stranger", [](OverlayConfig& c) { c.join_timeout = 10h; });
  world.tap = [&](const Node& from, const Node&, ByteView) {
    // It never answers anything once its handshake is through.
    return &from != &stranger || a.overlay->sessions().session_count() == 0 ||
           a.of<PeerUp>().empty();
  };
  (void)stranger.overlay->join(world.now, ticket.to_text());
  world.run(3min);
  EXPECT_EQ(a.overlay->sessions().session_count(), 0u);
}

TEST(Joining, AJoinersSessionIsForOneStreamOnly) {
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
  const auto ticket = world.invite(a, "b");
  a.disk_delay = 20s;  // the join stays open meanwhile
  (void)b.overlay->join(world.now, ticket->ticket);
  ASSERT_TRUE(world.run_until([&] { return a.overlay->sessions().session_count() == 1; }, 5s));
  world.run(200ms);
  ASSERT_EQ(a.overlay->sessions().session_count(), 1u);
  const auto more = b.overlay->sessions().open_stream(world.now, 1);
  ASSERT_TRUE(more);
  b.overlay->sessions().write(world.now, 1, *more, bytes_of("x"));
  world.run(2s);
  EXPECT_EQ(a.overlay->sessions().session_count(), 0u);
}

}  // namespace
}  // namespace weft::overlay::testing
