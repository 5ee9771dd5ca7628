// Every scenario that comes with weft, small and short, must deliver the very bytes it delivered
// when its digest was recorded: on one thread and two, in every build type, on every machine.
// A change of the protocol changes bytes: then record anew, in the same commit, with
//   WEFT_RECORD=1 build/dev/tests/simulations/sim_golden_test
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "base/crypto.hpp"
#include "simulations/run.hpp"

namespace weft::sim {
namespace {

const std::string kFolder = WEFT_SOURCE_DIR;
constexpr std::uint32_t kNodes = 40;
#ifdef __SANITIZE_THREAD__  // a race shows in two minutes too; all of it takes half an hour
constexpr bool kAsRecorded = false;
constexpr Duration kLongest = 2min;
#else
constexpr bool kAsRecorded = true;
constexpr Duration kLongest = 25min;
#endif

const std::string kRecord = kFolder + "/tests/simulations/golden_digests.txt";

std::map<std::string, std::string> recorded() {
  std::map<std::string, std::string> digests;
  std::ifstream file(kRecord);
  std::string name;
  for (std::string digest; file >> name >> digest;) digests[name] = digest;
  return digests;
}

void record(const std::string& name, const std::string& digest) {
  auto digests = recorded();
  digests[name] = digest;
  std::ofstream file(kRecord);
  for (const auto& [scenario, value] : digests) file << scenario << " " << value << "\n";
}

std::string digest_of(const std::string& name, unsigned threads) {
  auto scenario = load_scenario(kFolder + "/simulations/scenarios/" + name + ".toml");
  EXPECT_TRUE(scenario) << scenario.error().detail;
  if (!scenario) return "";
  scenario->duration = std::min(scenario->duration, kLongest);
  scenario->attack.sybils = std::min(scenario->attack.sybils, 10U);
  crypto::initialise();
  auto run = Run::create(*scenario, kNodes, 1, threads);
  EXPECT_TRUE(run);
  (*run)->simulator().team_from(0);  // however little there is to do
  (*run)->run_until(Instant{scenario->duration}, nullptr);
  return (*run)->finish(false).digest;
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, TheScenarioDeliversTheRecordedBytesOnOneThreadAndTwo) {
  const std::string name = GetParam();
  const std::string digest = digest_of(name, 1);
  EXPECT_EQ(digest_of(name, 2), digest);
  if (!kAsRecorded) return;
  if (std::getenv("WEFT_RECORD") != nullptr) return record(name, digest);
  const auto known = recorded();
  ASSERT_TRUE(known.contains(name)) << "no digest recorded for " << name << ": " << digest;
  EXPECT_EQ(digest, known.at(name));
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Golden,
                         testing::Values("bootstrap", "churn", "cunning", "flash_crowd",
                                         "full_table", "liars", "nat_mix", "partition_heal",
                                         "scale", "short_sessions", "sybil"),
                         [](const auto& scenario) { return std::string(scenario.param); });

}  // namespace
}  // namespace weft::sim
