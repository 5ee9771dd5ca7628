// Offering, inbound and messages together, as the part joins them.
#include "overlay/streams/messages.hpp"

#include <gtest/gtest.h>

#include "base/seeded_rng.hpp"
#include "overlay/streams/codes.hpp"
#include "overlay/streams/message.hpp"
#include "tests/streams/kit.hpp"

namespace weft::overlay {
namespace {

using service::OpenStatus;
const Instant kNow = Instant{} + 100s;
constexpr UnixTime kWall = 1'800'000'000;

roster::Roster found_network(SeededRng& rng, const Identity& self) {
  const auto person = crypto::Ed25519KeyPair::from_seed(rng.bytes<32>());
  roster::GenesisBody genesis;
  genesis.network_name = "home";
  genesis.network_secret = rng.bytes<32>();
  genesis.person_key = person.public_key;
  genesis.person_name = "me";
  genesis.node_key = self.public_key();
  genesis.node_name = "me";
  return *roster::Roster::create(person, std::move(genesis), kWall);
}

// Session 1 was dialled by its peer, session 2 by us.
struct Fixture {
  SeededRng rng{1};
  Identity self = Identity::generate(rng);
  roster::Roster roster = found_network(rng, self);
  service::FakeMembers members;
  FakeIo io;
  StreamCounters counters;
  FakeOutlet outlet;
  Offering offering{roster, members, outlet.out};
  service::Offers offers;
  service::Doors doors{roster.network(), offers, members};
  Inbound inbound{io, offering, members, counters, outlet.out};
  Outbound outbound{io, doors, offers, offering.registry(), 10s, members, counters, outlet.out};
  Messages messages{io, inbound, outbound, counters, outlet.out};
  NodeId caller = self.id;  // a member by the roster, which has no other

  Fixture() {
    members.me = NodeId{{9}};
    members.roster.names[members.me] = "server";
    members.exposers.insert(members.me);
    members.roster.names[caller] = "caller";
    offering.expose(1, {"dns", service::Protocol::Udp, *service::Target::from_text("53")}, {"*"},
                    Wish::Command);
    outlet.store(kNow);
    std::ignore = offering.take_change();
    messages.session_up(1, false);
    messages.session_up(2, true);
    outlet.outputs.clear();
  }
  void open(const StreamKey& key, const std::string& service = "dns") {
    io.ask(key, service);
    messages.stream_came(key);
    inbound.opened(kNow, {kWall, 0, {}}, key, caller);
    messages.stream_changed(key);
  }
  void message(const StreamKey& key, std::string_view text) {
    messages.received({key.session, encode_message(key.stream, bytes_of(text))});
  }
  std::vector<std::string> arrived() {
    std::vector<std::string> out;
    for (const auto& one : outlet.take<MessageArrived>()) out.emplace_back(text_of(one.payload));
    return out;
  }
};

using Texts = std::vector<std::string>;

TEST(Inbound, WhoIsAllowedIsHandedToTheOwner) {
  Fixture t;
  t.open({1, 4});
  ASSERT_EQ(t.outlet.take<InboundStream>().size(), 1u);
  EXPECT_TRUE(t.inbound.is_waiting({1, 4}));
  t.inbound.accept(kNow, {1, 4});
  EXPECT_EQ(t.io.status({1, 4}), OpenStatus::Ok);
  EXPECT_EQ(t.inbound.open_to("dns"), 1u);
  t.inbound.closed({1, 4});
  EXPECT_EQ(t.outlet.take<DataClosed>().size(), 1u);
}

TEST(Inbound, WhoIsNotNeverReachesTheOwner) {
  Fixture t;
  t.open({1, 4}, "nothing");
  EXPECT_EQ(t.io.status({1, 4}), OpenStatus::NoSuchService);
  t.offering.set_access(kNow, 2, "dns", {"caller"}, false);
  t.open({1, 8});
  EXPECT_EQ(t.io.status({1, 8}), OpenStatus::Denied);
  t.members.exposers.clear();
  t.open({1, 12});
  EXPECT_EQ(t.io.status({1, 12}), OpenStatus::Denied);
  EXPECT_TRUE(t.outlet.take<InboundStream>().empty());
  EXPECT_EQ(t.counters.denied, 2u);
  append(t.io.coming[{1, 4}], bytes_of("goes on all the same"));
  t.inbound.readable(kNow, {1, 4});
  EXPECT_TRUE(t.io.readable({1, 4}).empty());  // discarded
}

TEST(Inbound, ADenialEndsWhatIsOpenBeforeItIsStored) {
  Fixture t;
  t.open({1, 4});
  t.inbound.accept(kNow, {1, 4});
  t.open({1, 8});  // its target is being connected
  t.offering.set_access(kNow, 2, "dns", {"caller"}, false);
  ASSERT_TRUE(t.offering.take_change());
  t.inbound.rules_changed(kNow, {kWall, 0, {}});
  EXPECT_EQ(t.io.resets.at({1, 4}), kCodeDenied);
  EXPECT_EQ(t.io.resets.at({1, 8}), kCodeDenied);
  EXPECT_EQ(t.outlet.take<DataClosed>().size(), 1u);  // of the one that waits
  EXPECT_FALSE(t.inbound.is_open({1, 4}));
  EXPECT_TRUE(t.outlet.take<CommandDone>().empty());  // not before the disk has it
  EXPECT_EQ(t.outlet.store(kNow), 1u);
  EXPECT_EQ(t.outlet.take<CommandDone>().size(), 1u);
}

TEST(Offering, AllRulesOfACommandOrNone) {
  Fixture t;
  t.offering.set_access(kNow, 2, "dns", {"caller", "nobody"}, false);
  EXPECT_EQ(t.outlet.take<CommandDone>().at(0).result.error().code, Errc::NotFound);
  EXPECT_FALSE(t.offering.take_change());
  EXPECT_TRUE(t.offering.access("dns").deny.empty());
  EXPECT_EQ(t.outlet.store(kNow), 0u);
}

TEST(Offering, APermissionIsGivenOnceItIsStored) {
  Fixture t;
  std::ignore = t.offering.take_change();
  t.offering.set_access(kNow, 2, "dns", {"caller"}, true);
  EXPECT_FALSE(t.offering.take_change());
  EXPECT_EQ(t.outlet.store(kNow, fail(Errc::Storage, "full")), 1u);
  EXPECT_TRUE(t.offering.take_change());  // in force all the same
  EXPECT_EQ(t.outlet.take<CommandDone>().at(0).result.error().code, Errc::Storage);
}

TEST(Messages, BelongToAnOpenStreamOnly) {
  Fixture t;
  t.open({1, 4});
  t.inbound.accept(kNow, {1, 4});
  t.messages.stream_changed({1, 4});
  t.message({1, 4}, "hi");
  EXPECT_EQ(t.arrived(), Texts{"hi"});
  ASSERT_TRUE(t.messages.send(kNow, {1, 4}, bytes_of("hello")).has_value());
  ASSERT_EQ(t.io.messages.size(), 1u);
  EXPECT_EQ(to_hex(t.io.messages[0].second), "0468656c6c6f");
  t.inbound.closed({1, 4});
  t.message({1, 4}, "late");
  EXPECT_TRUE(t.arrived().empty());
  EXPECT_EQ(t.counters.messages_stray, 1u);
  EXPECT_EQ(t.messages.send(kNow, {1, 4}, bytes_of("x")).error().code, Errc::NotFound);
}

TEST(Messages, OnesThatCameEarlyAreHandedOutInOrder) {
  Fixture t;
  t.message({1, 4}, "before its stream");
  t.open({1, 4});
  t.message({1, 4}, "before the answer");
  EXPECT_TRUE(t.arrived().empty());
  t.inbound.accept(kNow, {1, 4});
  t.messages.stream_changed({1, 4});
  EXPECT_EQ(t.arrived(), (Texts{"before its stream", "before the answer"}));
  EXPECT_EQ(t.messages.held(1), 0u);
}

TEST(Messages, OfARefusedStreamGoNowhere) {
  Fixture t;
  t.message({1, 4}, "early");
  t.open({1, 4}, "nothing");
  EXPECT_EQ(t.messages.held(1), 0u);
  t.message({1, 4}, "late");
  EXPECT_TRUE(t.arrived().empty());
  EXPECT_EQ(t.counters.messages_stray, 2u);
}

TEST(Messages, OnOurOwnStreamsWaitForTheAnswer) {
  Fixture t;
  const auto anna = t.members.add(2, "anna");
  t.members.here[anna] = 1ms;
  t.messages.session_up(102, true);
  t.outbound.connect(kNow, 7, "dns", "anna");
  const auto key = t.outlet.take<ConnectReady>().at(0).key;
  EXPECT_TRUE(t.messages.send(kNow, key, bytes_of("at once")).has_value());
  t.message(key, "before the answer");
  EXPECT_TRUE(t.arrived().empty());
  t.io.answer(key, OpenStatus::Ok);
  t.outbound.readable(kNow, key);
  t.messages.stream_changed(key);
  EXPECT_EQ(t.arrived(), Texts{"before the answer"});
}

TEST(Messages, HostileOnesTakeNoRoom) {
  Fixture t;
  t.messages.received({1, {}});
  t.messages.received({1, {0x40, 0x04}});
  EXPECT_EQ(t.counters.messages_malformed, 2u);
  t.message({77, 4}, "of no session");
  t.message({1, 5}, "a stream that only we could have opened");
  t.message({2, 4}, "the same, dialled the other way");
  EXPECT_EQ(t.counters.messages_stray, 3u);
  for (int i = 0; i < 100; ++i) t.message({1, 4}, "much of one");
  EXPECT_EQ(t.messages.held(1), kEarlyPerStream);
  EXPECT_EQ(t.counters.messages_early_lost, 100 - kEarlyPerStream);
  for (session::StreamId stream = 8; stream < 4000; stream += 4) t.message({1, stream}, "of many");
  EXPECT_EQ(t.messages.held(1), kEarlyPerSession);
  t.messages.session_down(1);
  EXPECT_EQ(t.messages.held(1), 0u);
}

TEST(Messages, WhatTheSessionDoesNotTakeIsCounted) {
  Fixture t;
  t.open({1, 4});
  t.inbound.accept(kNow, {1, 4});
  t.io.message_error = Error{Errc::TooLarge, "a message must fit one packet"};
  EXPECT_EQ(t.messages.send(kNow, {1, 4}, bytes_of("x")).error().code, Errc::TooLarge);
  EXPECT_EQ(t.counters.messages_refused, 1u);
  EXPECT_EQ(t.counters.messages_out, 0u);
}

}  // namespace
}  // namespace weft::overlay
