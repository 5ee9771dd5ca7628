// Each part alone: what it asks for when it is told something.
#include <gtest/gtest.h>

#include "overlay/credential/credential.hpp"
#include "overlay/joining/inviter.hpp"
#include "overlay/members/members.hpp"
#include "overlay/network_members.hpp"
#include "overlay/peers/peers.hpp"
#include "overlay/sync/sync.hpp"
#include "tests/overlay/bench.hpp"

namespace weft::overlay::testing {
namespace {

// ---- links --------------------------------------------------------------------------------------

// The session below takes no byte: a peer that does not read.
TEST(Links, APeerThatDoesNotReadLosesFramesOfOnePartAndKeepsItsSession) {
  Bench t;
  const Identity ash = t.let_in("ash");
  t.links->add(t.now, t.up(ash, 1));
  ASSERT_TRUE(t.links->may_open(1));
  t.links->open(1, 0);
  EXPECT_FALSE(t.links->may_open(1));
  const Bytes answer(60'000, 'x');
  for (int i = 0; i < 30; ++i) t.links->say(t.now, Room::Sync, {1, answer});
  EXPECT_LE(t.links->waiting(1, Room::Sync), kMaxQueue);
  EXPECT_EQ(t.links->counters().frames_lost, 30 - kMaxQueue / answer.size());
  EXPECT_TRUE(t.links->busy(1, Room::Sync));
  EXPECT_FALSE(t.links->busy(1, Room::Peers));
  t.links->say(t.now, Room::Peers, {1, to_bytes(bytes_of("hello"))});
  EXPECT_EQ(t.links->waiting(1, Room::Peers), 5u);
  EXPECT_TRUE(t.links->is_open(1));
  EXPECT_FALSE(t.links->poll_room());
  t.links->say(t.now, Room::Peers, {2, answer});  // no such session: nothing happens
}

TEST(Links, WhatIsSaidToAllReachesTheOpenLinksOfThatNetwork) {
  Bench t;
  const Identity ash = t.let_in("ash");
  for (SessionId id = 1; id <= 4; ++id) t.links->add(t.now, t.up(ash, id, id == 4));
  auto other = t.up(ash, 5);
  other.network = NetworkId{{7}};
  t.links->add(t.now, other);
  for (const SessionId id : {1, 2, 4, 5}) t.links->open(id, 0);
  t.links->say_all(t.now, Room::Peers, t.roster->network(),
                   {to_bytes(bytes_of("news")), {1, {}}, 2});
  EXPECT_EQ(t.links->waiting(1, Room::Peers), 4u);
  for (const SessionId id : {2, 3, 4, 5}) EXPECT_EQ(t.links->waiting(id, Room::Peers), 0u) << id;
}

// ---- credential ---------------------------------------------------------------------------------

TEST(Credential, AKeyIsRotatedAndUsedOnceTheDiskHasAnswered) {
  Bench t;
  Credential credential(*t.beside);
  credential.begin(t.now);
  const auto first = credential.current().certificate.epoch;
  credential.rotate_if_due(t.now);
  EXPECT_TRUE(t.poll(credential).empty());
  t.clock = WallClock{t.now, 1'800'000'000 + kCertificateRotation};
  credential.handle_timeout(t.now + kCredentialLook);
  const auto stores = t.of<Store>(t.poll(credential));
  ASSERT_EQ(stores.size(), 1u);
  EXPECT_EQ(stores[0].rows.size(), 2u);
  EXPECT_EQ(credential.current().certificate.epoch, first);
  credential.rotate_if_due(t.now);  // one on its way is enough
  EXPECT_TRUE(t.poll(credential).empty());
  stores[0].then(t.now, fail(Errc::Storage, "full"));
  EXPECT_GT(credential.current().certificate.epoch, first);
  ASSERT_TRUE(credential.previous());
  EXPECT_EQ(credential.previous()->certificate.epoch, first);
}

TEST(Credential, WhatWasStoredIsLoaded) {
  Bench t;
  Credential credential(*t.beside);
  credential.begin(t.now);
  Credential again(*t.beside);
  for (const auto& row : credential.rows()) ASSERT_TRUE(again.load(row));
  again.begin(t.now);
  EXPECT_EQ(again.current().certificate.epoch, credential.current().certificate.epoch);
  EXPECT_FALSE(again.load({Table::Network, t.roster->network(), to_bytes(bytes_of("static")),
                           to_bytes(bytes_of("short"))}));
}

// ---- peers --------------------------------------------------------------------------------------

struct PeersBench : Bench {
  PeersBench() { credential.begin(now); }
  Credential credential{*beside};
  Peers peers{*beside, *table, credential};
};

TEST(PeersPart, ALinkIsGreetedWithHelloAndWhomWeKnow) {
  PeersBench t;
  const Identity ash = t.let_in("ash");
  t.peers.begin(t.now);
  const auto up = t.up(ash, 1);
  t.peers.handle_session(t.now, up);
  t.peers.handle_session(t.now, LinkOpen{1});
  const auto out = t.poll(t.peers);
  ASSERT_EQ(t.said<Hello>(out).size(), 1u);
  EXPECT_EQ(t.said<Hello>(out)[0].observed, up.remote);
  ASSERT_EQ(t.said<PeerList>(out).size(), 1u);
  EXPECT_EQ(t.said<PeerList>(out)[0].peers.size(), 2u);
  ASSERT_EQ(t.events<PeerUp>(out).size(), 1u);
  EXPECT_EQ(t.events<PeerUp>(out)[0].name, "ash");
}

TEST(PeersPart, ARelayIsNamedByItsUserAndHeardFromNobodyElse) {
  PeersBench t;
  const Identity ash = t.let_in("ash");
  const Identity elm = t.let_in("elm");
  const Identity fir = t.let_in("fir");
  t.peers.begin(t.now);
  const RelayAddress own{elm.id, {UdpAddress{Endpoint::v4(0x0a000001, 1)}}, {}};
  const RelayAddress said{fir.id, {UdpAddress{Endpoint::v4(0x0a000002, 2)}}, {}};
  t.through = {own};
  const auto up = t.up(ash, 1);
  t.peers.handle_session(t.now, up);
  t.peers.handle_session(t.now, LinkOpen{1});
  const auto out = t.poll(t.peers);
  ASSERT_EQ(t.said<Hello>(out).size(), 1u);
  EXPECT_EQ(t.said<Hello>(out)[0].others, std::vector<Address>{own});
  EXPECT_EQ(t.said<PeerList>(out)[0].peers[0].others, std::vector<Address>{own});

  const auto of = [&](const Identity& who) { return t.table->find(who.id)->relays; };
  Hello hello;
  hello.instance = {1};
  hello.others = {said};
  ASSERT_TRUE(t.say(t.peers, up, hello));
  EXPECT_EQ(of(ash), std::vector<RelayAddress>{said});
  // What it says of others is not taken.
  PeerList list;
  list.peers.push_back({t.up(elm, 2).certificate.encode(), {}, {said}});
  ASSERT_TRUE(t.say(t.peers, up, list));
  EXPECT_TRUE(of(elm).empty());
  // Of itself it is, and takes the place of what was before; itself and we are no relays to it.
  list.peers = {{up.certificate.encode(),
                 {},
                 {RelayAddress{ash.id, {}, {}}, RelayAddress{t.config.identity.id, {}, {}}, own}}};
  ASSERT_TRUE(t.say(t.peers, up, list));
  EXPECT_EQ(of(ash), std::vector<RelayAddress>{own});
  // From the DHT, signed.
  Learned record{elm.id, t.up(elm, 2).certificate, {}, true, discovery::Source::Record, {said}};
  t.peers.found(t.now, record);
  EXPECT_EQ(of(elm), std::vector<RelayAddress>{said});
}

TEST(PeersPart, AJoinerHearsHelloAndNothingElse) {
  PeersBench t;
  const Identity stranger = Identity::from_seed(t.rng.bytes<32>());
  t.peers.handle_session(t.now, t.up(stranger, 1, true));
  t.peers.handle_session(t.now, LinkOpen{1});
  const auto out = t.poll(t.peers);
  EXPECT_EQ(t.of<Say>(out).size(), 1u);
  EXPECT_EQ(t.said<Hello>(out).size(), 1u);
}

TEST(PeersPart, OneHelloASecondHasAnEffectOnOthers) {
  PeersBench t;
  const Identity ash = t.let_in("ash");
  t.peers.begin(t.now);
  const auto up = t.up(ash, 1);
  t.peers.handle_session(t.now, up);
  Hello hello;
  hello.instance = {1};
  hello.endpoints = {Endpoint::v4(0x0a000001, 1)};
  ASSERT_TRUE(t.say(t.peers, up, hello));
  EXPECT_EQ(t.of<SayAll>(t.poll(t.peers)).size(), 1u);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(t.say(t.peers, up, hello));
  EXPECT_TRUE(t.of<SayAll>(t.poll(t.peers)).empty());
  t.now += kHelloPause;
  t.peers.handle_timeout(t.now);
  EXPECT_EQ(t.of<SayAll>(t.poll(t.peers)).size(), 1u);
}

TEST(PeersPart, APingWaitsForASessionAndIsAnsweredInIt) {
  PeersBench t;
  const Identity ash = t.let_in("ash");
  t.peers.begin(t.now);
  t.peers.ping(t.now, 5, ash.id, 5s);
  EXPECT_TRUE(t.said<Ping>(t.poll(t.peers)).empty());
  const auto up = t.up(ash, 1);
  t.peers.handle_session(t.now, up);
  t.peers.handle_session(t.now, LinkOpen{1});
  const auto pings = t.said<Ping>(t.poll(t.peers));
  ASSERT_EQ(pings.size(), 1u);
  t.now += 20ms;
  ASSERT_TRUE(t.say(t.peers, up, Pong{pings[0].sequence + 1}));
  EXPECT_TRUE(t.events<CommandDone>(t.poll(t.peers)).empty());
  ASSERT_TRUE(t.say(t.peers, up, Pong{pings[0].sequence}));
  const auto done = t.events<CommandDone>(t.poll(t.peers));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(std::get<PingOutcome>(*done[0].result).rtt, 20ms);
  t.peers.ping(t.now, 6, NodeId{{9}}, 5s);
  EXPECT_FALSE(t.events<CommandDone>(t.poll(t.peers)).at(0).result);
}

TEST(PeersPart, AMalformedMessageIsAnError) {
  PeersBench t;
  const Identity ash = t.let_in("ash");
  const auto up = t.up(ash, 1);
  const Bytes bad{0x92, 0x02};
  EXPECT_FALSE(t.peers.handle_control(t.now, {up, 2, bad}));
}

// ---- sync ---------------------------------------------------------------------------------------

TEST(SyncPart, ALinkHearsOurHeadAndWhoIsBehindGetsWhatItAsksFor) {
  Bench t;
  const Identity ash = t.let_in("ash");
  Sync sync(*t.beside, *t.roster);
  sync.begin(t.now);
  const auto up = t.up(ash, 1);
  t.links->add(t.now, up);
  sync.handle_session(t.now, up);
  sync.handle_session(t.now, LinkOpen{1});
  const auto have = t.said<RosterHave>(t.poll(sync));
  ASSERT_EQ(have.size(), 1u);
  EXPECT_EQ(have[0].head, t.roster->head().hash);
  ASSERT_TRUE(t.say(sync, up, RosterGet{}));
  const auto entries = t.said<RosterEntries>(t.poll(sync));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].entries.size(), 2u);
  EXPECT_TRUE(entries[0].last);
}

TEST(SyncPart, AnEntryIsToldOnceItIsStored) {
  Bench t;
  const Identity ash = t.let_in("ash");
  Sync sync(*t.beside, *t.roster);
  sync.begin(t.now);
  bool told = false;
  sync.sign(t.now, {roster::GroupBody{"admins", true, ash.id},
                    [&](Instant, const Result<void>& result) { told = result.has_value(); }});
  const auto out = t.poll(sync);
  const auto stores = t.of<Store>(out);
  ASSERT_EQ(stores.size(), 1u);
  EXPECT_TRUE(t.of<SayAll>(out).empty());
  stores[0].then(t.now, {});
  EXPECT_TRUE(told);
  const auto after = t.poll(sync);
  EXPECT_EQ(t.said<RosterEntries>(after).size(), 1u);
  EXPECT_EQ(t.of<RosterNews>(after).size(), 1u);
  EXPECT_EQ(sync.announced().hash, t.roster->head().hash);
}

TEST(SyncPart, WhatTheRosterForbidsIsRefusedAndAsksForNothing) {
  Bench t;
  Sync sync(*t.beside, *t.roster);
  sync.begin(t.now);
  std::optional<Error> why;
  sync.sign(t.now, {roster::GroupBody{"admins", true, NodeId{{1}}},
                    [&](Instant, const Result<void>& result) {
                      if (!result) why = result.error();
                    }});
  EXPECT_TRUE(why);
  EXPECT_TRUE(t.poll(sync).empty());
}

// ---- relays -------------------------------------------------------------------------------------

// No relay at hand: those that the wanted one names are looked for; nobody else's.
TEST(RelayingPart, AMemberIsSoughtThroughTheRelaysThatItNames) {
  PeersBench t;
  const Identity ash = t.let_in("ash");
  const Identity elm = t.let_in("elm");
  t.peers.begin(t.now);
  RelayHome home{t.rng, t.paths};
  Relaying relaying{*t.beside, *t.table, home};
  const auto place = Endpoint::v4(0x0a000002, 2);
  const auto sought = [&](const std::vector<Address>& named) {
    t.peers.found(t.now,
                  {ash.id, t.up(ash, 1).certificate, {}, true, discovery::Source::Record, named});
    t.poll(t.peers);
    relaying.wanted(t.now, ash.id);
    t.now += 1s;
    relaying.handle_timeout(t.now);
    return t.of<Learned>(t.poll(relaying));
  };
  t.table->want(t.now, *t.table->find(ash.id), false);
  EXPECT_TRUE(sought({}).empty());
  const NodeId stranger{{9}};  // no member
  EXPECT_TRUE(sought({RelayAddress{stranger, {UdpAddress{place}}, {}}}).empty());
  t.now += 1h;
  const auto found = sought({RelayAddress{elm.id, {UdpAddress{place}}, {}}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].node, elm.id);
  EXPECT_EQ(found[0].endpoints, std::vector<Endpoint>{place});
  EXPECT_FALSE(found[0].surely);
}

// ---- members and tickets ------------------------------------------------------------------------

struct MembersBench : Bench {
  MembersBench() {
    credential.begin(now);
    sync.begin(now);
  }
  Sync sync{*beside, *roster};
  NetworkMembers names{config.identity.id, *roster, *table, *sessions};
  Members members{*beside, sync, names, now};
  Credential credential{*beside};
  RelayHome relay_home{rng, paths};
  Relaying relaying{*beside, *table, relay_home};
  Inviter inviter{*beside, credential, members, sync, relaying};
};

TEST(MembersPart, ARemovalIsAnEntryToSign) {
  MembersBench t;
  const Identity ash = t.let_in("ash");
  t.members.remove(3, "ash");
  const auto signs = t.of<Sign>(t.poll(t.members));
  ASSERT_EQ(signs.size(), 1u);
  EXPECT_EQ(std::get<roster::RemovalBody>(signs[0].body).target, ash.id.bytes);
  signs[0].then(t.now, {});
  const auto done = t.events<CommandDone>(t.poll(t.members));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(std::get<MemberOutcome>(*done[0].result).name, "ash");
  t.members.remove(4, "oak");
  EXPECT_EQ(t.events<CommandDone>(t.poll(t.members)).at(0).result.error().code, Errc::Usage);
}

TEST(MembersPart, TheOnlyNodeAndTheOnlyAdminStay) {
  MembersBench t;
  t.members.leave(t.now, 1, 10s, true);
  EXPECT_EQ(t.events<CommandDone>(t.poll(t.members)).at(0).result.error().code, Errc::Conflict);
  t.let_in("ash");
  t.members.leave(t.now, 2, 10s, true);
  EXPECT_EQ(t.events<CommandDone>(t.poll(t.members)).at(0).result.error().code, Errc::Conflict);
}

TEST(InviterPart, ATicketOpensTheDoorAndItsJoinerIsSigned) {
  MembersBench t;
  EXPECT_FALSE(t.inviter.open());
  t.inviter.invite(t.now, 1, "elm", {"expose"}, {"web"}, 15min);
  EXPECT_TRUE(t.inviter.open());
  const auto stores = t.of<Store>(t.poll(t.inviter));
  ASSERT_EQ(stores.size(), 1u);
  stores[0].then(t.now, {});
  const auto done = t.events<CommandDone>(t.poll(t.inviter));
  const auto ticket =
      *roster::Ticket::from_text(std::get<InviteOutcome>(*done.at(0).result).ticket);

  const Identity elm = Identity::from_seed(t.rng.bytes<32>());
  const auto up = t.up(elm, 1, true);
  t.inviter.handle_session(t.now, up);
  ASSERT_TRUE(t.say(t.inviter, up, JoinRequest{ticket.id, {}, "elm", 0}));  // no proof
  EXPECT_EQ(t.said<JoinAnswer>(t.poll(t.inviter)).at(0).status, JoinStatus::WrongProof);
  const auto proof = roster::join_proof(ticket.secret, up.channel_binding);
  ASSERT_TRUE(t.say(t.inviter, up, JoinRequest{ticket.id, proof, "elm", 0}));
  const auto out = t.poll(t.inviter);
  ASSERT_EQ(t.of<Promise>(out).size(), 1u);
  const auto signs = t.of<Sign>(out);
  ASSERT_EQ(signs.size(), 1u);
  EXPECT_EQ(signs[0].rows.size(), 1u);  // the ticket, burnt in the same commit
  EXPECT_TRUE(t.said<JoinAnswer>(out).empty());
  signs[0].then(t.now, {});
  EXPECT_EQ(t.said<JoinAnswer>(t.poll(t.inviter)).at(0).status, JoinStatus::Ok);
}

TEST(InviterPart, ARefusedEntryGivesTheTicketBack) {
  MembersBench t;
  t.inviter.invite(t.now, 1, "elm", {}, {}, 15min);
  t.of<Store>(t.poll(t.inviter)).at(0).then(t.now, {});
  const auto done = t.events<CommandDone>(t.poll(t.inviter));
  const auto ticket =
      *roster::Ticket::from_text(std::get<InviteOutcome>(*done.at(0).result).ticket);
  const Identity elm = Identity::from_seed(t.rng.bytes<32>());
  const auto up = t.up(elm, 1, true);
  t.inviter.handle_session(t.now, up);
  const auto proof = roster::join_proof(ticket.secret, up.channel_binding);
  ASSERT_TRUE(t.say(t.inviter, up, JoinRequest{ticket.id, proof, "elm", 0}));
  t.of<Sign>(t.poll(t.inviter)).at(0).then(t.now, fail(Errc::Limit, "the roster is full"));
  EXPECT_EQ(t.said<JoinAnswer>(t.poll(t.inviter)).at(0).status, JoinStatus::Denied);
  EXPECT_EQ(t.inviter.invites(t.now).size(), 1u);
}

}  // namespace
}  // namespace weft::overlay::testing
