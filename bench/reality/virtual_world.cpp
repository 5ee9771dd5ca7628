// The plan in the simulator.
#include <map>

#include "base/seeded_rng.hpp"
#include "bench/reality/plan.hpp"
#include "simulations/dht/virtual_node.hpp"
#include "simulations/simulator.hpp"

namespace weft::reality {

namespace {

class VirtualWorld final : public sim::DhtObserver {
 public:
  explicit VirtualWorld(const Plan& plan)
      : plan_(plan), simulator_(std::move(*sim::Simulator::create(plan.network, plan.seed))) {
    outcome_.answers.resize(plan.asks.size());
    for (std::uint32_t node = 0; node < plan.identities.size(); ++node) {
      simulator_->add_node(sim::Network::Placement::Public);
      const Identity& identity = plan.identities[node];
      handles_.push_back(book_.intern({identity.id, identity.public_key(), identity.public_key(),
                                       simulator_->network().public_endpoint(node)}));
    }
    simulator_->set_script([this](Instant now, std::uint32_t step) { play(now, step); });
    std::uint32_t step = 0;
    for (const Instant join : plan.joins) simulator_->post_script(join, step++);
    for (std::size_t i = 0; i < plan.dead.size(); ++i) simulator_->post_script(plan.death, step++);
    for (const auto& ask : plan.asks) simulator_->post_script(ask.at, step++);
  }

  Outcome run() {
    simulator_->run_until(plan_.end);
    outcome_.datagrams = simulator_->total_traffic().datagrams_out;
    outcome_.bytes = simulator_->total_traffic().bytes_out;
    return std::move(outcome_);
  }

  void on_event(Instant, std::uint32_t node, dht::DhtEvent&& event) override {
    const auto* found = std::get_if<dht::NodesFound>(&event);
    if (found == nullptr) return;
    const auto entry = asked_.find({node, found->id});
    if (entry == asked_.end()) return;
    const NodeId& target = plan_.asks[entry->second].target;
    const bool right = !found->closest.empty() && book_.id(found->closest[0]) == target;
    outcome_.answers[entry->second] = {found->stats.took, right, found->stats.requests,
                                       found->stats.failures};
  }

 private:
  void play(Instant now, std::uint32_t step) {
    const auto nodes = static_cast<std::uint32_t>(plan_.joins.size());
    const auto dead = static_cast<std::uint32_t>(plan_.dead.size());
    if (step < nodes) {
      auto core = std::make_unique<sim::VirtualNode>(now, context_, step, handles_[step],
                                                     book_.at(handles_[step]), true, sim::Fault{});
      core->dht().set_reachable(now, true);
      const dht::Contact seed = book_.at(handles_[0]);
      if (step > 0) core->dht().bootstrap(now, std::span(&seed, 1));
      simulator_->go_online(step, std::move(core));
    } else if (step < nodes + dead) {
      simulator_->go_offline(plan_.dead[step - nodes]);
    } else {
      const std::uint32_t index = step - nodes - dead;
      const Plan::Ask& ask = plan_.asks[index];
      auto& core = static_cast<sim::VirtualNode&>(*simulator_->core(ask.node));
      asked_[{ask.node, core.dht().find_node(now, ask.target)}] = index;
      simulator_->drain(ask.node);
    }
  }

  const Plan& plan_;
  Outcome outcome_;
  SeededRng rng_{7};
  dht::ContactBook book_{dht::ContactBook::Use::Shared};
  std::vector<dht::ContactHandle> accomplices_;
  sim::NodeContext context_{
      plan_.dht, book_,       rng_, plan_.network_id, WallClock{Instant{}, 1'800'000'000},
      *this,     accomplices_};
  std::unique_ptr<sim::Simulator> simulator_;
  std::vector<dht::ContactHandle> handles_;
  std::map<std::pair<std::uint32_t, dht::LookupId>, std::uint32_t> asked_;
};

}  // namespace

Outcome run_virtual(const Plan& plan) { return VirtualWorld(plan).run(); }

}  // namespace weft::reality
