// Exposing, rules and opening: default no, changes effective at once, also on open connections.
#include <gtest/gtest.h>

#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

using service::OpenStatus;

struct Two {
  explicit Two(std::uint64_t seed = 1, harness::LinkOptions link = {}) : world(seed, link) {
    world.bring_in(a, b);
  }
  Result<Outcome> allow(const std::string& who, bool yes = true) {
    return world.finish(a, a.overlay->set_access(world.now, "web", who, yes));
  }
  World world;
  Node& a = world.add("a");
  Node& b = world.add("b");
};

UnixTime wall_of(const World& world) { return WallClock{Instant{}, kEpoch}.at(world.now); }

TEST(Services, NobodyGetsInUntilAllowed) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  Client& denied = t.world.open(t.b, "web", "a");
  EXPECT_EQ(denied.refused, OpenStatus::Denied);
  EXPECT_NE(denied.refused_because.find("may not use \"web\""), std::string::npos);
  const auto refused = t.a.of<CallerDenied>();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].caller_name, "b");
  EXPECT_EQ(refused[0].service, "web");
  EXPECT_TRUE(t.a.of<InboundStream>().empty());
  ASSERT_TRUE(t.allow("b"));
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  const auto inbound = t.a.of<InboundStream>();
  ASSERT_EQ(inbound.size(), 1u);
  EXPECT_EQ(inbound[0].caller, t.b.identity.id);
  EXPECT_EQ(inbound[0].caller_name, "b");
}

TEST(Services, AShareEndsOnOpenConnectionsAndTheRefusalSaysWhy) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  const auto wall = [&] { return wall_of(t.world); };
  const service::Terms terms{wall() + 60, {}, {}};
  const auto shared = t.world.finish(t.a, t.a.overlay->share(t.world.now, "web", {"b"}, terms));
  ASSERT_TRUE(shared);
  ASSERT_EQ(std::get<ShareOutcome>(*shared).ids.size(), 1u);
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  ASSERT_TRUE(t.world.run_until([&] { return client.closed; }, 90s));
  EXPECT_GE(wall(), terms.until);
  EXPECT_LE(wall(), terms.until + 1);
  EXPECT_EQ(t.a.of<ShareEnded>().size(), 1u);
  Client& late = t.world.open(t.b, "web", "a");
  EXPECT_EQ(late.refused, OpenStatus::Denied);
  EXPECT_NE(late.refused_because.find("ended"), std::string::npos) << late.refused_because;
  ASSERT_TRUE(t.world.finish(t.b, t.b.overlay->ping(t.world.now, "a")));
  EXPECT_TRUE(t.b.overlay->services().empty());
}

TEST(Services, AShareOutlivesACrashAndItsEndDoesTo) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  const auto until = wall_of(t.world) + 600;
  ASSERT_TRUE(t.world.finish(
      t.a, t.a.overlay->share(t.world.now, "web", {"b"}, service::Terms{until, {}, {}})));
  t.world.crash(t.a);
  t.world.start(t.a);
  t.world.run(60s);
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  const auto shares = t.a.overlay->shares(t.world.now);
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_TRUE(shares[0].holds);
  EXPECT_EQ(shares[0].terms.until, until);
  t.world.crash(t.a);
  t.world.run(700s);
  t.world.start(t.a);
  t.world.run(60s);
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  EXPECT_TRUE(t.a.overlay->shares(t.world.now)[0].ended);
}

TEST(Services, WhoAsksIsLetInWhenAPersonApproves) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  const auto ask = [&](const std::string& service) {
    const auto id = t.b.overlay->ask_access(t.world.now, t.a.identity.id, service, "please");
    return std::get<AskOutcome>(t.world.finish(t.b, id).value()).status;
  };
  EXPECT_EQ(ask("none"), AskStatus::NoSuchService);
  EXPECT_EQ(ask("web"), AskStatus::Noted);
  EXPECT_EQ(ask("web"), AskStatus::Noted);
  EXPECT_EQ(t.a.of<AccessAsked>().size(), 1u);
  const auto asks = t.a.overlay->asks();
  ASSERT_EQ(asks.size(), 1u);
  EXPECT_EQ(asks[0].who_name, "b");
  EXPECT_EQ(asks[0].note, "please");
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  const service::Terms terms{wall_of(t.world) + 60, {}, {}};
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->approve(t.world.now, asks[0].id, terms)));
  EXPECT_TRUE(t.a.overlay->asks().empty());
  EXPECT_EQ(ask("web"), AskStatus::MayUse);
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  t.world.run(90s);
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  EXPECT_EQ(ask("web"), AskStatus::Noted);
  ASSERT_EQ(t.a.overlay->asks().size(), 1u);
  const auto again = t.a.overlay->asks()[0].id;
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->refuse_ask(t.world.now, again)));
  EXPECT_EQ(ask("web"), AskStatus::Refused);
  EXPECT_TRUE(t.a.overlay->asks().empty());
}

TEST(Services, AShareTakenBackEndsItsConnections) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  service::Terms terms;
  terms.from = *service::AddressRange::from_text("0.0.0.0/0");
  const auto shared = t.world.finish(t.a, t.a.overlay->share(t.world.now, "web", {"b"}, terms));
  ASSERT_TRUE(shared);
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  const auto id = std::get<ShareOutcome>(*shared).ids[0];
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->unshare(t.world.now, id)));
  EXPECT_TRUE(t.world.run_until([&] { return client.closed; }, 10s));
  EXPECT_EQ(t.world.finish(t.a, t.a.overlay->unshare(t.world.now, id)).error().code,
            Errc::NotFound);
}

TEST(Services, WhatIsNotThereIsSaidSo) {
  Two t;
  EXPECT_EQ(t.world.open(t.b, "none", "a").refused, OpenStatus::NoSuchService);
  const auto any = t.b.overlay->connect(t.world.now, "none", "");
  ASSERT_TRUE(t.b.overlay->poll_event());
  t.world.run(1s);
  const auto nobody = t.b.overlay->connect(t.world.now, "web", "nobody");
  t.world.run(1s);
  EXPECT_EQ(t.b.connect_error(nobody)->code, Errc::NotFound);
  (void)any;
}

// `weft open` counts on it: a ping's answer comes behind all that its peer had said before.
TEST(Services, AServiceIsKnownOnceAPingIsAnswered) {
  Two t(7, {.delay = 40ms, .jitter = 40ms, .loss_permille = 100});
  for (int i = 0; i < 20; ++i) {
    const auto name = "web" + std::to_string(i);
    ASSERT_TRUE(t.world.expose(t.a, name, {"b"}));
    ASSERT_TRUE(t.world.finish(t.b, t.b.overlay->ping(t.world.now, "a")));
    EXPECT_EQ(std::ranges::count(t.b.overlay->services(), name, &ServiceView::name), 1) << i;
  }
}

TEST(Services, BytesPassBothWaysAndTheEndIsCarriedThrough) {
  Two t(5, {.delay = 15ms, .jitter = 5ms, .loss_permille = 30});
  ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  const auto key = t.world.last_key(t.b);
  const std::string text(100'000, 'w');
  t.world.say(t.b, key, text);
  t.world.end(t.b, key);
  EXPECT_TRUE(t.world.run_until([&] { return client.closed; }, 60s));
  EXPECT_EQ(client.received.size(), text.size());
  EXPECT_FALSE(client.reset);
  t.world.run(2s);
  EXPECT_EQ(t.a.overlay->connections("web"), 0u);
}

// The first of them shares a packet with the stream's opening, in front of it.
TEST(Services, MessagesPassBothWaysBesideTheirStreamAndEndWithIt) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  const auto id = t.b.overlay->connect(t.world.now, "web", "a");
  ASSERT_TRUE(t.world.run_until([&] { return t.b.stream_of(id).has_value(); }));
  const StreamKey key = *t.b.stream_of(id);
  ASSERT_TRUE(t.b.overlay->send_message(t.world.now, key, bytes_of("question")));
  ASSERT_TRUE(t.world.run_until([&] { return !t.a.of<MessageArrived>().empty(); }));
  const auto question = t.a.of<MessageArrived>().front();
  EXPECT_EQ(text_of(question.payload), "question");
  ASSERT_TRUE(t.a.overlay->send_message(t.world.now, question.key, bytes_of("answer")));
  ASSERT_TRUE(t.world.run_until([&] { return !t.b.of<MessageArrived>().empty(); }));
  EXPECT_EQ(t.b.of<MessageArrived>().front().key, key);
  EXPECT_EQ(text_of(t.b.of<MessageArrived>().front().payload), "answer");
  EXPECT_EQ(t.b.overlay->send_message(t.world.now, key, Bytes(2000, 1)).error().code,
            Errc::TooLarge);
  ASSERT_TRUE(t.allow("b", false));
  EXPECT_EQ(t.a.overlay->send_message(t.world.now, question.key, bytes_of("late")).error().code,
            Errc::NotFound);
}

TEST(Services, ADenyEndsOpenConnectionsAtOnce) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  const auto ordered = t.world.now;
  ASSERT_TRUE(t.allow("b", false));
  EXPECT_EQ(t.a.overlay->connections("web"), 0u);  // `weft deny` tells how many it ended
  ASSERT_TRUE(t.world.run_until([&] { return client.reset.has_value(); }, 2s));
  EXPECT_LE(*client.ended - ordered, 100ms);
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  ASSERT_TRUE(t.allow("b"));  // and back
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
}

TEST(Services, UnexposeEndsOpenConnectionsAndForgetsTheRules) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->unexpose(t.world.now, "web")));
  ASSERT_TRUE(t.world.run_until([&] { return client.reset.has_value(); }, 2s));
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::NoSuchService);
  ASSERT_TRUE(t.world.expose(t.a, "web"));  // the name again, the old permission not
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  EXPECT_EQ(t.world.finish(t.a, t.a.overlay->unexpose(t.world.now, "nothing")).error().code,
            Errc::NotFound);
}

TEST(Services, TheConfigurationChangesATargetAndACommandDoesNot) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  const service::Exposure moved{"web", service::Protocol::Tcp, *service::Target::from_text("9090")};
  const auto by_command = t.world.finish(t.a, t.a.overlay->expose(t.world.now, moved, {}));
  ASSERT_FALSE(by_command);
  EXPECT_EQ(by_command.error().code, Errc::AlreadyExists);
  ASSERT_TRUE(
      t.world.finish(t.a, t.a.overlay->expose(t.world.now, moved, {"*"}, Wish::Configuration)));
  ASSERT_TRUE(t.world.open(t.b, "web", "a").accepted);
  EXPECT_EQ(t.a.of<InboundStream>().back().exposure.target.port, 9090);
  t.world.crash(t.a);
  t.world.start(t.a);
  ASSERT_EQ(t.a.overlay->exposures().size(), 1u);
  EXPECT_EQ(t.a.overlay->exposures()[0].target.port, 9090);
  EXPECT_EQ(t.a.overlay->access("web").allow, (std::vector<std::string>{"b", "*"}));
}

TEST(Services, TheConfigurationLetsNobodyInWhomACommandDenied) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  ASSERT_TRUE(t.allow("b", false));
  const auto kept = t.a.overlay->exposures()[0];
  ASSERT_TRUE(
      t.world.finish(t.a, t.a.overlay->expose(t.world.now, kept, {"b"}, Wish::Configuration)));
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  EXPECT_EQ(t.a.overlay->access("web").deny, std::vector<std::string>{"b"});
}

TEST(Services, DenyBeatsAllowWhateverTheirOrder) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
  ASSERT_TRUE(t.allow("b", false));
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
  ASSERT_TRUE(t.allow("*"));
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
}

TEST(Services, AGroupOpensTheDoorAndLeavingItShutsIt) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, "staff", "b", true)));
  ASSERT_TRUE(t.allow("group:staff"));
  Client& client = t.world.open(t.b, "web", "a");
  ASSERT_TRUE(client.accepted);
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->group_change(t.world.now, "staff", "b", false)));
  EXPECT_TRUE(t.world.run_until([&] { return client.reset.has_value(); }, 2s));
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
}

TEST(Services, ARuleForSomebodyUnknownIsRefused) {
  Two t;
  EXPECT_EQ(t.world.expose(t.a, "web", {"nobody"}).error().code, Errc::NotFound);
  EXPECT_TRUE(t.a.overlay->exposures().empty());
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  EXPECT_EQ(t.allow("nobody").error().code, Errc::NotFound);
  EXPECT_EQ(t.allow("group:").error().code, Errc::Usage);
}

TEST(Services, AnExposureRefusedHalfWayLeavesNothing) {
  Two t;
  EXPECT_EQ(t.world.expose(t.a, "web", {"b", "group:No_Label"}).error().code, Errc::Usage);
  EXPECT_EQ(t.world.expose(t.a, "web", {"b", "group:nope"}).error().code, Errc::NotFound);
  EXPECT_TRUE(t.a.overlay->exposures().empty());
  ASSERT_TRUE(t.world.expose(t.a, "web"));
  EXPECT_EQ(t.world.open(t.b, "web", "a").refused, OpenStatus::Denied);
}

// Its target is still being connected when the permission goes: that comes too late.
TEST(Services, ADenyStopsWhoIsAboutToBeLetIn) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  t.a.slow_targets = true;
  (void)t.b.overlay->connect(t.world.now, "web", "a");
  ASSERT_TRUE(t.world.run_until([&] { return !t.a.of<InboundStream>().empty(); }));
  const auto key = t.a.of<InboundStream>()[0].key;
  ASSERT_TRUE(t.allow("b", false));
  EXPECT_EQ(t.a.of<DataClosed>().size(), 1u);  // who connects learns that it need not
  t.a.overlay->accept(t.world.now, key);
  EXPECT_EQ(t.a.overlay->connections("web"), 0u);
}

TEST(Services, WhoResetsBeforeTheTargetAnswersIsForgotten) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  t.a.slow_targets = true;
  const auto id = t.b.overlay->connect(t.world.now, "web", "a");
  ASSERT_TRUE(t.world.run_until([&] { return !t.a.of<InboundStream>().empty(); }));
  const auto key = t.b.stream_of(id);
  t.b.overlay->sessions().reset(t.world.now, key->session, key->stream, 7);
  ASSERT_TRUE(t.world.run_until([&] { return !t.a.of<DataReset>().empty(); }));
  EXPECT_EQ(t.a.of<DataClosed>().size(), 1u);
  t.a.overlay->accept(t.world.now, t.a.of<InboundStream>()[0].key);
  EXPECT_EQ(t.a.overlay->connections("web"), 0u);
}

TEST(Services, ANodeCalledLikeAnothersIdDoesNotTakeItsPlace) {
  Two t;
  Node& c = t.world.add(to_text(t.b.identity.id));
  t.world.bring_in(t.a, c);
  ASSERT_EQ(c.overlay->name(), to_text(t.b.identity.id));
  const auto meant = t.a.overlay->find_node(to_text(t.b.identity.id));
  ASSERT_TRUE(meant);
  EXPECT_EQ(*meant, t.b.identity.id);
  ASSERT_TRUE(t.world.expose(t.a, "web", {to_text(t.b.identity.id)}));
  EXPECT_TRUE(t.world.open(t.b, "web", "a").accepted);
}

TEST(Services, PeersSeeWhatTheyMayUseAndNothingElse) {
  Two t;
  Node& c = t.world.add("c");
  t.world.bring_in(t.a, c);
  ASSERT_TRUE(t.world.expose(t.a, "web", {"b"}));
  EXPECT_TRUE(t.world.run_until([&] { return t.b.overlay->services().size() == 1; }, 2s));
  EXPECT_EQ(t.b.overlay->services()[0].name, "web");
  EXPECT_EQ(t.b.overlay->services()[0].port, 8080);
  t.world.run(1s);
  EXPECT_TRUE(c.overlay->services().empty());
  ASSERT_TRUE(t.allow("b", false));
  EXPECT_TRUE(t.world.run_until([&] { return t.b.overlay->services().empty(); }, 2s));
}

TEST(Services, WithoutANodeTheOnlyOneThatOffersItServes) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
  ASSERT_TRUE(t.world.run_until([&] { return !t.b.overlay->services().empty(); }, 2s));
  EXPECT_TRUE(t.world.open(t.b, "web", "").accepted);
}

TEST(Services, AThousandConnectionsOpenAndCloseAndNothingStays) {
  Two t;
  ASSERT_TRUE(t.world.expose(t.a, "web", {"*"}));
  std::vector<CommandId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(t.b.overlay->connect(t.world.now, "web", "a"));
  EXPECT_TRUE(t.world.run_until([&] { return t.a.overlay->connections("web") == 1000; }, 10s));
  for (const auto id : ids) {
    const auto key = t.b.stream_of(id);
    ASSERT_TRUE(key);
    t.world.end(t.b, *key);
  }
  EXPECT_TRUE(t.world.run_until([&] { return t.a.overlay->connections("web") == 0; }, 10s));
  t.world.run(1s);
  EXPECT_EQ(t.a.overlay->peers()[0].session->open_streams, 2u);  // control and broker
}

TEST(Services, StreamsThatAskForNothingAreBounded) {
  Two t;
  t.world.run(5s);
  ASSERT_TRUE(t.world.linked(t.a, t.b));
  auto& sessions = t.b.overlay->sessions();
  session::SessionId session = 0;
  for (session::SessionId id = 1; id < 20 && session == 0; ++id)
    if (const auto info = sessions.info(id); info && info->up) session = id;
  ASSERT_NE(session, 0u);
  const auto downs = t.a.of<PeerDown>().size();
  for (int i = 0; i < 2000; ++i)
    if (const auto stream = sessions.open_stream(t.world.now, session))
      sessions.write(t.world.now, session, *stream, bytes_of("\x01"));
  t.world.run(1s);
  EXPECT_GT(t.a.of<PeerDown>().size(), downs);
}

}  // namespace
}  // namespace weft::overlay::testing
