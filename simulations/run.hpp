// One run: a scenario, a seed and a number of nodes become a RunResult. Owns the simulator and
// plays its script: arrivals, departures, faults, the workload, and the checkers all along. What
// nodes report is read between windows, in order of time and node.
// Pure but for memory: no clock, no file. The owner runs it in steps and may stop between them.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/seeded_rng.hpp"
#include "simulations/dht/event_log.hpp"
#include "simulations/dht/virtual_node.hpp"
#include "simulations/metrics.hpp"
#include "simulations/model_rng.hpp"
#include "simulations/population.hpp"

namespace weft::sim {

class Run {
 public:
  static Result<std::unique_ptr<Run>> create(const Scenario& scenario, std::uint32_t nodes,
                                             std::uint64_t seed, unsigned threads = 1);
  ~Run();

  // Until `end` of virtual time or *stop.
  void run_until(Instant end, const std::atomic<bool>* stop);
  [[nodiscard]] RunResult finish(bool interrupted);

  [[nodiscard]] Simulator& simulator() { return *simulator_; }
  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }

 private:
  enum class Step : std::uint32_t {
    Join,
    Leave,
    Balance,
    Lookup,
    Get,
    Put,
    Sample,
    Event,
    Wake,
    Retry
  };
  struct Pending {
    Instant since;
    NodeId target;
    std::uint32_t record = 0;
    Operation operation = Operation::Lookup;
    bool existing = false;
    std::uint32_t first_micros = 0;  // of a get: when the first value came
  };
  // What the nodes of one shard share, so that shards may run at the same time. The books hold the
  // first contact of every node under the same handles; what they meet later differs.
  struct Side {
    Side(std::uint64_t seed, std::size_t capacity)
        : book(dht::ContactBook::Use::Shared, capacity), rng(seed) {}
    dht::ContactBook book;
    ModelRng rng;
    EventLog log;
    std::unique_ptr<NodeContext> context;
  };
  struct Stored {
    dht::Key key;
    dht::RecordKind kind = dht::RecordKind::Immutable;
    bool done = false;  // the put was acknowledged
    std::uint64_t value_tag = 0;
  };

  Run(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed);
  Result<void> build(unsigned threads);
  void make_sides();
  void make_victim(const NetworkId& network);
  void post(Instant at, Step step, std::uint32_t argument = 0);
  void play(Instant now, std::uint32_t payload);
  void read_logs();
  void on_event(Instant now, std::uint32_t node, const dht::DhtEvent& event);

  // run.cpp: the population
  void join(std::uint32_t node, Instant now);
  void leave(std::uint32_t node, Instant now, bool back_to_pool);
  void balance(Instant now);
  std::vector<std::uint32_t> some_online(std::uint32_t percent);
  void cut_off(std::uint32_t percent);
  void play_event(const ScriptedEvent& event, Instant now);
  void sleep_some(const ScriptedEvent& event, Instant now);
  void wake(std::uint32_t node, Instant now);
  [[nodiscard]] VirtualNode& node_at(std::uint32_t node);
  [[nodiscard]] Side& side_of(std::uint32_t node) {
    return *sides_[simulator_->network().shard_of(node)];
  }
  std::vector<dht::Contact> seeds_for(std::uint32_t node);

  // workload.cpp: what nodes are asked to do and how it went
  void start_workload(Instant now);
  [[nodiscard]] Duration pause(std::uint32_t per_node_hour);
  void start_lookup(Instant now);
  void start_get(Instant now);
  void start_put(Instant now, std::uint32_t record);
  void remember(std::uint32_t node, dht::LookupId id, const Pending& pending);
  void finished(Instant now, std::uint32_t node, const dht::NodesFound& found);
  void finished(Instant now, std::uint32_t node, const dht::GetDone& done);
  void finished(Instant now, std::uint32_t node, const dht::PutDone& done);
  // It went away: what it was asked for ends nowhere, and its numbers will be used again.
  void abandon(std::uint32_t node);
  void value_arrived(Instant now, std::uint32_t node, const dht::RecordFound& found);
  void note(Instant now, const Pending& pending, const dht::LookupStats& stats, bool ok,
            unsigned recall);
  [[nodiscard]] std::vector<std::uint32_t> truth_near(const NodeId& target, std::size_t count,
                                                      Instant settled_before) const;

  // observe.cpp: samples and checkers
  void sample(Instant now);
  void check_tables(Sample& row);
  void check_records(Sample& row);
  void check_expectations(RunResult& result) const;

  Scenario scenario_;
  std::uint32_t nodes_;
  std::uint64_t seed_;
  SeededRng rng_;
  NetworkId network_;
  std::unique_ptr<dht::ContactBook> book_;  // the script's own
  std::vector<std::unique_ptr<Side>> sides_;
  std::unique_ptr<Simulator> simulator_;
  std::unique_ptr<Population> population_;
  std::vector<dht::ContactHandle> accomplices_;
  std::unordered_map<std::uint64_t, Pending> pending_;                   // order decides nothing
  std::unordered_map<std::uint32_t, std::unique_ptr<NodeCore>> asleep_;  // never walked
  dht::Record victim_;  // record 0, when there is an attack
  std::vector<Stored> records_;
  Instant next_lookup_;  // as the dice said; it starts with the next window
  Instant next_get_;
  std::vector<Measured> measured_;
  std::vector<Sample> samples_;
  Sample open_;  // what the current interval gathered
  std::vector<std::uint32_t> open_micros_;
  Traffic before_;
  std::uint64_t lost_before_ = 0;
  std::uint32_t crowd_left_ = 0;
  std::uint32_t asleep_share_ = 0;  // permille of the target, back when the last one wakes
  std::uint64_t abandoned_ = 0;
  std::vector<std::pair<double, std::string>> marks_;
};

}  // namespace weft::sim
