#include "simulations/scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "simulations/scenario_shelf.hpp"

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

// A program on a machine without the source tree has all of them, word for word.
TEST(Scenario, EveryShippedScenarioIsInTheProgram) {
  const std::filesystem::path folder = WEFT_SOURCE_DIR;
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder / "simulations/scenarios")) {
    std::ostringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const auto name = file.path().stem().string();
    const auto shipped = std::ranges::find(shipped_scenarios(), name, &ShippedScenario::name);
    ASSERT_NE(shipped, shipped_scenarios().end()) << name;
    EXPECT_EQ(shipped->text, text.str()) << name;
    ++count;
  }
  EXPECT_EQ(shipped_scenarios().size(), count);
}

TEST(Scenario, AFileStandsBeforeTheOneInTheProgram) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "weft_shelf";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "churn.toml") << "name = \"mine\"\n";
  ASSERT_TRUE(find_scenario("churn"));
  EXPECT_EQ(find_scenario("churn")->file, "");
  ::setenv("WEFT_SCENARIOS", folder.c_str(), 1);
  const auto shelved = find_scenario("churn");
  const auto all = all_scenarios();
  ::unsetenv("WEFT_SCENARIOS");
  const auto by_path = find_scenario((folder / "churn.toml").string());
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(shelved && by_path);
  EXPECT_EQ(shelved->text, "name = \"mine\"\n");
  EXPECT_EQ(by_path->file, (folder / "churn.toml").string());
  EXPECT_EQ(all.size(), shipped_scenarios().size());
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

// Every key that the readers ask for stands in backquotes in docs/simulation.md.
TEST(Scenario, EveryKeyIsDocumented) {
  const auto text_of = [](const std::string& path) {
    std::ifstream file(std::string(WEFT_SOURCE_DIR) + "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  };
  const std::string page = text_of("docs/simulation.md");
  const std::regex asked(
      R"re(\.(?:integer|percent|thousandths|boolean|text|duration|section|array_of_tables)\(\s*"(\w+)")re");
  std::size_t keys = 0;
  for (const char* source : {"simulations/scenario.cpp", "simulations/whole/options.cpp"}) {
    const std::string text = text_of(source);
    for (std::sregex_iterator at(text.begin(), text.end(), asked), end; at != end; ++at, ++keys) {
      const std::string key = (*at)[1];
      const bool told = page.find("`" + key + "`") != std::string::npos ||
                        page.find("`[" + key + "]`") != std::string::npos ||
                        page.find("`[[" + key + "]]`") != std::string::npos;
      EXPECT_TRUE(told) << key;
    }
  }
  EXPECT_GT(keys, 50U);
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
    testing::Values(
        Wrong{"nods = 5", "unknown key nods: did you mean nodes?"},
        Wrong{"[whole]\nadmins = 1", "whole is for whole nodes"},
        Wrong{"fidelity = \"half\"", "fidelity must be dht or whole"},
        Wrong{"fidelity = \"whole\"\n[dht]\nk = 20", "dht is for the DHT alone"},
        Wrong{"fidelity = \"whole\"\n[whole]\nadmins = 9", "whole.admins must be at most seeds"},
        Wrong{"[[event]]\nkind = \"remove\"\nat = \"5m\"\npercent = 5", "is for whole nodes"},
        Wrong{"[nat]\ncolour = 5", "unknown key nat.colour; there are cgnat, full_cone"},
        Wrong{"[churn]\nmedian = \"5m\"", "line 3: unknown key churn.median"},
        Wrong{"nodes = \"many\"", "line 2: nodes must be a whole number"},
        Wrong{"nodes = 1", "nodes must be a whole number from 2"},
        Wrong{"duration = \"5 minutes\"", "duration must be a time like"},
        Wrong{"[[event]]\nkind = \"flood\"", "event.kind must be"},
        Wrong{"[[event]]\nkind = \"sleep\"\npercent = 150",
              "event.percent must be a whole number from 1 to 100"},
        Wrong{"[[event]]\nkind = \"flash_crowd\"\npercent = 500",
              "event.percent must be a whole number from 1 to 300"},
        Wrong{"[attack]\nbehavior = \"rude\"", "attack.behavior must be mute, lying, cunning"},
        Wrong{"churn = 5", "churn must be a table"}, Wrong{"nodes = ", "test:2"}));

INSTANTIATE_TEST_SUITE_P(
    Values, ScenarioErrors,
    testing::Values(Wrong{"duration = \"\"", "duration must be a time like"},
                    Wrong{"duration = 30", "duration must be a time in quotes"},
                    Wrong{"duration = \"400d\"", "at most 366d"},
                    Wrong{"[churn]\nmedian_session = \"1h\"\nshape = nan",
                          "shape must be a number from 0.2 to 5"},
                    Wrong{"[network]\nregion = \"mars\"", "line 3: network.region must be world"},
                    Wrong{"[network]\nlatency = \"matrix\"", "network.matrix goes with"},
                    Wrong{"[network]\nlatency = \"embedding\"\nmatrix = \"x\"",
                          "network.matrix goes with"},
                    Wrong{"[nat]\nsymmetric = 60\ncgnat = 60", "nat.cgnat is too much"},
                    Wrong{"[dht]\nrefresh = \"0s\"", "dht.refresh must be at least 1s"},
                    Wrong{"[dht]\nping_min = \"1h\"", "dht.ping_min is longer"}));

// What would run and say nothing, or something else than its author meant.
INSTANTIATE_TEST_SUITE_P(
    Combinations, ScenarioErrors,
    testing::Values(
        Wrong{"nodes = 3", "nodes must be more than seeds"},
        Wrong{"duration = \"5m\"", "must be shorter than duration"},
        Wrong{"join_over = \"2h\"", "join_over must be shorter"},
        Wrong{"[nat]\nhome_size = 2", "nobody is behind a NAT"},
        Wrong{"[churn]\ndiurnal_percent = 10", "without median_session"},
        Wrong{"[attack]\nbehavior = \"deaf\"", "give byzantine_percent or sybils"},
        Wrong{"[attack]\nsybils = 10", "workload.records must be given"},
        Wrong{"[workload]\ngets_per_node_hour = 5", "workload.records must be given"},
        Wrong{"[expect]\nget_success_percent = 99", "gets_per_node_hour is 0"},
        Wrong{"[expect]\nno_lost_record = true", "workload.records is 0"},
        Wrong{"[[event]]\nkind = \"roam\"\npercent = 5", "event.at is missing"},
        Wrong{"[[event]]\nkind = \"roam\"\nat = \"20m\"", "event.percent is missing"},
        Wrong{"[[event]]\nkind = \"roam\"\nat = \"2h\"\npercent = 5", "comes after the end"},
        Wrong{"[[event]]\nkind = \"sleep\"\nat = \"20m\"\npercent = 5", "event.lasts is missing"},
        Wrong{"[[event]]\nkind = \"partition\"\nat = \"2h\"\npercent = 5\n"
              "[[event]]\nkind = \"heal\"\nat = \"3h\"",
              "partition comes after the end"},
        Wrong{"[[event]]\nkind = \"roam\"\nat = \"20m\"\npercent = 5\nlasts = \"5m\"",
              "event.lasts means nothing"},
        Wrong{"[[event]]\nkind = \"heal\"\nat = \"20m\"", "heal needs a partition"}));

TEST(Scenario, AMatrixLiesBesideItsScenario) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "weft_beside";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "mine.toml") << "name = \"x\"\n[network]\nmatrix = \"rtt.csv\"\n";
  const auto scenario = load_scenario((folder / "mine.toml").string());
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(scenario) << scenario.error().detail;
  EXPECT_EQ(scenario->network.latency.matrix_file, (folder / "rtt.csv").string());
}

// The ten minutes of docs/simulation.md begin with these five lines.
TEST(Scenario, TheSmallestOneOfTheManualIsOne) {
  std::ifstream manual(std::string(WEFT_SOURCE_DIR) + "/docs/simulation.md");
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(manual, line);) {
    if (inside && line == "```") break;
    if (inside) text += line + "\n";
    inside = inside || line == "```toml";
  }
  const auto scenario = parse_scenario(text, "docs/simulation.md");
  ASSERT_TRUE(scenario) << scenario.error().detail;
  EXPECT_EQ(scenario->name, "first");
}

}  // namespace
}  // namespace weft::sim
