#include "dht/dht.hpp"

#include <gtest/gtest.h>

#include "tests/dht/world.hpp"

namespace weft::dht {
namespace {

using test::World;
using test::WorldOptions;

TEST(Dht, FiveHundredNodesFindTheClosest) {
  World world;
  world.grow(500, 100ms);
  world.run(60s);
  std::size_t right = 0;
  std::size_t requests = 0;
  Duration slowest{};
  Duration total{};
  constexpr int kLookups = 200;
  for (int i = 0; i < kLookups; ++i) {
    const NodeId target{world.rng().bytes<32>()};
    const std::size_t from = world.rng().uniform(world.size());
    const LookupId id = world.dht(from).find_node(world.now(), target);
    world.drain(from);
    const auto found = world.await<NodesFound>(from);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    ASSERT_FALSE(found->closest.empty());
    // The searcher does not list itself.
    auto truth = world.truth(target, 2);
    if (truth.front() == from) truth.erase(truth.begin());
    right += world.book().id(found->closest.front()) == world.id(truth.front()) ? 1 : 0;
    requests += found->stats.requests;
    slowest = std::max(slowest, found->stats.took);
    total += found->stats.took;
  }
  for (std::size_t i = 0; i < world.size(); ++i) world.dht(i).check_invariants();
  std::size_t memory = 0;
  std::size_t table = 0;
  std::size_t directory = 0;
  for (std::size_t i = 0; i < world.size(); ++i) {
    memory += world.dht(i).memory();
    table += world.dht(i).table_size();
    directory += world.dht(i).directory_size();
  }
  std::printf(
      "right %zu of %d, %.1f requests, mean %.0f ms, slowest %.0f ms, %zu B/node, "
      "table %zu, directory %zu, estimate %llu\n",
      right, kLookups, static_cast<double>(requests) / kLookups,
      static_cast<double>(total.count()) / kLookups / 1e6,
      static_cast<double>(slowest.count()) / 1e6, memory / world.size(), table / world.size(),
      directory / world.size(), static_cast<unsigned long long>(world.dht(0).network_size()));
  EXPECT_EQ(right, static_cast<std::size_t>(kLookups));
}

}  // namespace
}  // namespace weft::dht
