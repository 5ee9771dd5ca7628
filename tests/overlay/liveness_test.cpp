// Membership in whole nodes: what members say of each other goes by post and links, and shows in
// views and events.
#include <gtest/gtest.h>

#include <algorithm>

#include "overlay/network.hpp"
#include "tests/overlay/world.hpp"

namespace weft::overlay::testing {
namespace {

using membership::State;

struct Three {
  Three() : a(world.add("a")), b(world.add("b")), c(world.add("c")) {
    world.bring_in(a, b);
    world.bring_in(a, c);
    EXPECT_TRUE(world.run_until([&] { return sees(a, b) && sees(b, c) && sees(c, a); }, 60s));
    world.run(5s);
  }
  static MemberView view(const Node& at, const Node& of) {
    for (const auto& member : at.overlay->members())
      if (member.id == of.identity.id) return member;
    return {};
  }
  static bool sees(const Node& at, const Node& of, State state = State::Alive) {
    const auto member = view(at, of);
    return member.presence == state && member.incarnation > 0;
  }
  static std::size_t changes(const Node& at, State to) {
    return static_cast<std::size_t>(std::ranges::count_if(
        at.of<MemberStateChanged>(), [&](const auto& change) { return change.state == to; }));
  }
  World world;
  Node& a;
  Node& b;
  Node& c;
};

TEST(Liveness, WhoCrashesIsDeadForTheOthersAndComesBack) {
  Three t;
  const auto before = Three::view(t.a, t.b).incarnation;
  t.world.crash(t.b);
  const Instant died = t.world.now;
  ASSERT_TRUE(t.world.run_until(
      [&] { return Three::sees(t.a, t.b, State::Dead) && Three::sees(t.c, t.b, State::Dead); },
      20s));
  RecordProperty("dead_ms", static_cast<int>((t.world.now - died) / 1ms));
  EXPECT_LT(t.world.now - died, 8s);
  EXPECT_TRUE(Three::sees(t.a, t.c));
  EXPECT_EQ(Three::changes(t.a, State::Dead), 1u);
  t.world.start(t.b);
  ASSERT_TRUE(t.world.run_until(
      [&] { return Three::sees(t.a, t.b) && Three::sees(t.c, t.b) && Three::sees(t.b, t.c); },
      60s));
  // Its disk had the incarnations that it might have used.
  EXPECT_GT(Three::view(t.a, t.b).incarnation, before);
}

TEST(Liveness, WhoGoesDownHasLeft) {
  Three t;
  t.b.overlay->shutdown(t.world.now);
  t.world.run(100ms);
  t.world.crash(t.b);
  ASSERT_TRUE(t.world.run_until(
      [&] { return Three::sees(t.a, t.b, State::Left) && Three::sees(t.c, t.b, State::Left); },
      5s));
  t.world.run(60s);
  EXPECT_TRUE(Three::sees(t.a, t.b, State::Left));
  EXPECT_EQ(Three::changes(t.a, State::Dead), 0u);
}

TEST(Liveness, ACutLinkIsNoDeath) {
  Three t;
  t.world.cut(t.a, t.b);
  t.world.run(120s);
  EXPECT_TRUE(Three::sees(t.a, t.b));
  EXPECT_TRUE(Three::sees(t.b, t.a));
  EXPECT_EQ(Three::changes(t.a, State::Dead), 0u);
  // The control: without the other one it is.
  t.world.cut(t.c, t.b);
  EXPECT_TRUE(t.world.run_until([&] { return Three::sees(t.a, t.b, State::Dead); }, 60s));
}

TEST(Liveness, WhoWasRemovedIsInNoState) {
  Three t;
  ASSERT_TRUE(t.world.finish(t.a, t.a.overlay->remove_node(t.world.now, "b")).has_value());
  t.world.run(10s);
  EXPECT_EQ(t.a.overlay->home()->liveness().table().find(t.b.identity.id), nullptr);
  EXPECT_EQ(t.c.overlay->home()->liveness().table().find(t.b.identity.id), nullptr);
  EXPECT_TRUE(Three::sees(t.a, t.c));
}

}  // namespace
}  // namespace weft::overlay::testing
