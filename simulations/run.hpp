// One run: a scenario, a seed and a number of nodes become a RunResult. Owns the simulator and
// plays its script: arrivals, departures, faults and samples. What the nodes are, what they are
// asked and what is checked is the workload's (workload.hpp), which the scenario names.
// Pure but for memory: no clock, no file. The owner runs it in steps and may stop between them.
#pragma once

#include <memory>
#include <unordered_map>

#include "simulations/metrics.hpp"
#include "simulations/population.hpp"
#include "simulations/workload.hpp"

namespace weft::sim {

class Run {
 public:
  static Result<std::unique_ptr<Run>> create(const Scenario& scenario, std::uint32_t nodes,
                                             std::uint64_t seed, unsigned threads = 1);
  ~Run();

  // Until `end` of virtual time or *stop.
  void run_until(Instant end, const std::atomic<bool>* stop);
  [[nodiscard]] RunResult finish(bool interrupted);
  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }

  // For the workload.
  [[nodiscard]] Simulator& simulator() { return *simulator_; }
  [[nodiscard]] Population& population() { return *population_; }
  [[nodiscard]] const Population& population() const { return *population_; }
  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] std::uint32_t nodes() const { return nodes_; }
  [[nodiscard]] Workload& workload() { return *workload_; }
  // Workload::play() follows at the first window that starts at `at` or later.
  // REQUIRES: step < kMostSteps, argument < 2^27.
  void post(Instant at, std::uint32_t step, std::uint32_t argument = 0);
  // Until the next of a Poisson process to which every node online adds so many an hour.
  [[nodiscard]] Duration pause(std::uint32_t per_node_hour);
  // A word in the plots over time.
  void mark(Instant now, std::string word);
  static constexpr std::uint32_t kMostSteps = 26;

 private:
  enum class Step : std::uint32_t { Join, Leave, Balance, Sample, Event, Wake, kCount };

  Run(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed);
  Result<void> build(unsigned threads);
  std::unique_ptr<Workload> make_workload();
  void post_own(Instant at, Step step, std::uint32_t argument = 0);
  void play(Instant now, std::uint32_t payload);

  void join(std::uint32_t node, Instant now);
  void leave(std::uint32_t node, Instant now, bool back_to_pool);
  void balance(Instant now);
  std::vector<std::uint32_t> some_online(std::uint32_t percent);
  void cut_off(std::uint32_t percent);
  void play_event(const ScriptedEvent& event, Instant now);
  void sleep_some(const ScriptedEvent& event, Instant now);
  void wake(std::uint32_t node, Instant now);
  void sample(Instant now);

  Scenario scenario_;
  std::uint32_t nodes_;
  std::uint64_t seed_;
  std::unique_ptr<Simulator> simulator_;
  std::unique_ptr<Population> population_;
  std::unique_ptr<Workload> workload_;
  std::unordered_map<std::uint32_t, std::unique_ptr<NodeCore>> asleep_;  // never walked
  std::vector<Sample> samples_;
  Traffic before_;
  std::uint64_t lost_before_ = 0;
  std::uint32_t crowd_left_ = 0;
  std::uint32_t asleep_share_ = 0;  // permille of the target, back when the last one wakes
  std::vector<std::pair<double, std::string>> marks_;
};

}  // namespace weft::sim
