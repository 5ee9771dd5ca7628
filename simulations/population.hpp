// Who could be in the network and who is: identities, sessions, and a pool of nodes waiting for
// their turn, so that churn replaces whoever leaves and the population follows its target.
// Sessions are hashes of (seed, node, session number): no draw depends on another node's.
#pragma once

#include <optional>
#include <vector>

#include "dht/contact_book.hpp"
#include "dht/record.hpp"
#include "simulations/dht/ground_truth.hpp"
#include "simulations/model_random.hpp"
#include "simulations/scenario.hpp"
#include "simulations/simulator.hpp"

namespace weft::sim {

struct Person {
  dht::ContactHandle contact = dht::ContactHandle::None;
  dht::ContactHandle name = dht::ContactHandle::None;  // its first contact
  std::uint32_t sessions = 0;
  Instant online_since{};
  Instant serving_since = Instant::max();
  Instant leaves_at = Instant::max();
  Duration online_before{};  // all earlier sessions
  std::uint32_t place = 0;   // in online_ or pool_
  bool stable = false;
  bool sybil = false;
  bool online = false;
  bool bootstrapped = false;
  bool fresh = true;  // was never online
  FaultKind fault = FaultKind::None;
  std::vector<dht::ContactHandle> cache;  // peers remembered over a restart
};

class Population {
 public:
  Population(const Scenario& scenario, std::uint32_t nodes, std::uint64_t seed,
             Simulator& simulator, dht::ContactBook& book, const dht::Key& victim);

  [[nodiscard]] Person& at(std::uint32_t node) { return people_[node]; }
  [[nodiscard]] const Person& at(std::uint32_t node) const { return people_[node]; }
  [[nodiscard]] std::size_t size() const { return people_.size(); }
  [[nodiscard]] std::uint32_t initial() const { return nodes_; }
  [[nodiscard]] const std::vector<std::uint32_t>& online() const { return online_; }
  [[nodiscard]] const GroundTruth& truth() const { return truth_; }
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
  // The node has another address: another contact.
  dht::ContactHandle renew_contact(std::uint32_t node);
  [[nodiscard]] ModelRandom& random() { return random_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void make_person(std::uint32_t node, Network::Placement placement, const IdentityKey& identity);
  // Next to the record they are after.
  void mine_sybils(std::uint32_t first, const dht::Key& key);

  const Scenario& scenario_;
  std::uint32_t nodes_;
  std::uint64_t seed_;
  Simulator& simulator_;
  dht::ContactBook& book_;
  ModelRandom random_;
  std::vector<Person> people_;
  std::vector<std::uint32_t> online_;
  std::vector<std::uint32_t> pool_;
  GroundTruth truth_;
  std::uint32_t target_permille_ = 1000;
};

}  // namespace weft::sim
