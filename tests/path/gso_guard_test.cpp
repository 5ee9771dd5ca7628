#include "overlay/path/gso_guard.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "base/seeded_rng.hpp"

namespace weft::path {
namespace {

using State = GsoGuard::State;

// Traffic as sessions make it: now a train, now a single; what is lost the pattern says.
struct Traffic {
  explicit Traffic(std::uint64_t seed = 1) : rng(seed) {}
  // Of `sent` packets that left as a train, or alone (sent 1), how many are lost.
  std::function<std::size_t(bool by_kernel, std::size_t sent)> lost;

  void run(GsoGuard& guard, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      now += 20ms;
      guard.look(now);
      const bool by_kernel = guard.may_cut();
      const std::size_t size = 2 + rng.uniform(30);
      guard.note_train(now, by_kernel, size, lost(by_kernel, size));
      guard.note_single(now, lost(false, 1) > 0);
      ever_off = ever_off || guard.state() == State::Off;
      trials += guard.state() == State::Trial && by_kernel ? 1 : 0;
    }
  }
  std::size_t at_random(std::uint32_t permille, std::size_t sent) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < sent; ++i) out += rng.uniform(1000) < permille ? 1 : 0;
    return out;
  }

  SeededRng rng;
  Instant now{1s};
  bool ever_off = false;
  int trials = 0;
};

TEST(GsoGuard, GoesOffWhenTrainsDieAndSinglesLive) {
  GsoGuard guard;
  Traffic traffic;
  traffic.lost = [](bool by_kernel, std::size_t sent) { return by_kernel ? sent : 0; };
  traffic.run(guard, 30);
  EXPECT_EQ(guard.state(), State::Off);
  EXPECT_FALSE(guard.may_cut());
}

TEST(GsoGuard, GoesOffWhenOnlyTheFirstOrTheLastOfEachTrainLives) {
  GsoGuard guard;
  Traffic traffic;
  traffic.lost = [](bool by_kernel, std::size_t sent) { return by_kernel ? sent - 1 : 0; };
  traffic.run(guard, 30);
  EXPECT_EQ(guard.state(), State::Off);
}

TEST(GsoGuard, GoesOffOnALossyPathToo) {
  GsoGuard guard;
  Traffic traffic;
  traffic.lost = [&](bool by_kernel, std::size_t sent) {
    return by_kernel ? sent : traffic.at_random(30, sent);
  };
  traffic.run(guard, 60);
  EXPECT_EQ(guard.state(), State::Off);
}

TEST(GsoGuard, IsTriedAgainAfterAnHour) {
  GsoGuard guard;
  Traffic traffic;
  bool mangled = true;
  traffic.lost = [&](bool by_kernel, std::size_t sent) { return by_kernel && mangled ? sent : 0; };
  traffic.run(guard, 30);
  ASSERT_EQ(guard.state(), State::Off);
  const Instant until = guard.until();
  guard.look(until - 1ns);
  EXPECT_EQ(guard.state(), State::Off);
  guard.look(until);
  EXPECT_EQ(guard.state(), State::On);
  traffic.now = until;
  traffic.run(guard, 30);
  EXPECT_EQ(guard.state(), State::Off);  // as bad as before
  mangled = false;
  traffic.now = guard.until();
  traffic.run(guard, 3000);
  EXPECT_EQ(guard.state(), State::On);
}

TEST(GsoGuard, LossAtRandomNeverTurnsItOff) {
  for (const std::uint32_t permille : {1u, 10u, 50u, 100u, 200u, 300u, 500u, 700u}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      GsoGuard guard;
      Traffic traffic(seed);
      traffic.lost = [&](bool, std::size_t sent) { return traffic.at_random(permille, sent); };
      traffic.run(guard, 5000);
      EXPECT_FALSE(traffic.ever_off) << permille << " of 1000, seed " << seed;
    }
  }
}

// A queue of eight: of a train the tail is lost, whoever cut it; singles pass. A trial tells, once
// in ten minutes.
TEST(GsoGuard, AQueueThatIsTooShortIsNoReason) {
  GsoGuard guard;
  Traffic traffic;
  traffic.lost = [](bool, std::size_t sent) { return sent > 8 ? sent - 8 : 0; };
  traffic.run(guard, 30 * 60 * 50);  // half an hour
  EXPECT_FALSE(traffic.ever_off);
  EXPECT_GE(traffic.trials, 1);
  EXPECT_LE(traffic.trials, 4);
}

// Nothing arrives for a while, of nothing: a cable that was pulled.
TEST(GsoGuard, SilenceIsNoReason) {
  GsoGuard guard;
  Traffic traffic;
  int round = 0;
  traffic.lost = [&](bool, std::size_t sent) { return ++round / 200 % 2 == 1 ? sent : 0; };
  traffic.run(guard, 5000);
  EXPECT_FALSE(traffic.ever_off);
}

TEST(GsoGuard, WithoutSinglesThatArriveNothingIsSaid) {
  GsoGuard guard;
  for (int i = 0; i < 1000; ++i) guard.note_train(Instant{1s}, true, 10, 10);
  EXPECT_EQ(guard.state(), State::On);
}

const Endpoint kCable = *endpoint_from_text("10.0.0.1:0");
const Endpoint kRadio = *endpoint_from_text("10.0.1.1:0");

void mangle(GsoGuards& guards, Instant now, const Endpoint& local) {
  for (int i = 0; i < 40; ++i) {
    const bool by_kernel = guards.may_cut(now, local);
    guards.note(now, local, by_kernel, 8, by_kernel ? 8 : 0);
    guards.note(now, local, false, 1, 0);
  }
}

TEST(GsoGuards, JudgeEachInterfaceAloneAndTellOfEachChangeOnce) {
  GsoGuards guards;
  mangle(guards, Instant{1s}, kCable);
  EXPECT_FALSE(guards.may_cut(Instant{2s}, kCable));
  EXPECT_TRUE(guards.may_cut(Instant{2s}, kRadio));
  const auto off = guards.poll_change();
  ASSERT_TRUE(off);
  EXPECT_EQ(off->local, kCable);
  EXPECT_EQ(off->state, State::Off);
  EXPECT_FALSE(guards.poll_change());
  ASSERT_EQ(guards.off().size(), 1u);
  EXPECT_TRUE(guards.may_cut(off->until, kCable));
  const auto on = guards.poll_change();
  ASSERT_TRUE(on);
  EXPECT_EQ(on->state, State::On);
  EXPECT_TRUE(guards.off().empty());
}

TEST(GsoGuards, TheUsersWordCounts) {
  for (const auto setting : {GsoSetting::On, GsoSetting::Off}) {
    GsoGuards guards;
    guards.set(setting);
    mangle(guards, Instant{1s}, kCable);
    EXPECT_EQ(guards.may_cut(Instant{2s}, kCable), setting == GsoSetting::On);
    EXPECT_FALSE(guards.poll_change());
  }
}

TEST(GsoGuards, SettingsHaveNames) {
  for (const auto setting : {GsoSetting::Auto, GsoSetting::On, GsoSetting::Off})
    EXPECT_EQ(gso_setting_named(name_of(setting)), setting);
}

TEST(GsoGuards, AreBoundedAndKeepWhatIsOff) {
  GsoGuards guards;
  mangle(guards, Instant{1s}, kCable);
  for (std::uint32_t i = 0; i < 1000; ++i)
    guards.note(Instant{2s}, Endpoint::v4(0x0b000000u + i, 0), true, 8, 0);
  EXPECT_EQ(guards.off().size(), 1u);
  EXPECT_FALSE(guards.may_cut(Instant{3s}, kCable));
}

}  // namespace
}  // namespace weft::path
