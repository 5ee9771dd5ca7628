// Who could be in the network and who is: sessions, and a pool of nodes waiting for their turn, so
// that churn replaces whoever leaves and the population follows its target. What a node is called
// is the workload's.
// Sessions are hashes of (seed, node, session number): no draw depends on another node's.
#pragma once

#include <optional>
#include <vector>

#include "simulations/model_random.hpp"
#include "simulations/scenario.hpp"
#include "simulations/simulator.hpp"

namespace weft::sim {

struct Person {
  std::uint32_t sessions = 0;
  Instant online_since{};
  Instant leaves_at = Instant::max();
  Duration online_before{};  // all earlier sessions
  std::uint32_t place = 0;   // in online_ or pool_
  bool stable = false;
  bool sybil = false;
  bool online = false;
  bool ready = false;  // the workload may ask it
  bool fresh = true;   // was never online
  FaultKind fault = FaultKind::None;
};

class Population {
 public:
  Population(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed,
             Simulator& simulator);

  [[nodiscard]] Person& at(std::uint32_t node) { return people_[node]; }
  [[nodiscard]] const Person& at(std::uint32_t node) const { return people_[node]; }
  [[nodiscard]] std::size_t size() const { return people_.size(); }
  [[nodiscard]] std::uint32_t initial() const { return nodes_; }
  [[nodiscard]] const std::vector<std::uint32_t>& online() const { return online_; }
  [[nodiscard]] bool is_seed(std::uint32_t node) const { return node < scenario_.seeds; }

  void enter(std::uint32_t node, Instant now);
  void leave(std::uint32_t node, Instant now, bool back_to_pool);
  // How many to add (> 0) so that the population follows its target.
  [[nodiscard]] std::size_t missing(Instant now) const;
  [[nodiscard]] std::optional<std::uint32_t> draw_from_pool();
  [[nodiscard]] std::optional<std::uint32_t> draw_online();
  // Permille of the initial population.
  void scale_target(std::uint32_t permille) { target_permille_ = permille; }
  [[nodiscard]] std::uint32_t target_scale() const { return target_permille_; }
  [[nodiscard]] ModelRandom& random() { return random_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  Person& place(std::uint32_t node, Network::Placement placement);

  const Scenario& scenario_;
  std::uint32_t nodes_;
  std::uint64_t seed_;
  Simulator& simulator_;
  ModelRandom random_;
  std::vector<Person> people_;
  std::vector<std::uint32_t> online_;
  std::vector<std::uint32_t> pool_;
  std::uint32_t target_permille_ = 1000;
};

}  // namespace weft::sim
