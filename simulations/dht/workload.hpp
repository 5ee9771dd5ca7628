// The DHT alone: every node is the real dht::Dht behind the null sealer. Asks lookups, puts and
// gets, and knows what the right answers are. What nodes report is read between windows, in order
// of time and node.
// Scenario: [workload], [attack], [dht], [expect]. Columns: those of Sample beside the common ones.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/seeded_rng.hpp"
#include "simulations/dht/directory.hpp"
#include "simulations/dht/event_log.hpp"
#include "simulations/dht/virtual_node.hpp"
#include "simulations/model_rng.hpp"
#include "simulations/run.hpp"

namespace weft::sim {

class DhtWorkload final : public Workload {
 public:
  explicit DhtWorkload(Run& run);  // outlives the workload
  ~DhtWorkload() override;

  void start(Instant warm) override;
  std::unique_ptr<NodeCore> arrive(Instant now, std::uint32_t node) override;
  void departed(Instant now, std::uint32_t node, std::unique_ptr<NodeCore> core) override;
  void suspended(std::uint32_t node) override;
  void woke(Instant now, std::uint32_t node, NodeCore& core) override;
  void moved(Instant now, std::uint32_t node) override;
  void play(Instant now, std::uint32_t step, std::uint32_t argument) override;
  void window_over(Instant now) override;
  void sample(Instant now, Sample& row) override;
  void finish(RunResult& result) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  enum Step : std::uint32_t { kLookup, kGet, kPut, kRetry };
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

  void make_sides();
  void make_victim(const NetworkId& network);
  void on_event(Instant now, std::uint32_t node, const dht::DhtEvent& event);
  [[nodiscard]] VirtualNode& node_at(std::uint32_t node);
  [[nodiscard]] Side& side_of(std::uint32_t node) {
    return *sides_[run_.simulator().network().shard_of(node)];
  }
  std::vector<dht::Contact> seeds_for(std::uint32_t node);

  // requests.cpp: what nodes are asked to do and how it went
  void start_requests(Instant warm);
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
  void check_tables(Sample& row);
  void check_records(Sample& row);
  void check_expectations(RunResult& result) const;

  Run& run_;
  const Scenario& scenario_;
  Population& population_;
  std::uint64_t seed_;
  SeededRng rng_;
  NetworkId network_;
  dht::ContactBook book_;  // the script's own
  std::unique_ptr<Directory> directory_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::vector<dht::ContactHandle> accomplices_;
  std::unordered_map<std::uint64_t, Pending> pending_;  // order decides nothing
  dht::Record victim_;                                  // record 0, when there is an attack
  std::vector<Stored> records_;
  Instant next_lookup_;  // as the dice said; it starts with the next window
  Instant next_get_;
  std::vector<Measured> measured_;
  Sample open_;  // what the current interval gathered
  std::vector<std::uint32_t> open_micros_;
  std::uint64_t abandoned_ = 0;
};

}  // namespace weft::sim
