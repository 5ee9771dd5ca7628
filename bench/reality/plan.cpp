#include "bench/reality/plan.hpp"

#include "base/seeded_rng.hpp"

namespace weft::reality {

Plan make_plan(const PlanOptions& options) {
  Plan plan;
  plan.seed = options.seed;
  SeededRng rng(options.seed);
  plan.network_id.bytes = rng.bytes<32>();
  plan.network.loss.per_million = options.loss_percent * 10'000;
  plan.dht.full_table = false;
  for (std::uint32_t node = 0; node < options.nodes; ++node) {
    plan.identities.push_back(Identity::generate(rng));
    plan.joins.push_back(Instant{50ms * node});
  }
  plan.death = Instant{options.warmup};
  std::vector<bool> is_dead(options.nodes);
  while (plan.dead.size() < options.nodes * options.dead_percent / 100) {
    const auto node = static_cast<std::uint32_t>(1 + rng.uniform(options.nodes - 1));
    if (is_dead[node]) continue;
    is_dead[node] = true;
    plan.dead.push_back(node);
  }
  const auto living = [&] {
    for (;;)
      if (const auto node = static_cast<std::uint32_t>(rng.uniform(options.nodes)); !is_dead[node])
        return node;
  };
  Instant at = plan.death + 10ms;
  for (std::uint32_t i = 0; i < options.lookups; ++i) {
    Plan::Ask ask{at, living(), {}};
    std::uint32_t target = living();
    while (target == ask.node) target = living();
    ask.target = plan.identities[target].id;
    plan.asks.push_back(ask);
    at += options.pace;
  }
  plan.end = at + 5s;
  return plan;
}

}  // namespace weft::reality
