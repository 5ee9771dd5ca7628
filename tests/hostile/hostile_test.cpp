// Real nodes beside a member that deviates: each misdeed alone, then seeds that draw several. The
// number of seeds is WEFT_HOSTILE_SEEDS (200; tools/soak runs 10,000), the first
// WEFT_HOSTILE_FIRST.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/hostile/stage.hpp"

namespace weft::overlay::testing {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string told(const Stage& stage) {
  std::string out;
  for (const auto& violation : stage.violations()) out += "\n  " + violation;
  return out;
}

TEST(Hostile, NothingIsWrongWhileNobodyDeviates) {
  Stage stage(1, Right::Expose);
  stage.rest(10s);
  EXPECT_TRUE(stage.violations().empty()) << told(stage);
  for (const auto& victim : stage.puppet().victims) EXPECT_EQ(victim.ups, 1u) << victim.name;
  auto& a = stage.puppet().victims[0];
  stage.puppet().open(stage.world.now, a, "web", 10);
  stage.rest(1s);
  EXPECT_EQ(a.served, 1u);  // the puppet is a member like others: what it may use it can
  stage.remove_m();
  stage.rest(4s);
  EXPECT_TRUE(stage.violations().empty()) << told(stage);
}

class Alone : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Alone, HarmsNobody) {
  const Misdeed& misdeed = misdeeds()[GetParam()];
  for (const Right right : {Right::None, Right::Admin}) {
    Stage stage(GetParam() + 100, right);
    stage.act(8s, {&misdeed});
    stage.remove_m();
    stage.act(6s, {&misdeed});
    stage.rest(4s);
    EXPECT_TRUE(stage.violations().empty()) << misdeed.name << told(stage);
  }
}

INSTANTIATE_TEST_SUITE_P(Misdeed, Alone, ::testing::Range<std::size_t>(0, misdeeds().size()),
                         [](const auto& which) {
                           std::string name(misdeeds()[which.param].name);
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

TEST(Hostile, SeveralMisdeedsAtOnceFromManySeeds) {
  const auto first = from_environment("WEFT_HOSTILE_FIRST", 1);
  const auto count = from_environment("WEFT_HOSTILE_SEEDS", 200);
  for (auto seed = first; seed < first + count; ++seed) {
    SeededRng rng(seed);
    const auto right = static_cast<Right>(rng.uniform(3));
    Stage stage(seed, right);
    for (int phase = 0; phase < 3; ++phase) {
      std::vector<const Misdeed*> chosen;
      for (std::uint64_t k = 1 + rng.uniform(3); k > 0; --k)
        chosen.push_back(&misdeeds()[rng.uniform(misdeeds().size())]);
      stage.act(2s + std::chrono::milliseconds(rng.uniform(3000)), std::move(chosen));
      if (phase == 1) stage.remove_m();
    }
    stage.rest(3s);
    ASSERT_TRUE(stage.violations().empty())
        << "seed " << seed << told(stage) << "\nrepeat: WEFT_HOSTILE_FIRST=" << seed
        << " WEFT_HOSTILE_SEEDS=1 hostile_test --gtest_filter=Hostile.Several*";
  }
}

}  // namespace
}  // namespace weft::overlay::testing
