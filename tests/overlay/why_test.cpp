// What a node remembers of its tries to reach a member, and shows who asks (overlay/why.hpp).
#include "overlay/why.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "overlay/network.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

using path::TryResult;
using State = Relaying::Choice::State;

struct Three : World {
  explicit Three(bool parted) {
    r = &add("r");
    a = &add("a");
    b = &add("b");
    if (parted) cut(*a, *b);
    bring_in(*r, *a);
    bring_in(*r, *b);
  }
  WhyView ask(const Node& who, const Node& whom) {
    return why(now, *who.overlay->home(), whom.identity.id);
  }
  bool linked_within(Duration span) {
    return run_until([&] { return ask(*a, *b).session && ask(*b, *a).session; }, span);
  }

  Node *r, *a, *b;
};

// Of that kind of address and with this result.
template <class Kind>
std::size_t tries(const WhyView& view, TryResult result) {
  return std::ranges::count_if(view.tried, [&](const path::Attempt& one) {
    return std::holds_alternative<Kind>(one.where) && one.result == result;
  });
}

TEST(WhyView, ADirectWayTellsWhereItWasCalled) {
  Three world(false);
  ASSERT_TRUE(world.linked_within(10s));
  const auto view = world.ask(*world.a, *world.b);
  EXPECT_TRUE(view.member);
  EXPECT_TRUE(path::is_direct(view.kind));
  EXPECT_EQ(tries<UdpAddress>(view, TryResult::Worked), 1u);
  EXPECT_EQ(tries<UdpAddress>(view, TryResult::NoAnswer), 0u);
  EXPECT_EQ(view.others_by_udp, 1u);
  ASSERT_TRUE(view.heard);
  EXPECT_LE(*view.heard, world.now);
  ASSERT_EQ(view.relays.size(), 1u);
  EXPECT_EQ(view.relays[0].relay, world.r->identity.id);
  EXPECT_EQ(view.relays[0].state, State::Free);
}

TEST(WhyView, ARelayedWayTellsWhatGotNoAnswerAndWhoRelays) {
  Three world(true);
  ASSERT_TRUE(world.linked_within(30s));
  world.run(30s);
  const auto view = world.ask(*world.a, *world.b);
  EXPECT_EQ(view.kind, path::PathKind::Circuit);
  EXPECT_EQ(view.via, world.r->identity.id);
  EXPECT_EQ(tries<RelayAddress>(view, TryResult::Worked), 1u);
  const auto other = world.ask(*world.b, *world.a);
  EXPECT_GE(
      tries<UdpAddress>(view, TryResult::NoAnswer) + tries<UdpAddress>(other, TryResult::NoAnswer),
      1u);
  ASSERT_EQ(view.relays.size(), 1u);
  EXPECT_EQ(view.relays[0].state, State::Used);
  ASSERT_TRUE(view.punch);
  EXPECT_GT(view.punch->tries, 0u);
  EXPECT_EQ(view.punch->last, "no probe came through");
  EXPECT_TRUE(view.punch->theirs);
}

TEST(WhyView, WhoseRelayGivesNothingReadsIt) {
  Three world(true);
  ASSERT_TRUE(world.linked_within(30s));
  world.r->overlay->set_relay(world.now, {.mode = RelaySettings::Mode::Off});
  world.run(90s);
  const auto view = world.ask(*world.a, *world.b);
  EXPECT_FALSE(view.session);
  ASSERT_EQ(view.relays.size(), 1u);
  EXPECT_EQ(view.relays[0].state, State::NoRelay);
  EXPECT_GE(tries<UdpAddress>(view, TryResult::NoAnswer), 1u);
}

TEST(WhyView, ARelayThatKnowsNoSuchNodeIsQuoted) {
  Three world(true);
  ASSERT_TRUE(world.linked_within(30s));
  world.crash(*world.b);
  world.run(120s);
  const auto view = world.ask(*world.a, *world.b);
  EXPECT_FALSE(view.session);
  EXPECT_EQ(tries<RelayAddress>(view, TryResult::Refused), 1u);
  EXPECT_EQ(view.presence, membership::State::Dead);
  ASSERT_TRUE(view.heard);
  EXPECT_GE(world.now - *view.heard, 30s);
}

TEST(WhyView, WhoIsRemovedIsForgottenAndCalledRemoved) {
  Three world(false);
  ASSERT_TRUE(world.linked_within(10s));
  ASSERT_FALSE(world.ask(*world.r, *world.b).tried.empty());
  ASSERT_TRUE(world.finish(*world.r, world.r->overlay->remove_node(world.now, "b")));
  world.run(10s);
  const auto view = world.ask(*world.r, *world.b);
  EXPECT_FALSE(view.member);
  EXPECT_TRUE(view.removed);
  EXPECT_TRUE(view.tried.empty());
}

}  // namespace
}  // namespace weft::overlay::testing
