#include "simulations/scenario.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace weft::sim {
namespace {

TEST(Scenario, EveryShippedScenarioParses) {
  std::size_t count = 0;
  const std::filesystem::path folder = WEFT_SOURCE_DIR;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "simulations/scenarios")) {
    if (entry.path().extension() != ".toml") continue;
    const auto scenario = load_scenario(entry.path().string());
    ASSERT_TRUE(scenario) << scenario.error().detail;
    EXPECT_EQ(scenario->name, entry.path().stem().string());
    EXPECT_FALSE(scenario->description.empty());
    ++count;
  }
  EXPECT_GE(count, 6U);
}

TEST(Scenario, ReadsWhatItIsTold) {
  const auto scenario = parse_scenario(R"(
name = "x"
nodes = 50
duration = "2h"
[network]
loss_percent = 1.5
[churn]
median_session = "84s"
shape = 0.34
[[event]]
kind = "heal"
at = "30m"
[[event]]
kind = "partition"
at = "20m"
percent = 40
[expect]
lookup_success_percent = 99.5
)",
                                       "test");
  ASSERT_TRUE(scenario) << scenario.error().detail;
  EXPECT_EQ(scenario->nodes, 50U);
  EXPECT_EQ(scenario->duration, 2h);
  EXPECT_EQ(scenario->network.loss.per_million, 15'000U);
  EXPECT_EQ(scenario->churn.shape, 340U);
  ASSERT_EQ(scenario->events.size(), 2U);
  EXPECT_EQ(scenario->events[0].kind, ScriptedEvent::Kind::Partition);  // by time
  EXPECT_EQ(scenario->expect.lookup_success, 995U);
}

struct Wrong {
  const char* toml;
  const char* complaint;
};
class ScenarioErrors : public testing::TestWithParam<Wrong> {};

TEST_P(ScenarioErrors, NameTheKey) {
  ASSERT_TRUE(parse_scenario("name = \"x\"\n", "test"));  // the control
  std::string text = "name = \"x\"\n";
  text += GetParam().toml;
  const auto scenario = parse_scenario(text, "test");
  ASSERT_FALSE(scenario);
  EXPECT_NE(scenario.error().detail.find(GetParam().complaint), std::string::npos)
      << scenario.error().detail;
}
INSTANTIATE_TEST_SUITE_P(
    All, ScenarioErrors,
    testing::Values(Wrong{"nods = 5", "unknown key nods"},
                    Wrong{"[churn]\nmedian = \"5m\"", "line 3: unknown key churn.median"},
                    Wrong{"nodes = \"many\"", "nodes must be a whole number"},
                    Wrong{"nodes = 1", "nodes must be a whole number from 2"},
                    Wrong{"duration = \"5 minutes\"", "duration must be a time like"},
                    Wrong{"[[event]]\nkind = \"flood\"", "event.kind must be"},
                    Wrong{"[[event]]\nkind = \"sleep\"\npercent = 150", "event.percent must be"},
                    Wrong{"[attack]\nbehavior = \"rude\"", "attack.behavior must be"},
                    Wrong{"churn = 5", "churn must be a table"}, Wrong{"nodes = ", "test:2"}));

}  // namespace
}  // namespace weft::sim
